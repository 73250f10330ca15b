//! Tables with variances of choice, in directions that are no axes of the coordinates.

use remixmatch::view::{Projection, Projector};

use crate::harness::GPU;
use crate::oracle::random::Random;

/// `samples` rows: normal numbers with the given deviations, turned by a reflection, around `centre`.
pub fn table(random: &mut Random, samples: usize, deviations: &[f64], centre: f32) -> Vec<f32> {
    let features = deviations.len();
    let mut rows = random.normal(samples * features, 1.0);
    for row in rows.chunks_exact_mut(features) {
        row.iter_mut().zip(deviations).for_each(|(x, deviation)| *x *= *deviation as f32);
    }
    reflect(&mut rows, &random.normal(features, 1.0));
    rows.iter_mut().for_each(|x| *x += centre);
    rows
}

/// Reflects every row in the plane across `normal`.
pub fn reflect(rows: &mut [f32], normal: &[f32]) {
    let squared: f32 = normal.iter().map(|x| x * x).sum();
    for row in rows.chunks_exact_mut(normal.len()) {
        let along: f32 = row.iter().zip(normal).map(|(x, n)| x * n).sum();
        row.iter_mut().zip(normal).for_each(|(x, n)| *x -= 2.0 * along / squared * n);
    }
}

/// Deviations that fall by a constant factor.
pub fn falling(features: usize, factor: f64) -> Vec<f64> {
    (0..features as i32).map(|i| factor.powi(i)).collect()
}

pub fn projector(samples: usize, features: usize) -> Projector {
    Projector::new(&GPU, samples, features).expect("the table fits the adapter")
}

/// Writes a table and looks at it.
pub fn look(projector: &mut Projector, table: &[f32]) -> Option<Projection> {
    projector.write(&GPU, 0, table);
    again(projector)
}

/// Looks at what the projector holds.
pub fn again(projector: &mut Projector) -> Option<Projection> {
    let run = async |plan: &remixmatch::gpu::Plan, program| {
        plan.run(&GPU, program);
        Ok(())
    };
    pollster::block_on(projector.project(&GPU, run)).expect("the adapter answers")
}
