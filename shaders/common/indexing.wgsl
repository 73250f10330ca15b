/// Flat item index of a one-dimensional dispatch that may be folded into two dimensions past
/// 65,535 workgroups (`gpu::groups_1d`), at 64 invocations a group.
fn flat_id(global: vec3<u32>, groups: vec3<u32>) -> u32 {
    return global.x + global.y * groups.x * 64u;
}

/// Flat workgroup index of a folded dispatch.
fn flat_group(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.x + group.y * groups.x;
}
