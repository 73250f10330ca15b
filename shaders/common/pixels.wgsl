// An image on the GPU is one word a pixel: R in the low byte, then G, B and alpha 255; grey images
// repeat the channel.

const OPAQUE: u32 = 0xff000000u;

/// R, G, B, each 0 to 255.
fn unpack_rgb(word: u32) -> vec3<u32> {
    return vec3<u32>(word & 0xffu, (word >> 8u) & 0xffu, (word >> 16u) & 0xffu);
}

fn pack_rgb(rgb: vec3<u32>) -> u32 {
    return rgb.x | (rgb.y << 8u) | (rgb.z << 16u) | OPAQUE;
}
