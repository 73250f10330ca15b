use remixmatch::gpu::PlanBuilder;
use remixmatch::view::Projection;

use crate::harness::GPU;
use crate::oracle::compare::assert_close;
use crate::oracle::random::Random;
use crate::reference::Reference;
use crate::table::{again, falling, look, projector, reflect, table};

/// Asserts shares, and the places' distances from the mean inside the plane: those do not depend on which of
/// two axes is which. `tolerance` is a share of the largest.
#[track_caller]
fn assert_plane(name: &str, found: &Projection, wanted: &Reference, tolerance: f64) {
    assert_close(&format!("{name}: shares"), &found.shares, &wanted.shares(), tolerance);
    let squared: Vec<f32> = found.places.iter().map(|[x, y]| x * x + y * y).collect();
    let wanted_squared: Vec<f64> = wanted.places.iter().map(|[x, y]| x * x + y * y).collect();
    assert_close(&format!("{name}: distances"), &squared, &wanted_squared, tolerance);
}

/// Asserts both axes' places, each with either sign.
#[track_caller]
fn assert_axes(name: &str, found: &Projection, wanted: &Reference, tolerance: f64) {
    for axis in 0..2 {
        let product = |(f, w): (&[f32; 2], &[f64; 2])| f64::from(f[axis]) * w[axis];
        let sense = found.places.iter().zip(&wanted.places).map(product).sum::<f64>().signum();
        let places: Vec<f32> = found.places.iter().map(|f| f[axis]).collect();
        let wanted: Vec<f64> = wanted.places.iter().map(|w| sense * w[axis]).collect();
        // Of one scale, so that an axis without variance is held to the other's.
        let largest = wanted.iter().chain(&[1e-9]).fold(0f64, |top, w| top.max(w.abs()));
        assert_close(&format!("{name}: axis {}", axis + 1), &places, &wanted, tolerance.max(1e-7 / largest));
    }
}

/// Deviations fall by 0.8, variances by about 0.64 from axis to axis.
#[test]
fn places_and_shares_are_the_references() {
    for samples in [1, 3, 17, 1000] {
        for features in [1, 3, 17, 128] {
            let name = format!("{samples} x {features}");
            let mut random = Random::new((samples * 1000 + features) as u64);
            let table = table(&mut random, samples, &falling(features, 0.8), 0.5);
            let wanted = Reference::new(&table, features);
            let found = look(&mut projector(samples, features), &table).expect("finite numbers");
            assert_eq!(found.places.len(), samples);
            let (second, third) = (wanted.ratio(2, 1), wanted.ratio(3, 2));
            assert!(second < 0.95 && third < 0.9, "{name} has ratios {second} and {third}");
            assert_plane(&name, &found, &wanted, 2e-5);
            assert_axes(&name, &found, &wanted, 5e-5);
            let variance = f64::from(found.variance);
            assert!((variance - wanted.variance()).abs() <= 1e-5 * wanted.variance(), "{name}: {variance}");
        }
    }
}

/// With 260 features 300 samples take two dispatches and 64 rounds five, the last ones short.
#[test]
fn a_wide_table_is_worked_on_in_parts() {
    let table = table(&mut Random::new(3), 300, &falling(260, 0.7), 0.0);
    let wanted = Reference::new(&table, 260);
    assert!(wanted.ratio(2, 1) < 0.7 && wanted.ratio(3, 2) < 0.7);
    let found = look(&mut projector(300, 260), &table).expect("finite numbers");
    assert_plane("wide", &found, &wanted, 2e-5);
    assert_axes("wide", &found, &wanted, 5e-5);
}

/// A plane takes 256 rounds at first: third over second eigenvalue of 0.95 leaves 0.95^256 = 2e-6 of what
/// was wrong. First and second may be as close as they like.
#[test]
fn close_eigenvalues_cost_no_more_than_they_must() {
    let mut deviations = falling(32, 0.5);
    deviations[..4].copy_from_slice(&[1.0, 0.9999, 0.95, 0.5]);
    let table = table(&mut Random::new(11), 1000, &deviations, 0.0);
    let wanted = Reference::new(&table, 32);
    let (second, third) = (wanted.ratio(2, 1), wanted.ratio(3, 2));
    assert!(second > 0.93 && third > 0.85 && third < 0.95, "ratios {second} and {third}");
    let found = look(&mut projector(1000, 32), &table).expect("finite numbers");
    assert_plane("close", &found, &wanted, 1e-4);
}

/// f32 has seven digits: with a mean of 1000 deviations, four are left of the deviation.
#[test]
fn a_mean_far_away_takes_no_part() {
    let table = table(&mut Random::new(12), 1000, &falling(17, 0.6), 1000.0);
    let wanted = Reference::new(&table, 17);
    let found = look(&mut projector(1000, 17), &table).expect("finite numbers");
    assert_axes("far", &found, &wanted, 5e-4);
}

#[test]
fn sizes_of_numbers_do_not_matter() {
    let table = table(&mut Random::new(13), 100, &falling(9, 0.6), 0.0);
    for scale in [1e-8f32, 1e8] {
        let scaled: Vec<f32> = table.iter().map(|x| x * scale).collect();
        let wanted = Reference::new(&scaled, 9);
        let found = look(&mut projector(100, 9), &scaled).expect("finite numbers");
        assert_plane(&format!("times {scale}"), &found, &wanted, 2e-5);
    }
}

#[test]
fn one_point_many_times_is_at_the_origin_and_forgotten() {
    let mut random = Random::new(14);
    let (samples, features) = (50, 12);
    let point = random.normal(features, 1.0);
    let mut projector = projector(samples, features);
    let found = look(&mut projector, &point.repeat(samples)).expect("finite numbers");
    assert_eq!(found.shares, [0.0; 2]);
    assert!(found.places.iter().flatten().all(|x| x.abs() < 1e-6), "{:?}", found.places);
    // What comes after is found from there.
    let table = table(&mut random, samples, &falling(features, 0.6), 0.0);
    let found = look(&mut projector, &table).expect("finite numbers");
    assert_axes("afterwards", &found, &Reference::new(&table, features), 5e-5);
}

#[test]
fn points_on_a_line_have_one_axis() {
    let table: Vec<f32> = (0..40).flat_map(|i| [i as f32, -2.0 * i as f32, 0.5, 2.0 * i as f32]).collect();
    let wanted = Reference::new(&table, 4);
    let found = look(&mut projector(40, 4), &table).expect("finite numbers");
    assert_plane("line", &found, &wanted, 1e-6);
    assert!(found.places.iter().all(|[_, y]| y.abs() < 1e-3), "{:?}", found.places);
}

/// Correlation between one axis of two projections.
fn correlation(a: &Projection, b: &Projection, axis: usize) -> f32 {
    let sum = |f: &dyn Fn(&[f32; 2], &[f32; 2]) -> f32| {
        a.places.iter().zip(&b.places).map(|(a, b)| f(a, b)).sum::<f32>()
    };
    let product = sum(&|a, b| a[axis] * b[axis]);
    product / (sum(&|a, _| a[axis] * a[axis]) * sum(&|_, b| b[axis] * b[axis])).sqrt()
}

/// Points of an ellipse whose axes change places on the way: the picture follows without a jump, and at the
/// end the second axis has the larger share.
#[test]
fn axes_that_change_places_keep_theirs_in_the_picture() {
    let (samples, features) = (400, 20);
    let mut random = Random::new(15);
    let raw = random.normal(samples * features, 0.2);
    let normal = random.normal(features, 1.0);
    let mut projector = projector(samples, features);
    let mut last: Option<Projection> = None;
    for step in 0..20 {
        let t = step as f32 / 19.0;
        let mut rows = raw.clone();
        for (i, row) in rows.chunks_exact_mut(features).enumerate() {
            let (y, x) = (i as f32 / samples as f32 * std::f32::consts::TAU).sin_cos();
            (row[0], row[1]) = ((4.0 - 2.0 * t) * x, (2.0 + 2.0 * t) * y);
        }
        reflect(&mut rows, &normal);
        let found = look(&mut projector, &rows).expect("finite numbers");
        let [x, y] = found.shares;
        assert_eq!(x > y, step < 10, "step {step}: shares {x} and {y}");
        if let Some(last) = &last {
            for axis in 0..2 {
                let kept = correlation(last, &found, axis);
                assert!(kept > 0.95, "step {step}, axis {axis}: {kept}");
            }
        }
        last = Some(found);
    }
}

#[test]
fn a_mirrored_table_makes_a_mirrored_picture() {
    let table = table(&mut Random::new(16), 60, &falling(10, 0.7), 0.0);
    let mirrored: Vec<f32> = table.iter().map(|x| -x).collect();
    let mut projector = projector(60, 10);
    let first = look(&mut projector, &table).expect("finite numbers");
    let second = look(&mut projector, &mirrored).expect("finite numbers");
    for axis in 0..2 {
        assert!(correlation(&first, &second, axis) < -0.999, "axis {axis} turned round");
    }
}

/// The last axes know nothing of what the table is now.
#[test]
fn a_plane_across_the_last_one_is_found() {
    let (samples, features) = (100, 16);
    let flat = |first: usize| {
        let mut random = Random::new(17);
        let mut rows = vec![0f32; samples * features];
        for row in rows.chunks_exact_mut(features) {
            let pair = random.normal(2, 1.0);
            (row[first], row[first + 1]) = (3.0 * pair[0], pair[1]);
        }
        rows
    };
    let mut projector = projector(samples, features);
    look(&mut projector, &flat(0)).expect("finite numbers");
    let found = look(&mut projector, &flat(8)).expect("finite numbers");
    assert_axes("across", &found, &Reference::new(&flat(8), features), 5e-5);
}

#[test]
fn what_is_no_number_is_not_shown_and_not_remembered() {
    let mut table = table(&mut Random::new(18), 30, &falling(8, 0.6), 0.0);
    let mut projector = projector(30, 8);
    let number = std::mem::replace(&mut table[77], f32::NAN);
    assert_eq!(look(&mut projector, &table), None);
    table[77] = number;
    let found = look(&mut projector, &table).expect("finite numbers");
    assert_axes("afterwards", &found, &Reference::new(&table, 8), 5e-5);
}

/// Rows come from the middle of another plan's tensor, in two parts.
#[test]
fn rows_are_taken_from_another_plan() {
    let (samples, features) = (25, 12);
    let table = table(&mut Random::new(19), samples, &falling(features, 0.6), 0.0);
    let mut builder = PlanBuilder::new();
    let source = builder.persistent("source", 7 + table.len());
    let other = builder.build(&GPU).unwrap();
    other.write(&GPU, source.slice(7, table.len()), &table);
    let mut projector = projector(samples, features);
    for (first, count) in [(0, 16), (16, 9)] {
        let rows = source.slice(7 + first * features, count * features);
        projector.take(&GPU, first, &other, rows);
    }
    let found = again(&mut projector).expect("finite numbers");
    assert_axes("taken", &found, &Reference::new(&table, features), 5e-5);
}

/// Four classes, their centres in a plane of 64 dimensions, 12 deviations apart.
#[test]
fn classes_apart_are_apart_in_the_picture() {
    let (samples, features) = (400, 64);
    let mut random = Random::new(20);
    let centres = [[6.0, 0.0], [-6.0, 0.0], [0.0, 9.0], [0.0, -9.0f32]];
    let mut rows = random.normal(samples * features, 1.0);
    for (i, row) in rows.chunks_exact_mut(features).enumerate() {
        row[0] += centres[i % 4][0];
        row[1] += centres[i % 4][1];
    }
    reflect(&mut rows, &random.normal(features, 1.0));
    let found = look(&mut projector(samples, features), &rows).expect("finite numbers");
    let mean = |class: usize| {
        let of_class = found.places.iter().skip(class).step_by(4);
        let sum = of_class.fold([0.0; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
        sum.map(|x| x / (samples / 4) as f32)
    };
    let means = [0, 1, 2, 3].map(mean);
    let distance = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let nearest =
        |p: [f32; 2]| (0..4).min_by(|a, b| distance(means[*a], p).total_cmp(&distance(means[*b], p)));
    let right = found.places.iter().enumerate().filter(|(i, p)| nearest(**p) == Some(i % 4)).count();
    assert!(right >= samples - 2, "{right} of {samples} are nearest to their own class");
}
