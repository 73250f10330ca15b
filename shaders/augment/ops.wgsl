// The strong operations (reference, `libml/ctaugment.py`), one on each view a dispatch, with Pillow's
// arithmetic: 8 bits in, 8 bits out, and its way of rounding each operation. One workgroup a view.

import package::common::indexing::flat_group;
import package::common::images::{pack_rgb, unpack_rgb};
import package::common::resample::{BOX, NEAREST, filter_support, filter_weight};

const GROUP: u32 = 64u;

// Ids of the operations; `augment::OperationKind` in Rust.
const AUTOCONTRAST: u32 = 0u;
const BLUR: u32 = 1u;
const BRIGHTNESS: u32 = 2u;
const COLOR: u32 = 3u;
const CONTRAST: u32 = 4u;
const CUTOUT: u32 = 5u;
const EQUALIZE: u32 = 6u;
const INVERT: u32 = 7u;
const POSTERIZE: u32 = 9u;
const RESCALE: u32 = 10u;
const ROTATE: u32 = 11u;
const SHARPNESS: u32 = 12u;
const SHEAR_X: u32 = 13u;
const SHEAR_Y: u32 = 14u;
const SMOOTH: u32 = 15u;
const SOLARIZE: u32 = 16u;
const TRANSLATE_X: u32 = 17u;
const TRANSLATE_Y: u32 = 18u;

const CUTOUT_GREY: u32 = 127u;

struct Params {
    views: u32,
    height: u32,
    width: u32,
    /// 1: rotate, shear and translate read between pixels
    bilinear: u32,
    /// 1: rescale and translate by fractions of a pixel, as the reference does
    literal: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
    /// angle + 45: cos, sin and offsets, in 16.16 fixed point or, if bilinear, as bits of floats
    rotations: array<vec4<u32>, 96>,
}

/// `augment::OpDraw` in Rust
struct Draw {
    op: u32,
    level: f32,
    second: f32,
    /// x | y << 16
    centre: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> before: array<u32>;
@group(0) @binding(2) var<storage, read> draws: array<Draw>;
@group(0) @binding(3) var<storage, read_write> after: array<u32>;

/// pixels of each value, one channel after the other
var<workgroup> histogram: array<atomic<u32>, 768>;
/// new value of each value, one channel after the other
var<workgroup> lookup: array<u32, 768>;
var<workgroup> luma_sum: atomic<u32>;

/// A pixel of the view whose first word is `base`.
fn load(base: u32, x: u32, y: u32) -> vec3<u32> {
    return unpack_rgb(before[base + y * params.width + x]);
}

/// `ImagingBlend`: a + alpha (b - a), clipped and truncated.
fn blend(a: vec3<u32>, b: vec3<u32>, alpha: f32) -> vec3<u32> {
    let low = vec3<f32>(a);
    let mixed = low + alpha * (vec3<f32>(b) - low);
    return vec3<u32>(clamp(mixed, vec3<f32>(0.0), vec3<f32>(255.0)));
}

fn luma(rgb: vec3<u32>) -> u32 {
    return (rgb.x * 19595u + rgb.y * 38470u + rgb.z * 7471u + 0x8000u) >> 16u;
}

fn enhance_factor(level: f32) -> f32 {
    return 0.1 + 1.9 * level;
}

// --- whole-image statistics ------------------------------------------------------------------------

/// `ImageOps.equalize` for one channel.
fn equalize_lookup(channel: u32) {
    let first = channel * 256u;
    var total = 0u;
    var last = 0u;
    for (var i = 0u; i < 256u; i++) {
        let n = atomicLoad(&histogram[first + i]);
        total += n;
        last = select(last, n, n > 0u);
    }
    let step = (total - last) / 255u;
    var sum = step / 2u;
    for (var i = 0u; i < 256u; i++) {
        lookup[first + i] = select(min(sum / max(step, 1u), 255u), i, step == 0u);
        sum += atomicLoad(&histogram[first + i]);
    }
}

/// `ImageOps.autocontrast` for one channel: (value - low) 255 / (high - low), in exact integers where
/// Pillow's floats may come out one level lower.
fn autocontrast_lookup(channel: u32) {
    let first = channel * 256u;
    var low = 255u;
    var high = 0u;
    for (var i = 0u; i < 256u; i++) {
        if atomicLoad(&histogram[first + i]) > 0u {
            low = min(low, i);
            high = max(high, i);
        }
    }
    for (var i = 0u; i < 256u; i++) {
        let stretched = (clamp(i, low, high) - low) * 255u / max(high - low, 1u);
        lookup[first + i] = select(i, stretched, high > low);
    }
}

fn looked_up(rgb: vec3<u32>) -> vec3<u32> {
    return vec3<u32>(lookup[rgb.x], lookup[256u + rgb.y], lookup[512u + rgb.z]);
}

// --- filters ---------------------------------------------------------------------------------------

/// `ImageFilter.SMOOTH`; a border of one pixel stays as it is. The sum over 13 never lies on a
/// rounding edge, so integers give what Pillow's floats give.
fn smoothed(base: u32, x: u32, y: u32) -> vec3<u32> {
    let centre = load(base, x, y);
    if min(x, y) < 1u || x + 1u >= params.width || y + 1u >= params.height {
        return centre;
    }
    var sum = 4u * centre;
    for (var j = y - 1u; j <= y + 1u; j++) {
        for (var i = x - 1u; i <= x + 1u; i++) {
            sum += load(base, i, j);
        }
    }
    return (2u * sum + 13u) / 26u;
}

/// `ImageFilter.BLUR`: the mean of the 16 pixels around the inner 3x3; a border of two stays.
fn blurred(base: u32, x: u32, y: u32) -> vec3<u32> {
    if min(x, y) < 2u || x + 2u >= params.width || y + 2u >= params.height {
        return load(base, x, y);
    }
    var sum = vec3<u32>(8u);
    for (var i = x - 2u; i <= x + 2u; i++) {
        sum += load(base, i, y - 2u) + load(base, i, y + 2u);
    }
    for (var j = y - 1u; j <= y + 1u; j++) {
        sum += load(base, x - 2u, j) + load(base, x + 2u, j);
    }
    return sum / 16u;
}

// --- geometry --------------------------------------------------------------------------------------

/// Where a geometric operation reads a pixel: in 16.16 fixed point as Pillow does, and as pixel coordinates
/// for sampling between pixels.
struct Source {
    fixed: vec2<i32>,
    between: vec2<f32>,
}

/// Bilinear mix at (x, y), pixel centres at halves; black outside, the border extends half a pixel.
fn bilinear(base: u32, x: f32, y: f32) -> vec3<u32> {
    if x < 0.0 || y < 0.0 || x >= f32(params.width) || y >= f32(params.height) {
        return vec3<u32>();
    }
    let corner = floor(vec2<f32>(x, y) - 0.5);
    let d = vec2<f32>(x, y) - 0.5 - corner;
    let top = vec2<i32>(i32(params.width), i32(params.height)) - 1;
    let a = vec2<u32>(max(vec2<i32>(corner), vec2<i32>()));
    let b = vec2<u32>(min(vec2<i32>(corner) + 1, top));
    let upper = mix_exact(load(base, a.x, a.y), load(base, b.x, a.y), d.x);
    let lower = mix_exact(load(base, a.x, b.y), load(base, b.x, b.y), d.x);
    return vec3<u32>(upper + (lower - upper) * d.y);
}

/// a + (b - a) d, which is a where both are equal.
fn mix_exact(a: vec3<u32>, b: vec3<u32>, d: f32) -> vec3<f32> {
    let low = vec3<f32>(a);
    return low + (vec3<f32>(b) - low) * d;
}

/// The pixel a geometric operation moves there, black from outside of the image.
fn sampled(base: u32, source: Source) -> vec3<u32> {
    if params.bilinear == 1u {
        return bilinear(base, source.between.x, source.between.y);
    }
    let at = source.fixed >> vec2<u32>(16u);
    if any(at < vec2<i32>()) || any(at >= vec2<i32>(i32(params.width), i32(params.height))) {
        return vec3<u32>();
    }
    return load(base, u32(at.x), u32(at.y));
}

fn to_fixed(v: vec2<f32>) -> vec2<i32> {
    return vec2<i32>(floor(v * 65536.0 + 0.5));
}

/// Counter-clockwise about the centre by a whole number of degrees.
fn rotated(x: u32, y: u32, level: f32) -> Source {
    let row = params.rotations[u32(clamp(i32(round((2.0 * level - 1.0) * 45.0)) + 45, 0, 90))];
    let m = bitcast<vec4<f32>>(row);
    let p = vec2<f32>(f32(x), f32(y));
    let n = bitcast<vec4<i32>>(row);
    let q = vec2<i32>(i32(x), i32(y));
    return Source(
        vec2<i32>(n.x * q.x + n.y * q.y + n.z, n.x * q.y - n.y * q.x + n.w),
        vec2<f32>(m.x * p.x + m.y * p.y + m.z, m.x * p.y - m.y * p.x + m.w),
    );
}

/// out(x, y) = in(x + amount.x y, y + amount.y x), from the origin corner.
fn sheared(x: u32, y: u32, amount: vec2<f32>) -> Source {
    let centre = vec2<f32>(f32(x), f32(y)) + 0.5;
    let pixel = vec2<i32>(i32(x), i32(y));
    let offset = to_fixed(0.5 + 0.5 * amount) + to_fixed(amount) * pixel.yx;
    return Source(pixel * 65536 + offset, centre + amount * centre.yx);
}

/// out(x, y) = in(x + offset.x, y + offset.y)
fn translated(x: u32, y: u32, offset: vec2<f32>) -> Source {
    let centre = vec2<f32>(f32(x), f32(y)) + 0.5 + offset;
    // Half a pixel is half a pixel, however the adapter rounds the product in the offset.
    return Source(vec2<i32>(i32(x), i32(y)) * 65536 + 32768 + to_fixed(offset), centre);
}

/// The table's 0.3 (2 v - 1).
fn signed_level(level: f32) -> f32 {
    return (2.0 * level - 1.0) * 0.3;
}

// --- rescale ---------------------------------------------------------------------------------------

/// First and last pixel (of a cropped side of `crop`) and centre that output pixel `i` of `side` mixes.
struct Taps {
    first: u32,
    end: u32,
    centre: f32,
}

/// The crop is never larger than the side, so a filter keeps its own width.
fn taps(i: u32, crop: u32, side: u32, kind: u32) -> Taps {
    if kind == BOX || kind == NEAREST {
        // One pixel, found in integers: floats could take its neighbour.
        let pixel = (2u * i + 1u) * crop / (2u * side);
        return Taps(pixel, pixel + 1u, f32(pixel) + 0.5);
    }
    let centre = (f32(i) + 0.5) * f32(crop) / f32(side);
    let support = filter_support(kind);
    let first = u32(max(centre - support + 0.5, 0.0));
    return Taps(first, min(u32(centre + support + 0.5), crop), centre);
}

fn tap_weight(t: Taps, i: u32, kind: u32) -> f32 {
    return filter_weight(kind, f32(i) - t.centre + 0.5);
}

fn to_level(sum: vec3<f32>) -> vec3<f32> {
    return floor(clamp(sum, vec3<f32>(0.0), vec3<f32>(255.0)) + 0.5);
}

/// A crop resized to the full image, rows first, with 8 bits between rows and columns.
fn rescaled(base: u32, x: u32, y: u32, draw: Draw) -> vec3<u32> {
    let size = vec2<f32>(f32(params.width), f32(params.height));
    let margin = 0.25 * draw.level * select(size, vec2<f32>(1.0), params.literal == 1u);
    let first = vec2<u32>(round(margin));
    let crop = vec2<u32>(round(size - margin)) - first;
    let kind = u32(clamp(draw.second, 0.0, 1.0) * 5.99);
    if (crop.x == params.width && crop.y == params.height) || min(crop.x, crop.y) == 0u {
        return load(base, x, y);
    }
    let across = taps(x, crop.x, params.width, kind);
    let down = taps(y, crop.y, params.height, kind);
    if kind == BOX || kind == NEAREST {
        return load(base, first.x + across.first, first.y + down.first);
    }
    var sum = vec3<f32>();
    var down_weight = 0.0;
    for (var j = down.first; j < down.end; j++) {
        var row = vec3<f32>();
        var across_weight = 0.0;
        for (var i = across.first; i < across.end; i++) {
            let weight = tap_weight(across, i, kind);
            row += weight * vec3<f32>(load(base, first.x + i, first.y + j));
            across_weight += weight;
        }
        let weight = tap_weight(down, j, kind);
        sum += weight * to_level(row / across_weight);
        down_weight += weight;
    }
    return vec3<u32>(to_level(sum / down_weight));
}

// --- cutout ----------------------------------------------------------------------------------------

fn cut_out(x: u32, y: u32, draw: Draw, rgb: vec3<u32>) -> vec3<u32> {
    let half = i32(1.0 + draw.level * f32(min(params.width, params.height)) * 0.499) / 2;
    let d = vec2<i32>(i32(x), i32(y)) - vec2<i32>(i32(draw.centre & 0xffffu), i32(draw.centre >> 16u));
    let inside = all(d >= vec2<i32>(-half)) && all(d < vec2<i32>(half));
    return select(rgb, vec3<u32>(CUTOUT_GREY), inside);
}

/// Where a geometric operation reads from.
fn source_of(x: u32, y: u32, draw: Draw) -> Source {
    let amount = signed_level(draw.level);
    let side = select(vec2<f32>(f32(params.width), f32(params.height)), vec2<f32>(1.0), params.literal == 1u);
    switch draw.op {
        case ROTATE: {
            return rotated(x, y, draw.level);
        }
        case SHEAR_X: {
            return sheared(x, y, vec2<f32>(amount, 0.0));
        }
        case SHEAR_Y: {
            return sheared(x, y, vec2<f32>(0.0, amount));
        }
        case TRANSLATE_X: {
            return translated(x, y, vec2<f32>(amount * side.x, 0.0));
        }
        default: {
            return translated(x, y, vec2<f32>(0.0, amount * side.y));
        }
    }
}

/// The new value of a pixel; `mean` is the grey that contrast moves away from. Every operation is a blend
/// (one that replaces the pixel has alpha 0), and each sampler is called from one place: shader compilers
/// copy functions to where they are called.
fn changed(base: u32, x: u32, y: u32, draw: Draw, mean: u32) -> vec3<u32> {
    let rgb = load(base, x, y);
    var a = rgb;
    var b = rgb;
    var alpha = 0.0;
    switch draw.op {
        case AUTOCONTRAST, EQUALIZE: {
            b = looked_up(rgb);
            alpha = draw.level;
        }
        case BLUR: {
            b = blurred(base, x, y);
            alpha = draw.level;
        }
        case BRIGHTNESS: {
            a = vec3<u32>();
            alpha = enhance_factor(draw.level);
        }
        case COLOR: {
            a = vec3<u32>(luma(rgb));
            alpha = enhance_factor(draw.level);
        }
        case CONTRAST: {
            a = vec3<u32>(mean);
            alpha = enhance_factor(draw.level);
        }
        case CUTOUT: {
            a = cut_out(x, y, draw, rgb);
        }
        case INVERT: {
            b = 255u - rgb;
            alpha = draw.level;
        }
        case POSTERIZE: {
            let bits = min(1u + u32(draw.level * 7.999), 8u);
            a = rgb & vec3<u32>((0xffu << (8u - bits)) & 0xffu);
        }
        case RESCALE: {
            a = rescaled(base, x, y, draw);
        }
        case ROTATE, SHEAR_X, SHEAR_Y, TRANSLATE_X, TRANSLATE_Y: {
            a = sampled(base, source_of(x, y, draw));
        }
        case SHARPNESS, SMOOTH: {
            let smooth_rgb = smoothed(base, x, y);
            let sharper = draw.op == SHARPNESS;
            a = select(rgb, smooth_rgb, sharper);
            b = select(smooth_rgb, rgb, sharper);
            alpha = select(draw.level, enhance_factor(draw.level), sharper);
        }
        case SOLARIZE: {
            a = select(rgb, 255u - rgb, rgb >= vec3<u32>(u32(draw.level * 255.999)));
        }
        default: {}
    }
    return blend(a, b, alpha);
}

/// Workgroup memory starts at zero. Barriers are outside every condition; a group past the last view
/// repeats the last view's statistics and writes nothing.
@compute @workgroup_size(64)
fn apply(
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let view = flat_group(group, groups);
    let draw = draws[min(view, params.views - 1u)];
    let pixels = params.height * params.width;
    let base = min(view, params.views - 1u) * pixels;
    let has_lookup = draw.op == AUTOCONTRAST || draw.op == EQUALIZE;
    if has_lookup {
        for (var i = local.x; i < pixels; i += GROUP) {
            let rgb = unpack_rgb(before[base + i]);
            atomicAdd(&histogram[rgb.x], 1u);
            atomicAdd(&histogram[256u + rgb.y], 1u);
            atomicAdd(&histogram[512u + rgb.z], 1u);
        }
    }
    if draw.op == CONTRAST {
        var sum = 0u;
        for (var i = local.x; i < pixels; i += GROUP) {
            sum += luma(unpack_rgb(before[base + i]));
        }
        atomicAdd(&luma_sum, sum);
    }
    workgroupBarrier();
    if draw.op == EQUALIZE && local.x < 3u {
        equalize_lookup(local.x);
    }
    if draw.op == AUTOCONTRAST && local.x < 3u {
        autocontrast_lookup(local.x);
    }
    workgroupBarrier();
    let mean = (2u * atomicLoad(&luma_sum) + pixels) / (2u * pixels);
    let end = select(0u, pixels, view < params.views);
    for (var i = local.x; i < end; i += GROUP) {
        after[base + i] = pack_rgb(changed(base, i % params.width, i / params.width, draw, mean));
    }
}
