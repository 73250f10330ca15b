//! Augmentation on the CPU in f64, written from Pillow's documented behaviour and pinned to its output
//! by `fixtures/pillow_reference.safetensors`.

use remixmatch::augment::{AssembleRow, OpDraw, PolicyScale, Sampling, WeakDraw};

/// An RGB image, rows first.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    pub fn from_fn(width: usize, height: usize, f: impl Fn(usize, usize) -> [u8; 3]) -> Self {
        let pixels = (0..height * width).map(|i| f(i % width, i / width)).collect();
        Self { width, height, pixels }
    }

    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        self.pixels[y * self.width + x]
    }

    /// The pixel, or black outside.
    fn or_black(&self, x: f64, y: f64) -> [u8; 3] {
        let inside = x >= 0.0 && y >= 0.0 && x < self.width as f64 && y < self.height as f64;
        if inside { self.at(x as usize, y as usize) } else { [0; 3] }
    }

    fn map(&self, f: impl Fn(usize, usize, usize) -> u8) -> Picture {
        Picture::from_fn(self.width, self.height, |x, y| std::array::from_fn(|c| f(x, y, c)))
    }

    pub fn words(&self) -> Vec<u32> {
        self.pixels.iter().map(|p| u32::from_le_bytes([p[0], p[1], p[2], 255])).collect()
    }
}

fn reflected(i: i64, n: i64) -> usize {
    let mut i = i;
    while n > 1 && !(0..n).contains(&i) {
        i = if i < 0 { -i } else { 2 * (n - 1) - i };
    }
    if n == 1 { 0 } else { i as usize }
}

pub fn weak(source: &Picture, draw: &WeakDraw) -> Picture {
    let flipped = Picture::from_fn(source.width, source.height, |x, y| {
        source.at(if draw.flip == 1 { source.width - 1 - x } else { x }, y)
    });
    Picture::from_fn(source.width, source.height, |x, y| {
        let x = reflected(x as i64 - i64::from(draw.dx), source.width as i64);
        let y = reflected(y as i64 - i64::from(draw.dy), source.height as i64);
        flipped.at(x, y)
    })
}

/// Network input `[height, width, 4]`.
pub fn assemble(views: &[Picture], row: &AssembleRow, channels: usize) -> Vec<f64> {
    let lambda = f64::from(row.lambda);
    let norm = |v: u8| f64::from(v) / 127.5 - 1.0;
    let (a, b) = (&views[row.a as usize], &views[row.b as usize]);
    let (width, height) = (a.width, a.height);
    let mut image: Vec<Vec<[f64; 4]>> = (0..height)
        .map(|y| {
            let mix =
                |x: usize, c: usize| lambda * norm(a.at(x, y)[c]) + (1.0 - lambda) * norm(b.at(x, y)[c]);
            let pixel = |x| std::array::from_fn(|c| if c < channels { mix(x, c) } else { 0.0 });
            (0..width).map(pixel).collect()
        })
        .collect();
    let transposed =
        |image: &[Vec<[f64; 4]>]| (0..width).map(|x| image.iter().map(|row| row[x]).collect()).collect();
    match row.rotation {
        0 => {}
        1 => {
            image.reverse();
            image.iter_mut().for_each(|row| row.reverse());
        }
        2 => {
            image = transposed(&image);
            image.reverse();
        }
        3 => {
            image = transposed(&image);
            image.iter_mut().for_each(|row| row.reverse());
        }
        other => panic!("no rotation {other}"),
    }
    image.into_iter().flatten().flatten().collect()
}

/// Pillow blends in f32 and truncates.
fn blend(a: &Picture, b: &Picture, alpha: f64) -> Picture {
    let alpha = alpha as f32;
    a.map(|x, y, c| {
        let (low, high) = (f32::from(a.at(x, y)[c]), f32::from(b.at(x, y)[c]));
        (low + alpha * (high - low)).clamp(0.0, 255.0) as u8
    })
}

fn luma(p: [u8; 3]) -> u8 {
    ((u32::from(p[0]) * 19595 + u32::from(p[1]) * 38470 + u32::from(p[2]) * 7471 + 0x8000) >> 16) as u8
}

fn histogram(image: &Picture, channel: usize) -> [usize; 256] {
    let mut counts = [0; 256];
    image.pixels.iter().for_each(|p| counts[usize::from(p[channel])] += 1);
    counts
}

fn autocontrast(image: &Picture) -> Picture {
    let tables: Vec<Vec<u8>> = (0..3)
        .map(|c| {
            let counts = histogram(image, c);
            let low = counts.iter().position(|n| *n > 0).expect("an image has pixels") as f64;
            let high = counts.iter().rposition(|n| *n > 0).expect("an image has pixels") as f64;
            let scale = 255.0 / (high - low);
            let stretch = |i: u8| (f64::from(i) * scale + -low * scale).clamp(0.0, 255.0) as u8;
            (0..=255).map(|i| if high <= low { i } else { stretch(i) }).collect()
        })
        .collect();
    image.map(|x, y, c| tables[c][usize::from(image.at(x, y)[c])])
}

fn equalize(image: &Picture) -> Picture {
    let tables: Vec<Vec<u8>> = (0..3)
        .map(|c| {
            let counts = histogram(image, c);
            let last = counts.iter().rev().find(|n| **n > 0).expect("an image has pixels");
            let step = (image.pixels.len() - last) / 255;
            let below = |i: u8| counts[..usize::from(i)].iter().sum::<usize>();
            (0..=255)
                .map(|i| (step / 2 + below(i)).checked_div(step).map_or(i, |level| level.min(255) as u8))
                .collect()
        })
        .collect();
    image.map(|x, y, c| tables[c][usize::from(image.at(x, y)[c])])
}

/// A square kernel over its sum; the border it does not fit into is copied.
fn filtered(image: &Picture, kernel: &[&[f64]]) -> Picture {
    let reach = kernel.len() / 2;
    let total: f64 = kernel.iter().flat_map(|row| row.iter()).sum();
    image.map(|x, y, c| {
        let fits = |i: usize, n: usize| i >= reach && i + reach < n;
        if !fits(x, image.width) || !fits(y, image.height) {
            return image.at(x, y)[c];
        }
        let mut sum = 0.0;
        for (j, row) in kernel.iter().enumerate() {
            for (i, weight) in row.iter().enumerate() {
                sum += weight * f64::from(image.at(x + i - reach, y + j - reach)[c]);
            }
        }
        (sum / total + 0.5) as u8
    })
}

fn smooth(image: &Picture) -> Picture {
    filtered(image, &[&[1.0, 1.0, 1.0], &[1.0, 5.0, 1.0], &[1.0, 1.0, 1.0]])
}

fn blur(image: &Picture) -> Picture {
    let (full, ring): (&[f64], &[f64]) = (&[1.0; 5], &[1.0, 0.0, 0.0, 0.0, 1.0]);
    filtered(image, &[full, ring, ring, ring, full])
}

/// Output to input map `x' = m0 x + m1 y + m2, y' = m3 x + m4 y + m5`.
fn affine(image: &Picture, m: [f64; 6], sampling: Sampling) -> Picture {
    let scaling = m[1] == 0.0 && m[3] == 0.0;
    Picture::from_fn(image.width, image.height, |x, y| {
        let (px, py) = (x as f64 + 0.5, y as f64 + 0.5);
        let (ix, iy) = (m[0] * px + m[1] * py + m[2], m[3] * px + m[4] * py + m[5]);
        if sampling == Sampling::Bilinear {
            return bilinear(image, ix, iy);
        }
        if scaling {
            return image.or_black(ix, iy);
        }
        // Anything but a scaling walks in 16.16 fixed point.
        let fix = |v: f64| (v * 65536.0 + 0.5).floor();
        let walk = |a: f64, b: f64, c: f64| {
            let start = fix(c + 0.5 * a + 0.5 * b);
            ((start + x as f64 * fix(a) + y as f64 * fix(b)) / 65536.0).floor()
        };
        image.or_black(walk(m[0], m[1], m[2]), walk(m[3], m[4], m[5]))
    })
}

fn bilinear(image: &Picture, x: f64, y: f64) -> [u8; 3] {
    if x < 0.0 || y < 0.0 || x >= image.width as f64 || y >= image.height as f64 {
        return [0; 3];
    }
    let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
    let (dx, dy) = (x - 0.5 - left, y - 0.5 - top);
    let pixel = |i: f64, j: f64, c: usize| {
        let i = i.clamp(0.0, image.width as f64 - 1.0) as usize;
        let j = j.clamp(0.0, image.height as f64 - 1.0) as usize;
        f64::from(image.at(i, j)[c])
    };
    std::array::from_fn(|c| {
        let along = |j: f64| pixel(left, j, c) + (pixel(left + 1.0, j, c) - pixel(left, j, c)) * dx;
        let (upper, lower) = (along(top), along(top + 1.0));
        (upper + (lower - upper) * dy) as u8
    })
}

fn rotate(image: &Picture, degrees: f64, sampling: Sampling) -> Picture {
    if degrees == 0.0 {
        return image.clone();
    }
    // Pillow turns by a positive angle and keeps 15 decimals of the matrix.
    let rounded = |v: f64| format!("{v:.15}").parse::<f64>().expect("a number was written");
    let (sin, cos) = (-degrees.rem_euclid(360.0).to_radians()).sin_cos();
    let (sin, cos) = (rounded(sin), rounded(cos));
    let (cx, cy) = (image.width as f64 / 2.0, image.height as f64 / 2.0);
    let tx = cos * -cx + sin * -cy + cx;
    let ty = -sin * -cx + cos * -cy + cy;
    affine(image, [cos, sin, tx, -sin, cos, ty], sampling)
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// Pillow's filters in the order of the reference: half width and weight.
fn filter(index: usize) -> (f64, fn(f64) -> f64) {
    match index {
        0 => (3.0, |x| if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }),
        1 => (2.0, |x| match x.abs() {
            x if x < 1.0 => 1.5 * x.powi(3) - 2.5 * x.powi(2) + 1.0,
            x if x < 2.0 => -0.5 * x.powi(3) + 2.5 * x.powi(2) - 4.0 * x + 2.0,
            _ => 0.0,
        }),
        2 => (1.0, |x| (1.0 - x.abs()).max(0.0)),
        3 => (0.5, |x| if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }),
        4 => (1.0, |x| match x.abs() {
            x if x < 1.0 => sinc(x) * (0.54 + 0.46 * (std::f64::consts::PI * x).cos()),
            _ => 0.0,
        }),
        other => panic!("no filter {other}"),
    }
}

/// First source pixel and 22-bit weights of every output pixel of a side.
fn weights(from: usize, to: usize, filter: (f64, fn(f64) -> f64)) -> Vec<(usize, Vec<i64>)> {
    let (support, weight) = filter;
    (0..to)
        .map(|i| {
            let centre = (i as f64 + 0.5) * (from as f64 / to as f64);
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let raw: Vec<f64> = (first..end).map(|j| weight(j as f64 - centre + 0.5)).collect();
            let total: f64 = raw.iter().sum();
            let fixed = raw.iter().map(|w| (w / total * f64::from(1 << 22)).round() as i64);
            (first, fixed.collect())
        })
        .collect()
}

fn weighted(values: impl Iterator<Item = u8>, weights: &[i64]) -> u8 {
    let sum: i64 = values.zip(weights).map(|(v, w)| i64::from(v) * w).sum();
    ((sum + (1 << 21)) >> 22).clamp(0, 255) as u8
}

fn resize(image: &Picture, width: usize, height: usize, index: usize) -> Picture {
    if (width, height) == (image.width, image.height) {
        return image.clone();
    }
    if index == 5 {
        // Steps add up, as Pillow's do.
        let walk = |from: usize, to: usize| {
            let step = from as f64 / to as f64;
            (0..to).scan(step * 0.5, move |at, _| Some(std::mem::replace(at, *at + step))).collect::<Vec<_>>()
        };
        let (xs, ys) = (walk(image.width, width), walk(image.height, height));
        return Picture::from_fn(width, height, |x, y| image.at(xs[x] as usize, ys[y] as usize));
    }
    let across = weights(image.width, width, filter(index));
    let rows = Picture::from_fn(width, image.height, |x, y| {
        let (first, w) = &across[x];
        std::array::from_fn(|c| weighted((0..w.len()).map(|i| image.at(first + i, y)[c]), w))
    });
    let down = weights(image.height, height, filter(index));
    Picture::from_fn(width, height, |x, y| {
        let (first, w) = &down[y];
        std::array::from_fn(|c| weighted((0..w.len()).map(|i| rows.at(x, first + i)[c]), w))
    })
}

fn rescale(image: &Picture, v: f64, index: usize, literal: bool) -> Picture {
    let margin = |side: usize| 0.25 * v * if literal { 1.0 } else { side as f64 };
    let edges = |side: usize| {
        let m = margin(side);
        (m.round_ties_even() as usize, (side as f64 - m).round_ties_even() as usize)
    };
    let ((x0, x1), (y0, y1)) = (edges(image.width), edges(image.height));
    let crop = Picture::from_fn(x1 - x0, y1 - y0, |x, y| image.at(x0 + x, y0 + y));
    resize(&crop, image.width, image.height, index)
}

fn cutout(image: &Picture, v: f64, centre: u32) -> Picture {
    let shorter = image.width.min(image.height) as f64;
    let half = (1 + (v * shorter * 0.499) as i64) / 2;
    let (cx, cy) = (i64::from(centre & 0xffff), i64::from(centre >> 16));
    image.map(|x, y, c| {
        let inside = |i: usize, centre: i64| (centre - half..centre + half).contains(&(i as i64));
        if inside(x, cx) && inside(y, cy) { 127 } else { image.at(x, y)[c] }
    })
}

/// One operation, as `record_ops` applies it.
pub fn apply(image: &Picture, draw: &OpDraw, scale: PolicyScale, sampling: Sampling) -> Picture {
    let v = f64::from(draw.level);
    let literal = scale == PolicyScale::Literal;
    let factor = 0.1 + 1.9 * v;
    let signed = 0.3 * (2.0 * v - 1.0);
    let offset = |side: usize| if literal { signed } else { signed * side as f64 };
    match draw.op {
        0 => blend(image, &autocontrast(image), v),
        1 => blend(image, &blur(image), v),
        2 => blend(&image.map(|_, _, _| 0), image, factor),
        3 => blend(&image.map(|x, y, _| luma(image.at(x, y))), image, factor),
        4 => {
            let sum: f64 = image.pixels.iter().map(|p| f64::from(luma(*p))).sum();
            let mean = (sum / image.pixels.len() as f64 + 0.5) as u8;
            blend(&image.map(|_, _, _| mean), image, factor)
        }
        5 => cutout(image, v, draw.centre),
        6 => blend(image, &equalize(image), v),
        7 => blend(image, &image.map(|x, y, c| 255 - image.at(x, y)[c]), v),
        8 => image.clone(),
        9 => {
            let dropped = 8 - (1 + (v * 7.999) as u32);
            image.map(|x, y, c| image.at(x, y)[c] >> dropped << dropped)
        }
        10 => rescale(image, v, (f64::from(draw.second) * 5.99) as usize, literal),
        11 => rotate(image, ((2.0 * v - 1.0) * 45.0).round_ties_even(), sampling),
        12 => blend(&smooth(image), image, factor),
        13 => affine(image, [1.0, signed, 0.0, 0.0, 1.0, 0.0], sampling),
        14 => affine(image, [1.0, 0.0, 0.0, signed, 1.0, 0.0], sampling),
        15 => blend(image, &smooth(image), v),
        16 => {
            let threshold = (v * 255.999) as u32;
            image.map(|x, y, c| match image.at(x, y)[c] {
                value if u32::from(value) < threshold => value,
                value => 255 - value,
            })
        }
        17 => affine(image, [1.0, 0.0, offset(image.width), 0.0, 1.0, 0.0], sampling),
        18 => affine(image, [1.0, 0.0, 0.0, 0.0, 1.0, offset(image.height)], sampling),
        other => panic!("no operation {other}"),
    }
}
