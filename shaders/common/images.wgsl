// Images and network inputs. An image is one word per pixel: R in the low byte, then G, B and alpha 255; grey images
// repeat the channel.

const OPAQUE: u32 = 0xff000000u;

/// R, G, B, each 0 to 255.
fn unpack_rgb(word: u32) -> vec3<u32> {
    return vec3<u32>(word & 0xffu, (word >> 8u) & 0xffu, (word >> 16u) & 0xffu);
}

fn pack_rgb(rgb: vec3<u32>) -> u32 {
    return rgb.x | (rgb.y << 8u) | (rgb.z << 16u) | OPAQUE;
}

/// One network input: view a mixed with view b, then rotated; `augment::AssembleRow` in Rust.
struct Row {
    a: u32,
    b: u32,
    lambda: f32,
    /// 0 none, 1 = 180 degrees, 2 = 90 counter-clockwise, 3 = 90 clockwise
    rotation: u32,
}

/// Index of the pixel that a rotation moves to `at`, for images of `size` [width, height], which is square for rotations
/// by 90 degrees.
fn rotated_pixel(rotation: u32, at: vec2<u32>, size: vec2<u32>) -> u32 {
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
