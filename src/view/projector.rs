//! A table of samples drawn in two dimensions, look after look.

use super::Pca;
use crate::gpu::{Gpu, GpuError, Plan, PlanBuilder, Program, Tensor};

/// Runs of [`Pca::turn`] where nothing is known of the plane, and where the last one is followed.
const TURNS: [usize; 2] = [4, 1];

/// Samples in the plane in which they vary most.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Of each sample, around their mean.
    pub places: Vec<[f32; 2]>,
    /// Share of the variance along each axis.
    pub shares: [f32; 2],
    /// Mean squared distance of the samples from their mean.
    pub variance: f32,
}

/// A table on the adapter and its principal axes, which follow the table from one look to the next.
pub struct Projector {
    plan: Plan,
    pca: Pca,
    features: usize,
    /// Whether the axes are those of an earlier look.
    warm: bool,
}

impl Projector {
    /// Room for `samples` rows of `features` columns, both at least 1.
    ///
    /// # Errors
    /// A table above the adapter's limits, the adapter's own errors.
    pub fn new(gpu: &Gpu, samples: usize, features: usize) -> Result<Self, GpuError> {
        let mut builder = PlanBuilder::new();
        let pca = Pca::record(&mut builder, samples, features);
        Ok(Self { plan: builder.build(gpu)?, pca, features, warm: false })
    }

    /// Takes rows of the table, from row `first` on, from a tensor `[rows, features]` of another plan.
    ///
    /// # Panics
    /// When they are more than there is room for.
    pub fn take(&self, gpu: &Gpu, first: usize, from: &Plan, rows: Tensor) {
        let to = self.pca.table.slice(first * self.features, rows.words());
        from.copy_to(gpu, rows, &self.plan, to);
    }

    /// Writes rows of the table, from row `first` on: `[rows, features]`.
    ///
    /// # Panics
    /// When they are more than there is room for.
    pub fn write(&self, gpu: &Gpu, first: usize, rows: &[f32]) {
        self.plan.write(gpu, self.pca.table.slice(first * self.features, rows.len()), rows);
    }

    /// Projects the table as it is now; `run` runs a program, at whatever pace. `None` where the table holds
    /// a number that is not finite: the axes then begin anew.
    ///
    /// # Errors
    /// The adapter's.
    pub async fn project(
        &mut self,
        gpu: &Gpu,
        mut run: impl AsyncFnMut(&Plan, Program) -> Result<(), GpuError>,
    ) -> Result<Option<Projection>, GpuError> {
        let (plan, pca) = (&self.plan, &self.pca);
        run(plan, pca.begin).await?;
        for _ in 0..TURNS[usize::from(self.warm)] {
            run(plan, pca.turn).await?;
        }
        run(plan, pca.finish).await?;
        let found = plan.fetch_all::<f32>(gpu, &[pca.places, pca.summary]).await?;
        let (places, summary) = (&found[0], &found[1]);
        let finite = found.iter().flatten().all(|number| number.is_finite());
        // Axes of nothing are not worth following.
        self.warm = finite && summary[0] + summary[1] > 0.0;
        if !self.warm {
            plan.write(gpu, pca.axes, &vec![0f32; pca.axes.words()]);
        }
        Ok(finite.then(|| Projection {
            places: places.chunks_exact(2).map(|xy| [xy[0], xy[1]]).collect(),
            shares: [summary[0], summary[1]],
            variance: summary[2],
        }))
    }
}
