/// WebGPU's default for workgroups in one dimension of a dispatch.
const MAX_GROUPS: u32 = 65_535;

/// Workgroup counts for `groups` one-dimensional groups, folded into a second dimension past the
/// limit. The shader recovers the flat index with `flat_id` of `shaders/common/indexing.wgsl` and
/// must check its bound: a folded grid may overshoot.
pub fn groups_1d(groups: u32) -> [u32; 3] {
    if groups <= MAX_GROUPS {
        return [groups.max(1), 1, 1];
    }
    let rows = groups.div_ceil(MAX_GROUPS);
    [groups.div_ceil(rows), rows, 1]
}

/// [`groups_1d`] for `items` items at `group_size` invocations a group.
pub fn groups_for_items(items: usize, group_size: u32) -> [u32; 3] {
    groups_1d(items.div_ceil(group_size as usize) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_past_the_limit_and_covers_every_group() {
        for groups in [0, 1, 65_535, 65_536, 131_071, 200_000, 5_000_000] {
            let [x, y, z] = groups_1d(groups);
            assert!(x <= MAX_GROUPS && y <= MAX_GROUPS && z == 1);
            assert!(u64::from(x) * u64::from(y) >= u64::from(groups));
            assert!(u64::from(x) * u64::from(y) < u64::from(groups.max(1)) + u64::from(y));
        }
        assert_eq!(groups_1d(65_536), [32_768, 2, 1]);
    }
}
