/// A convolution k x k, stride 1 or 2, over NHWC feature maps in vec4s along the channels; `Params` of `nn/conv2d.rs`.
struct Convolution {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_channels_vec4: u32,
    out_height: u32,
    out_width: u32,
    out_channels_vec4: u32,
    kernel: u32,
    stride: u32,
    pad_y: u32,
    pad_x: u32,
    /// weight gradient: rows of output pixels (n, y) per slice
    slice_rows: u32,
    /// 1: `residual` is added to the result
    added: u32,
    /// weight gradient: the first slice of the dispatch
    first_slice: u32,
    unused_a: u32,
    unused_b: u32,
}

/// acc + a B for a row a of four inputs and a 4 x 4 block B.
fn multiply_add(acc: vec4<f32>, a: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return fma(vec4(a.w), b3, fma(vec4(a.z), b2, fma(vec4(a.y), b1, fma(vec4(a.x), b0, acc))));
}

/// (first pixel of the image, y, x) of the input corner that output pixel `index` starts from.
fn output_corner(p: Convolution, index: u32) -> vec3<i32> {
    let x = index % p.out_width;
    let row = index / p.out_width;
    let y = row % p.out_height;
    let image = row / p.out_height;
    return vec3<i32>(
        i32(image * p.in_height * p.in_width),
        i32(y * p.stride) - i32(p.pad_y),
        i32(x * p.stride) - i32(p.pad_x),
    );
}

/// Address of the input pixel that a corner's tap (ky, kx) reads; -1 outside.
fn input_address(p: Convolution, corner: vec3<i32>, ky: i32, kx: i32) -> i32 {
    let y = corner.y + ky;
    let x = corner.z + kx;
    let inside = y >= 0 && y < i32(p.in_height) && x >= 0 && x < i32(p.in_width);
    return select(-1, (corner.x + y * i32(p.in_width) + x) * i32(p.in_channels_vec4), inside);
}

/// Input pixel (image, y, x) at `index` in the order of the data gradient; image -1 past the end.
///
/// Pixels are ordered by the parity of (y, x): with stride 2 only a quarter of the taps reaches a pixel,
/// and all pixels of a tile then skip the same taps.
fn input_pixel(p: Convolution, index: u32) -> vec3<i32> {
    let height = (p.in_height + p.stride - 1u) / p.stride;
    let width = (p.in_width + p.stride - 1u) / p.stride;
    let parity_pixels = p.batch * height * width;
    let parity = index / parity_pixels;
    let at = index % parity_pixels;
    let y = at / width % height * p.stride + parity / p.stride;
    let x = at % width * p.stride + parity % p.stride;
    let inside = (parity < p.stride * p.stride) & (y < p.in_height) & (x < p.in_width);
    return vec3<i32>(select(-1, i32(at / width / height), inside), i32(y), i32(x));
}

/// (first output pixel of the image, y + pad, x + pad) of an input pixel.
fn input_corner(p: Convolution, pixel: vec3<i32>) -> vec3<i32> {
    let first = pixel.x * i32(p.out_height * p.out_width);
    return vec3<i32>(first, pixel.y + i32(p.pad_y), pixel.z + i32(p.pad_x));
}

/// Address of the output pixel whose tap (ky, kx) read this input pixel; -1 if there is none.
fn output_address(p: Convolution, corner: vec3<i32>, ky: i32, kx: i32) -> i32 {
    // The stride is 1 or 2: dividing by it is a shift, which is much faster on a software adapter.
    let shift = p.stride - 1u;
    let y = corner.y - ky;
    let x = corner.z - kx;
    let out_y = y >> shift;
    let out_x = x >> shift;
    // & instead of &&, which some shader compilers turn into branches: one took seven times as long.
    let inside = (min(corner.x, min(y, x)) >= 0) & (((y | x) & i32(shift)) == 0)
        & (out_y < i32(p.out_height)) & (out_x < i32(p.out_width));
    return select(-1, (corner.x + out_y * i32(p.out_width) + out_x) * i32(p.out_channels_vec4), inside);
}

/// Address of vec4 `column` of the data gradient at `index` in its order; -1 past the end.
fn gradient_address(p: Convolution, index: u32, column: u32) -> i32 {
    let pixel = input_pixel(p, index);
    let row = (pixel.x * i32(p.in_height) + pixel.y) * i32(p.in_width) + pixel.z;
    return select(-1, row * i32(p.in_channels_vec4) + i32(column), pixel.x >= 0);
}
