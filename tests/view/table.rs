//! Random tables with given variances along random directions, and their projections.

use remixmatch::view::{Projection, Projector};

use crate::harness::GPU;
use crate::oracle::random::Random;

/// `samples` rows of normal values with the given standard deviations, reflected, with mean `centre`.
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

/// Reflects every row across the hyperplane orthogonal to `normal`.
pub fn reflect(rows: &mut [f32], normal: &[f32]) {
    let squared: f32 = normal.iter().map(|x| x * x).sum();
    for row in rows.chunks_exact_mut(normal.len()) {
        let along: f32 = row.iter().zip(normal).map(|(x, n)| x * n).sum();
        row.iter_mut().zip(normal).for_each(|(x, n)| *x -= 2.0 * along / squared * n);
    }
}

/// Standard deviations that decrease by a constant factor.
pub fn geometric(features: usize, factor: f64) -> Vec<f64> {
    (0..features as i32).map(|i| factor.powi(i)).collect()
}

pub fn projector(samples: usize, features: usize) -> Projector {
    Projector::new(&GPU, samples, features).expect("the table fits the adapter")
}

/// Writes a table and projects it.
pub fn project(projector: &mut Projector, table: &[f32]) -> Option<Projection> {
    projector.write(&GPU, 0, table);
    project_again(projector)
}

/// Projects the table that the projector holds.
pub fn project_again(projector: &mut Projector) -> Option<Projection> {
    let run = async |plan: &remixmatch::gpu::Plan, program| {
        plan.run(&GPU, program);
        Ok(())
    };
    pollster::block_on(projector.project(&GPU, run)).expect("the adapter answers")
}
