/// One network input: image a mixed with image b, then turned; `augment::AssembleRow` in Rust.
struct Row {
    a: u32,
    b: u32,
    lambda: f32,
    /// 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise
    rotation: u32,
}
