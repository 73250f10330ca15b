/// One network input: image a mixed with image b, then turned; `augment::AssembleRow` in Rust.
struct Row {
    a: u32,
    b: u32,
    lambda: f32,
    /// 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise
    rotation: u32,
}

/// Pixel of the unturned image, of `size` width and height, that lands on `at`; the side is one for quarter
/// turns.
fn turned(rotation: u32, at: vec2<u32>, size: vec2<u32>) -> u32 {
    var from_pixel = at;
    if rotation == 1u {
        from_pixel = size - 1u - at;
    } else if rotation == 2u {
        from_pixel = vec2<u32>(size.y - 1u - at.y, at.x);
    } else if rotation == 3u {
        from_pixel = vec2<u32>(at.y, size.x - 1u - at.x);
    }
    return from_pixel.y * size.x + from_pixel.x;
}
