//! Principal components against the f64 reference: accuracy, scale, degenerate tables, and axes that follow a
//! changing table.

use remixmatch::gpu::PlanBuilder;
use remixmatch::view::Projection;

use crate::harness::GPU;
use crate::oracle::compare::assert_close;
use crate::oracle::random::Random;
use crate::reference::Reference;
use crate::table::{geometric, project, project_again, projector, reflect, table};

/// Asserts shares, and distances from the mean inside the plane, which do not depend on the order of the axes.
/// `tolerance` is relative to the largest value.
#[track_caller]
fn assert_plane(name: &str, found: &Projection, expected: &Reference, tolerance: f64) {
    assert_close(&format!("{name}: shares"), &found.shares, &expected.shares(), tolerance);
    let squared: Vec<f32> = found.coordinates.iter().map(|[x, y]| x * x + y * y).collect();
    let expected_squared: Vec<f64> = expected.coordinates.iter().map(|[x, y]| x * x + y * y).collect();
    assert_close(&format!("{name}: distances"), &squared, &expected_squared, tolerance);
}

/// Asserts the coordinates along both axes, each up to its sign.
#[track_caller]
fn assert_axes(name: &str, found: &Projection, expected: &Reference, tolerance: f64) {
    for axis in 0..2 {
        let product = |(f, w): (&[f32; 2], &[f64; 2])| f64::from(f[axis]) * w[axis];
        let sign = found.coordinates.iter().zip(&expected.coordinates).map(product).sum::<f64>().signum();
        let coordinates: Vec<f32> = found.coordinates.iter().map(|f| f[axis]).collect();
        let expected: Vec<f64> = expected.coordinates.iter().map(|w| sign * w[axis]).collect();
        // An absolute floor for an axis without variance.
        let largest = expected.iter().chain(&[1e-9]).fold(0f64, |top, w| top.max(w.abs()));
        assert_close(
            &format!("{name}: axis {}", axis + 1),
            &coordinates,
            &expected,
            tolerance.max(1e-7 / largest),
        );
    }
}

/// Standard deviations decrease by 0.8, variances by about 0.64 from axis to axis.
#[test]
fn projections_match_the_f64_reference() {
    for samples in [1, 3, 17, 1000] {
        for features in [1, 3, 17, 128] {
            let name = format!("{samples} x {features}");
            let mut random = Random::new((samples * 1000 + features) as u64);
            let table = table(&mut random, samples, &geometric(features, 0.8), 0.5);
            let expected = Reference::new(&table, features);
            let found = project(&mut projector(samples, features), &table).expect("finite values");
            assert_eq!(found.coordinates.len(), samples);
            let (second, third) = (expected.ratio(2, 1), expected.ratio(3, 2));
            assert!(second < 0.95 && third < 0.9, "{name} has ratios {second} and {third}");
            assert_plane(&name, &found, &expected, 2e-5);
            assert_axes(&name, &found, &expected, 5e-5);
            let variance = f64::from(found.variance);
            assert!(
                (variance - expected.variance()).abs() <= 1e-5 * expected.variance(),
                "{name}: {variance}"
            );
        }
    }
}

/// With 260 features, 300 samples take two dispatches and 64 iterations five, the last ones partial.
#[test]
fn wide_tables_are_split_into_dispatches() {
    let table = table(&mut Random::new(3), 300, &geometric(260, 0.7), 0.0);
    let expected = Reference::new(&table, 260);
    assert!(expected.ratio(2, 1) < 0.7 && expected.ratio(3, 2) < 0.7);
    let found = project(&mut projector(300, 260), &table).expect("finite values");
    assert_plane("wide", &found, &expected, 2e-5);
    assert_axes("wide", &found, &expected, 5e-5);
}

/// The first projection runs 256 iterations: an eigenvalue ratio λ₃/λ₂ of 0.95 leaves an error of 0.95^256 = 2e-6.
/// λ₁ and λ₂ may be arbitrarily close.
#[test]
fn close_eigenvalues_keep_the_plane_accurate() {
    let mut deviations = geometric(32, 0.5);
    deviations[..4].copy_from_slice(&[1.0, 0.9999, 0.95, 0.5]);
    let table = table(&mut Random::new(11), 1000, &deviations, 0.0);
    let expected = Reference::new(&table, 32);
    let (second, third) = (expected.ratio(2, 1), expected.ratio(3, 2));
    assert!(second > 0.93 && third > 0.85 && third < 0.95, "ratios {second} and {third}");
    let found = project(&mut projector(1000, 32), &table).expect("finite values");
    assert_plane("close", &found, &expected, 1e-4);
}

/// f32 has seven digits: a mean of 1000 standard deviations leaves four for the deviations.
#[test]
fn distant_mean_is_subtracted() {
    let table = table(&mut Random::new(12), 1000, &geometric(17, 0.6), 1000.0);
    let expected = Reference::new(&table, 17);
    let found = project(&mut projector(1000, 17), &table).expect("finite values");
    assert_axes("far", &found, &expected, 5e-4);
}

#[test]
fn accuracy_does_not_depend_on_scale() {
    let table = table(&mut Random::new(13), 100, &geometric(9, 0.6), 0.0);
    for scale in [1e-8f32, 1e8] {
        let scaled: Vec<f32> = table.iter().map(|x| x * scale).collect();
        let expected = Reference::new(&scaled, 9);
        let found = project(&mut projector(100, 9), &scaled).expect("finite values");
        assert_plane(&format!("times {scale}"), &found, &expected, 2e-5);
    }
}

#[test]
fn equal_points_project_to_origin_and_discard_axes() {
    let mut random = Random::new(14);
    let (samples, features) = (50, 12);
    let point = random.normal(features, 1.0);
    let mut projector = projector(samples, features);
    let found = project(&mut projector, &point.repeat(samples)).expect("finite values");
    assert_eq!(found.shares, [0.0; 2]);
    assert!(found.coordinates.iter().flatten().all(|x| x.abs() < 1e-6), "{:?}", found.coordinates);
    // The next table starts without axes.
    let table = table(&mut random, samples, &geometric(features, 0.6), 0.0);
    let found = project(&mut projector, &table).expect("finite values");
    assert_axes("afterwards", &found, &Reference::new(&table, features), 5e-5);
}

#[test]
fn collinear_points_vary_along_one_axis() {
    let table: Vec<f32> = (0..40).flat_map(|i| [i as f32, -2.0 * i as f32, 0.5, 2.0 * i as f32]).collect();
    let expected = Reference::new(&table, 4);
    let found = project(&mut projector(40, 4), &table).expect("finite values");
    assert_plane("line", &found, &expected, 1e-6);
    assert!(found.coordinates.iter().all(|[_, y]| y.abs() < 1e-3), "{:?}", found.coordinates);
}

/// Correlation of the coordinates along one axis between two projections.
fn correlation(a: &Projection, b: &Projection, axis: usize) -> f32 {
    let sum = |f: &dyn Fn(&[f32; 2], &[f32; 2]) -> f32| {
        a.coordinates.iter().zip(&b.coordinates).map(|(a, b)| f(a, b)).sum::<f32>()
    };
    let product = sum(&|a, b| a[axis] * b[axis]);
    product / (sum(&|a, _| a[axis] * a[axis]) * sum(&|_, b| b[axis] * b[axis])).sqrt()
}

/// Points of an ellipse whose axes swap their order: the projection follows without a jump, and in the end the
/// second axis has the larger share.
#[test]
fn axes_keep_their_order_when_shares_cross() {
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
        let found = project(&mut projector, &rows).expect("finite values");
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
fn negated_table_gives_negated_coordinates() {
    let table = table(&mut Random::new(16), 60, &geometric(10, 0.7), 0.0);
    let mirrored: Vec<f32> = table.iter().map(|x| -x).collect();
    let mut projector = projector(60, 10);
    let first = project(&mut projector, &table).expect("finite values");
    let second = project(&mut projector, &mirrored).expect("finite values");
    for axis in 0..2 {
        assert!(correlation(&first, &second, axis) < -0.999, "axis {axis} changed its sign");
    }
}

/// The last axes are orthogonal to the new ones.
#[test]
fn plane_orthogonal_to_the_last_is_found() {
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
    project(&mut projector, &flat(0)).expect("finite values");
    let found = project(&mut projector, &flat(8)).expect("finite values");
    assert_axes("across", &found, &Reference::new(&flat(8), features), 5e-5);
}

#[test]
fn nan_gives_no_projection_and_discards_axes() {
    let mut table = table(&mut Random::new(18), 30, &geometric(8, 0.6), 0.0);
    let mut projector = projector(30, 8);
    let value = std::mem::replace(&mut table[77], f32::NAN);
    assert_eq!(project(&mut projector, &table), None);
    table[77] = value;
    let found = project(&mut projector, &table).expect("finite values");
    assert_axes("afterwards", &found, &Reference::new(&table, 8), 5e-5);
}

/// Rows are a slice of another plan's tensor, copied in two ranges.
#[test]
fn rows_are_copied_from_another_plan() {
    let (samples, features) = (25, 12);
    let table = table(&mut Random::new(19), samples, &geometric(features, 0.6), 0.0);
    let mut builder = PlanBuilder::new();
    let source = builder.persistent("source", 7 + table.len());
    let other = builder.build(&GPU).unwrap();
    other.write(&GPU, source.slice(7, table.len()), &table);
    let mut projector = projector(samples, features);
    for (first, count) in [(0, 16), (16, 9)] {
        let rows = source.slice(7 + first * features, count * features);
        projector.copy_from(&GPU, first, &other, rows);
    }
    let found = project_again(&mut projector).expect("finite values");
    assert_axes("copied", &found, &Reference::new(&table, features), 5e-5);
}

/// Four classes with centres in a plane of a 64-dimensional space, 12 standard deviations apart.
#[test]
fn separate_classes_stay_separate() {
    let (samples, features) = (400, 64);
    let mut random = Random::new(20);
    let centres = [[6.0, 0.0], [-6.0, 0.0], [0.0, 9.0], [0.0, -9.0f32]];
    let mut rows = random.normal(samples * features, 1.0);
    for (i, row) in rows.chunks_exact_mut(features).enumerate() {
        row[0] += centres[i % 4][0];
        row[1] += centres[i % 4][1];
    }
    reflect(&mut rows, &random.normal(features, 1.0));
    let found = project(&mut projector(samples, features), &rows).expect("finite values");
    let mean = |class: usize| {
        let of_class = found.coordinates.iter().skip(class).step_by(4);
        let sum = of_class.fold([0.0; 2], |sum, p| [sum[0] + p[0], sum[1] + p[1]]);
        sum.map(|x| x / (samples / 4) as f32)
    };
    let means = [0, 1, 2, 3].map(mean);
    let distance = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let nearest =
        |p: [f32; 2]| (0..4).min_by(|a, b| distance(means[*a], p).total_cmp(&distance(means[*b], p)));
    let right = found.coordinates.iter().enumerate().filter(|(i, p)| nearest(**p) == Some(i % 4)).count();
    assert!(right >= samples - 2, "{right} of {samples} are nearest to their own class");
}
