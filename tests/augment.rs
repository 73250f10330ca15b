//! Augmentation on the GPU against the CPU reference and against Pillow.

mod oracle_augment;

use oracle_augment::{Picture, apply, assemble, weak};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use remixmatch::augment::{
    AssembleRow, OPERATIONS, OpDraw, OpOptions, OperationKind, PolicyScale, RandAugment, Sampling,
    StrongPolicy, WeakDraw, record_assemble, record_ops, record_weak,
};
use remixmatch::gpu::{Gpu, PlanBuilder};
use remixmatch::nn::{Activation, InputScale};

/// Odd sizes, one pixel, the data sets' sizes, not square: `[width, height]`.
const SIZES: [[usize; 2]; 7] = [[1, 1], [3, 3], [17, 17], [32, 32], [96, 96], [17, 5], [4, 23]];

fn gpu() -> Gpu {
    Gpu::new_blocking().expect("tests need an adapter")
}

/// Waves and noise that use part of the range; grey repeats the first channel.
fn picture(rng: &mut ChaCha8Rng, [width, height]: [usize; 2], grey: bool) -> Picture {
    let (wave, slope) = (rng.random_range(0.1..0.9), rng.random_range(5.0..40.0));
    let noise: Vec<f64> = (0..width * height * 3).map(|_| rng.random_range(-20.0..20.0)).collect();
    Picture::from_fn(width, height, |x, y| {
        let channel = |c: usize| {
            let c = if grey { 0 } else { c };
            let value = 110.0 + 70.0 * (wave * x as f64 + c as f64).sin() + slope * y as f64 / height as f64;
            (value + noise[(y * width + x) * 3 + c]).round() as u8
        };
        [channel(0), channel(1), channel(2)]
    })
}

fn concatenated(pictures: &[Picture]) -> Vec<u32> {
    pictures.iter().flat_map(Picture::words).collect()
}

fn split(words: &[u32], [width, height]: [usize; 2]) -> Vec<Picture> {
    let bad = words.iter().position(|word| word >> 24 != 255);
    assert_eq!(bad, None, "alpha stays 255 in {} words", words.len());
    let image = |words: &[u32]| {
        Picture::from_fn(width, height, |x, y| {
            let [r, g, b, _] = words[y * width + x].to_le_bytes();
            [r, g, b]
        })
    };
    words.chunks_exact(width * height).map(image).collect()
}

fn run_weak(gpu: &Gpu, sources: &[Picture], draws: &[WeakDraw]) -> Vec<Picture> {
    let size = [sources[0].width, sources[0].height];
    let pixels = size[0] * size[1];
    let mut b = PlanBuilder::new();
    let source = b.persistent("sources", sources.len() * pixels);
    let table = b.persistent("draws", draws.len() * 4);
    let views = b.persistent("views", draws.len() * pixels);
    record_weak(&mut b, [size[1], size[0]], source, table, views, draws.len());
    let program = b.program(0);
    let plan = b.build(gpu).unwrap();
    plan.write(gpu, source, &concatenated(sources));
    plan.write(gpu, table, draws);
    plan.run(gpu, program);
    split(&plan.read::<u32>(gpu, views).unwrap(), size)
}

/// Applies `passes` rows of draws one after another to `views`, each pass a dispatch.
fn run_ops(gpu: &Gpu, views: &[Picture], passes: &[Vec<OpDraw>], options: OpOptions) -> Vec<Picture> {
    let size = [views[0].width, views[0].height];
    let words = views.len() * size[0] * size[1];
    let mut b = PlanBuilder::new();
    let mut current = b.persistent("views", words);
    let first = current;
    let stride = (views.len() * 4).next_multiple_of(64);
    let table = b.persistent("draws", stride * passes.len());
    for pass in 0..passes.len() {
        let next = b.persistent("changed views", words);
        let draws = table.slice(pass * stride, views.len() * 4);
        record_ops(&mut b, [size[1], size[0]], options, current, draws, next, views.len());
        current = next;
    }
    let program = b.program(0);
    let plan = b.build(gpu).unwrap();
    plan.write(gpu, first, &concatenated(views));
    for (pass, draws) in passes.iter().enumerate() {
        plan.write(gpu, table.slice(pass * stride, views.len() * 4), draws);
    }
    plan.run(gpu, program);
    split(&plan.read::<u32>(gpu, current).unwrap(), size)
}

/// Largest difference of a value and how many values differ.
fn difference(found: &Picture, expected: &Picture) -> (u8, usize) {
    let pairs = found.pixels.as_flattened().iter().zip(expected.pixels.as_flattened());
    let gaps: Vec<u8> = pairs.map(|(a, b)| a.abs_diff(*b)).filter(|gap| *gap > 0).collect();
    (gaps.iter().copied().max().unwrap_or(0), gaps.len())
}

/// Operations whose arithmetic is in whole numbers or table look-ups on the GPU: they must be exact.
/// The others may be one level off where f32 and f64 fall on different sides of a rounding edge.
fn is_exact(draw: &OpDraw, sampling: Sampling) -> bool {
    use OperationKind::{
        Cutout, Equalize, Identity, Invert, Posterize, Rescale, Rotate, ShearX, ShearY, Smooth, Solarize,
        TranslateX, TranslateY,
    };
    match OPERATIONS[draw.op as usize].kind {
        Identity | Cutout | Posterize | Solarize => true,
        Rotate | ShearX | ShearY | TranslateX | TranslateY => sampling == Sampling::Nearest,
        Rescale => (draw.second * 5.99) as u32 % 2 == 1 && draw.second > 0.4,
        Equalize | Invert | Smooth => draw.level == 1.0 || draw.level == 0.0,
        _ => false,
    }
}

/// Share of values that may be one level off. Truncation of round fractions is common in two places: a
/// stretch lands on whole levels, and a rotation by 45 degrees or a shift by tenths of a pixel mixes whole
/// levels.
fn may_be_off(draw: &OpDraw, sampling: Sampling) -> f64 {
    match OPERATIONS[draw.op as usize].kind {
        OperationKind::Autocontrast => 0.2,
        OperationKind::Rotate | OperationKind::TranslateX | OperationKind::TranslateY
            if sampling == Sampling::Bilinear =>
        {
            0.1
        }
        _ => 0.02,
    }
}

fn assert_close(found: &Picture, expected: &Picture, draw: &OpDraw, options: OpOptions) {
    let (largest, count) = difference(found, expected);
    let name = OPERATIONS[draw.op as usize].name;
    let allowed = if is_exact(draw, options.sampling) { 0 } else { 1 };
    assert!(largest <= allowed, "{name} {draw:?} {options:?}: off by {largest} at {count} values");
    let values = found.pixels.len() * 3;
    let limit = (may_be_off(draw, options.sampling) * values as f64).max(8.0);
    assert!(count as f64 <= limit, "{name} {draw:?} {options:?}: {count} of {values} values off");
}

#[test]
fn weak_views_match_the_reference() {
    let gpu = gpu();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for size in SIZES {
        let sources: Vec<_> = (0..3).map(|i| picture(&mut rng, size, i == 1)).collect();
        let mut draws: Vec<_> = (0..40)
            .map(|i| WeakDraw {
                source: rng.random_range(0..3),
                // Some shifts are several times the side.
                dx: rng.random_range(-4..=4) * if i < 20 { 1 } else { 37 },
                dy: rng.random_range(-4..=4) * if i < 20 { 1 } else { 41 },
                flip: i % 2,
            })
            .collect();
        draws.push(WeakDraw { source: 2, dx: 0, dy: 0, flip: 0 });
        let views = run_weak(&gpu, &sources, &draws);
        for (view, draw) in views.iter().zip(&draws) {
            assert_eq!(*view, weak(&sources[draw.source as usize], draw), "{size:?} {draw:?}");
        }
        assert_eq!(views[40], sources[2]);
    }
}

#[test]
fn positive_shifts_move_right_and_down() {
    let gpu = gpu();
    let ramp = Picture::from_fn(4, 3, |x, y| [x as u8, y as u8, 0]);
    let views = run_weak(&gpu, &[ramp], &[WeakDraw { source: 0, dx: 2, dy: 1, flip: 0 }]);
    let row: Vec<u8> = (0..4).map(|x| views[0].at(x, 0)[0]).collect();
    let column: Vec<u8> = (0..3).map(|y| views[0].at(0, y)[1]).collect();
    assert_eq!((row, column), (vec![2, 1, 0, 1], vec![1, 0, 1]));
}

#[test]
fn operations_match_the_reference_at_every_size() {
    let gpu = gpu();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for size in SIZES {
        for (scale, sampling) in [
            (PolicyScale::Paper, Sampling::Nearest),
            (PolicyScale::Paper, Sampling::Bilinear),
            (PolicyScale::Literal, Sampling::Nearest),
            (PolicyScale::Literal, Sampling::Bilinear),
        ] {
            let options = OpOptions { scale, sampling };
            let count = if size == [96, 96] { 1 } else { 6 };
            let draws: Vec<_> = OPERATIONS
                .iter()
                .flat_map(|o| std::iter::repeat_n(o.kind, count))
                .enumerate()
                .map(|(i, kind)| {
                    let level = match i % count {
                        0 => rng.random(),
                        1 => 0.0,
                        2 => 1.0,
                        _ => rng.random(),
                    };
                    let second = rng.random();
                    OpDraw::new(&mut rng, kind, [level, second], size.map(|s| s as u32))
                })
                .collect();
            let views: Vec<_> = (0..draws.len()).map(|i| picture(&mut rng, size, i % 3 == 0)).collect();
            let changed = run_ops(&gpu, &views, std::slice::from_ref(&draws), options);
            for ((found, view), draw) in changed.iter().zip(&views).zip(&draws) {
                assert_close(found, &apply(view, draw, scale, sampling), draw, options);
            }
        }
    }
}

#[test]
fn two_dispatches_apply_two_operations_in_order() {
    let gpu = gpu();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let view = picture(&mut rng, [32, 32], false);
    let invert = OpDraw::new(&mut rng, OperationKind::Invert, [1.0, 0.0], [32, 32]);
    let solarize = OpDraw::new(&mut rng, OperationKind::Solarize, [0.5, 0.0], [32, 32]);
    let options = OpOptions::default();
    let views = [view.clone(), view.clone(), view.clone()];
    let passes = [vec![invert, solarize, OpDraw::IDENTITY], vec![solarize, invert, OpDraw::IDENTITY]];
    let changed = run_ops(&gpu, &views, &passes, options);
    let reference = |draw, view| apply(&view, draw, options.scale, options.sampling);
    assert_eq!(changed[0], reference(&solarize, reference(&invert, view.clone())));
    assert_eq!(changed[1], reference(&invert, reference(&solarize, view.clone())));
    assert_ne!(changed[0], changed[1]);
    assert_eq!(changed[2], view);
}

#[test]
fn folded_dispatches_change_every_view() {
    let gpu = gpu();
    let views: Vec<_> =
        (0..70_001).map(|i| Picture::from_fn(1, 1, |_, _| [i as u8, (i >> 8) as u8, 7])).collect();
    let draw = OpDraw { op: OperationKind::Invert.id(), level: 1.0, ..OpDraw::IDENTITY };
    let changed = run_ops(&gpu, &views, &[vec![draw; views.len()]], OpOptions::default());
    for (found, view) in changed.iter().zip(&views) {
        assert_eq!(found.pixels[0], view.pixels[0].map(|v| 255 - v));
    }
}

struct Case {
    draw: OpDraw,
    options: OpOptions,
    expected: Picture,
}

/// The picture and the cases `make_pillow_reference.py` wrote.
fn pillow(name: &str) -> (Picture, Vec<Case>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pillow_reference.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |kind: &str| tensors.tensor(&format!("{kind}.{name}")).unwrap();
    let [height, width, 3] = *tensor("image").shape() else { panic!("an RGB image") };
    let image = |bytes: &[u8]| {
        Picture::from_fn(width, height, |x, y| {
            let at = (y * width + x) * 3;
            [bytes[at], bytes[at + 1], bytes[at + 2]]
        })
    };
    let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor("cases").data());
    let results = tensor("results");
    let cases = values.chunks_exact(7).zip(results.data().chunks_exact(width * height * 3));
    let cases = cases.map(|(row, result)| Case {
        draw: OpDraw {
            op: row[0] as u32,
            level: row[1],
            second: row[2],
            centre: row[3] as u32 | (row[4] as u32) << 16,
        },
        options: OpOptions {
            scale: if row[5] == 1.0 { PolicyScale::Literal } else { PolicyScale::Paper },
            sampling: if row[6] == 1.0 { Sampling::Bilinear } else { Sampling::Nearest },
        },
        expected: image(result),
    });
    (image(tensor("image").data()), cases.collect())
}

#[test]
fn the_reference_equals_pillow() {
    for name in ["small", "large"] {
        let (view, cases) = pillow(name);
        assert!(cases.len() >= 60, "{} cases", cases.len());
        for Case { draw, options, expected } in &cases {
            let found = apply(&view, draw, options.scale, options.sampling);
            let (largest, count) = difference(&found, expected);
            let op = OPERATIONS[draw.op as usize].name;
            assert_eq!(largest, 0, "{name}: {op} {draw:?} {options:?} differs at {count} values");
        }
    }
}

#[test]
fn the_kernels_equal_pillow_except_at_rounding_edges() {
    let gpu = gpu();
    for name in ["small", "large"] {
        let (view, cases) = pillow(name);
        for options in [
            OpOptions::default(),
            OpOptions { scale: PolicyScale::Paper, sampling: Sampling::Bilinear },
            OpOptions { scale: PolicyScale::Literal, sampling: Sampling::Nearest },
            OpOptions { scale: PolicyScale::Literal, sampling: Sampling::Bilinear },
        ] {
            let cases: Vec<_> = cases.iter().filter(|case| case.options == options).collect();
            let draws: Vec<_> = cases.iter().map(|case| case.draw).collect();
            let changed = run_ops(&gpu, &vec![view.clone(); cases.len()], &[draws], options);
            for (found, case) in changed.iter().zip(&cases) {
                assert_close(found, &case.expected, &case.draw, options);
            }
        }
    }
}

#[test]
fn positive_rotations_are_counter_clockwise() {
    let gpu = gpu();
    // A dot to the right of the centre; y grows downwards, so it goes up.
    let view = Picture::from_fn(33, 33, |x, y| {
        if (27..=29).contains(&x) && (15..=17).contains(&y) { [255; 3] } else { [0; 3] }
    });
    let level = (30.0 / 45.0 + 1.0) / 2.0;
    let draw = OpDraw { op: OperationKind::Rotate.id(), level, ..OpDraw::IDENTITY };
    for sampling in [Sampling::Nearest, Sampling::Bilinear] {
        let options = OpOptions { sampling, ..OpOptions::default() };
        let rotated = &run_ops(&gpu, std::slice::from_ref(&view), &[vec![draw]], options)[0];
        let (radius, angle) = (12.0f64, 30f64.to_radians());
        let (x, y) = (16.0 + radius * angle.cos(), 16.0 - radius * angle.sin());
        assert_eq!(rotated.at(x.round() as usize, y.round() as usize), [255; 3], "{sampling:?}");
        assert_eq!(rotated.at(28, 16), [0; 3], "{sampling:?}");
    }
}

#[test]
fn only_the_papers_scale_moves_pixels() {
    let gpu = gpu();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let view = picture(&mut rng, [32, 32], false);
    for kind in [OperationKind::Rescale, OperationKind::TranslateX, OperationKind::TranslateY] {
        let draw = OpDraw { op: kind.id(), level: 1.0, second: 0.2, centre: 0 };
        let with = |scale| {
            let options = OpOptions { scale, ..OpOptions::default() };
            run_ops(&gpu, std::slice::from_ref(&view), &[vec![draw]], options)[0].clone()
        };
        assert_eq!(with(PolicyScale::Literal), view, "{kind:?}");
        assert_ne!(with(PolicyScale::Paper), view, "{kind:?}");
    }
}

#[test]
fn network_inputs_match_the_reference() {
    let gpu = gpu();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for size in SIZES {
        for channels in [1, 3] {
            let views: Vec<_> = (0..5).map(|_| picture(&mut rng, size, channels == 1)).collect();
            let rotations = if size[0] == size[1] { 4 } else { 2 };
            let rows: Vec<_> = (0..23u32)
                .map(|i| AssembleRow {
                    a: rng.random_range(0..5),
                    b: rng.random_range(0..5),
                    lambda: if i % 3 == 0 { 1.0 } else { rng.random_range(0.5..1.0) },
                    rotation: i % rotations,
                })
                .collect();
            let first_row = 4;
            let mut b = PlanBuilder::new();
            b.poison_fresh_memory();
            let source = b.persistent("views", 5 * size[0] * size[1]);
            let table = b.persistent("rows", rows.len() * 4);
            let out = Activation::new(&mut b, "input", [rows.len() - first_row, size[1], size[0], 4]);
            let reference = (channels, InputScale::Reference);
            record_assemble(&mut b, [size[1], size[0]], reference, source, table, first_row, out);
            let scaled = Activation::new(&mut b, "input", [rows.len() - first_row, size[1], size[0], 4]);
            let lite = (channels, InputScale::Lite);
            record_assemble(&mut b, [size[1], size[0]], lite, source, table, first_row, scaled);
            let [out, scaled] = [out, scaled].map(|map| {
                let kept = b.persistent("kept", map.tensor.words());
                b.copy(map.tensor, kept);
                kept
            });
            let program = b.program(0);
            let plan = b.build(&gpu).unwrap();
            plan.write(&gpu, source, &concatenated(&views));
            plan.write(&gpu, table, &rows);
            plan.run(&gpu, program);
            let [found, scaled] = [out, scaled].map(|tensor| plan.read::<f32>(&gpu, tensor).unwrap());
            let expected: Vec<f64> =
                rows[first_row..].iter().flat_map(|row| assemble(&views, row, channels)).collect();
            assert_eq!(found.len(), expected.len());
            for (i, (a, b)) in found.iter().zip(&expected).enumerate() {
                assert!((f64::from(*a) - b).abs() < 1e-6, "{size:?} {channels} at {i}: {a} for {b}");
                // Inputs are means of two pixels, so the bytes' mean is what the other scale applies to.
                let b = if i % 4 < channels { ((b + 1.0) * 127.5 - 127.0) / 128.0 } else { 0.0 };
                let a = f64::from(scaled[i]);
                assert!((a - b).abs() < 1e-6, "{size:?} {channels} at {i}: {a} for {b}, EfficientNet-Lite");
            }
        }
    }
}

#[test]
fn rand_augment_levels_stay_in_their_ranges() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let policy = StrongPolicy::RandAugment(RandAugment { operations: 3, cutout: true });
    assert_eq!(policy.depth(), 4);
    let mut seen = [0; OPERATIONS.len()];
    let (mut bits, mut thresholds) = ([0; 9], Vec::new());
    for _ in 0..4_000 {
        let draws = policy.sample(&mut rng, [32, 24]);
        assert_eq!((draws.len(), draws[3].op), (4, OperationKind::Cutout.id()));
        assert!(draws[3].centre & 0xffff < 32 && draws[3].centre >> 16 < 24);
        for draw in &draws[..3] {
            seen[draw.op as usize] += 1;
            let v = f64::from(draw.level);
            match OPERATIONS[draw.op as usize].kind {
                OperationKind::Posterize => bits[1 + (v * 7.999) as usize] += 1,
                OperationKind::Solarize => thresholds.push((v * 255.999) as u32),
                OperationKind::Rotate => assert!(((2.0 * v - 1.0) * 45.0).abs() <= 30.001),
                OperationKind::Brightness | OperationKind::Sharpness => {
                    assert!((0.0499..0.9501).contains(&(0.1 + 1.9 * v)));
                }
                _ => {}
            }
        }
    }
    let used = seen.iter().filter(|n| **n > 0).count();
    assert_eq!(used, 14, "{seen:?}");
    assert!(seen.iter().filter(|n| **n > 0).all(|n| (720..1_000).contains(n)), "{seen:?}");
    assert_eq!(bits[4..8].iter().sum::<usize>(), seen[OperationKind::Posterize.id() as usize]);
    assert!(thresholds.iter().all(|t| *t <= 256) && thresholds.iter().any(|t| *t > 250));
    assert!(StrongPolicy::None.sample(&mut rng, [32, 24]).is_empty());
    assert_eq!(policy.options(PolicyScale::Literal, Sampling::Nearest).scale, PolicyScale::Paper);
}
