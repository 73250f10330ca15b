// Pillow's resampling filters. Sines are polynomials: adapters may compute `sin` to 11 bits only.

const LANCZOS: u32 = 0u;
const BICUBIC: u32 = 1u;
const BILINEAR: u32 = 2u;
const BOX: u32 = 3u;
const HAMMING: u32 = 4u;
const NEAREST: u32 = 5u;

const PI: f32 = 3.14159265358979;

/// Half the width of a filter, in pixels.
fn filter_support(kind: u32) -> f32 {
    switch kind {
        case LANCZOS: {
            return 3.0;
        }
        case BICUBIC: {
            return 2.0;
        }
        case BILINEAR, HAMMING: {
            return 1.0;
        }
        default: {
            return 0.5;
        }
    }
}

/// sin(pi x): Taylor's series on [-1/2, 1/2], where its remainder is below 1e-8.
fn sin_pi(x: f32) -> f32 {
    let half_periods = round(x);
    let r = (x - half_periods) * PI;
    let s = r * r;
    var tail = fma(s, -2.5052108e-8, 2.7557319e-6);
    tail = fma(s, tail, -1.9841270e-4);
    tail = fma(s, tail, 8.3333333e-3);
    tail = fma(s, tail, -1.6666667e-1);
    let sine = fma(r * s, tail, r);
    return select(sine, -sine, (i32(half_periods) & 1) != 0);
}

fn sinc(x: f32) -> f32 {
    return select(sin_pi(x) / (x * PI), 1.0, x == 0.0);
}

/// Weight of a pixel at distance x from the centre.
fn filter_weight(kind: u32, distance: f32) -> f32 {
    let x = abs(distance);
    if x >= filter_support(kind) {
        return 0.0;
    }
    switch kind {
        case LANCZOS: {
            return sinc(x) * sinc(x / 3.0);
        }
        case BICUBIC: {
            // Keys' kernel with a = -1/2.
            if x < 1.0 {
                return (1.5 * x - 2.5) * x * x + 1.0;
            }
            return -0.5 * (((x - 5.0) * x + 8.0) * x - 4.0);
        }
        case HAMMING: {
            return sinc(x) * (0.54 + 0.46 * sin_pi(x + 0.5));
        }
        default: {
            return 1.0 - x;
        }
    }
}
