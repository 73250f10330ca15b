//! Principal components on the adapter: many features per sample become two, for a scatter plot. Knows nothing
//! of learning. The kernels are in `shaders/view/pca.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::gpu::{Gpu, GpuError, Kernel, Plan, PlanBuilder, Program, Tensor, groups_1d, groups_for_items};

const SHADER: &str = "view/pca";
/// Approximate limit of multiplications per dispatch: longer work is split, so that no dispatch takes long.
const DISPATCH_PRODUCTS: usize = 1 << 24;
/// The same limit for a dispatch of a single workgroup.
const WORKGROUP_PRODUCTS: usize = 1 << 20;
/// Orthogonal iterations per run of [`Pca::iterate`].
const ITERATIONS: usize = 64;
/// Runs of [`Pca::iterate`]: without earlier axes to start from, and with them.
const RUNS: [usize; 2] = [4, 1];

/// `Params` of `shaders/view/pca.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    samples: u32,
    features: u32,
    first: u32,
    count: u32,
}

/// The plane in which the rows of a table vary most, by orthogonal iteration.
///
/// Run [`Pca::begin`], then [`Pca::iterate`] one or more times, then [`Pca::finish`]. Each run of `iterate`
/// multiplies the error of the plane by (λ₃ / λ₂)⁶⁴, with λ the eigenvalues of the covariance in descending
/// order. Every sequence starts from the axes of the last one and keeps their order and signs.
#[derive(Clone, Copy, Debug)]
pub struct Pca {
    /// `[samples, features]`, written by the caller.
    pub table: Tensor,
    /// `[features, 2]`: zeros discard the axes of earlier tables.
    pub axes: Tensor,
    /// `[4]`: the share of the variance along each axis, the variance, one unused word.
    pub summary: Tensor,
    /// `[samples, 2]`: coordinates of the samples along the axes, relative to the mean.
    pub coordinates: Tensor,
    pub begin: Program,
    pub iterate: Program,
    pub finish: Program,
}

/// Records dispatches over one table.
struct Recorder<'a> {
    b: &'a mut PlanBuilder,
    samples: usize,
    features: usize,
}

impl Recorder<'_> {
    fn dispatch(&mut self, entry: &'static str, bindings: &[(u32, Tensor)], groups: [u32; 3]) {
        self.dispatch_range(entry, [0, 0], bindings, groups);
    }

    /// A dispatch over a range given by its `[first, count]`.
    fn dispatch_range(
        &mut self,
        entry: &'static str,
        range: [usize; 2],
        bindings: &[(u32, Tensor)],
        groups: [u32; 3],
    ) {
        let [samples, features, first, count] =
            [self.samples, self.features, range[0], range[1]].map(|number| number as u32);
        let params = Params { samples, features, first, count };
        self.b.dispatch_at(Kernel::new(SHADER, entry), &params, bindings, groups);
    }
}

impl Pca {
    /// Records the programs for a table of `samples` rows and `features` columns, both at least 1.
    pub fn record(b: &mut PlanBuilder, samples: usize, features: usize) -> Self {
        let table = b.persistent("samples", samples * features);
        let axes = b.persistent("principal axes", features * 2);
        let summary = b.persistent("explained variance", 4);
        let coordinates = b.persistent("coordinates along the axes", samples * 2);
        let mean = b.tensor("mean sample", features);
        let covariance = b.tensor("covariance", features * features);
        let basis = b.tensor("plane", features * 2);
        let image = b.tensor("plane multiplied", features * 2);
        let products = features * features;
        let feature_groups = groups_for_items(features, 64);
        let mut r = Recorder { b, samples, features };

        let mark = r.b.mark();
        r.dispatch("average", &[(1, table), (2, mean)], feature_groups);
        let blocks = features.div_ceil(4);
        let rows = (DISPATCH_PRODUCTS / products).clamp(1, samples);
        for first in (0..samples).step_by(rows) {
            let range = [first, rows.min(samples - first)];
            let bindings = [(1, table), (2, mean), (3, covariance)];
            r.dispatch_range("covariance", range, &bindings, groups_for_items(blocks * blocks, 64));
        }
        r.dispatch("begin", &[(4, basis), (6, axes)], feature_groups);
        let begin = r.b.program(mark);

        let mark = r.b.mark();
        let iterations = (WORKGROUP_PRODUCTS / products).clamp(1, ITERATIONS);
        for first in (0..ITERATIONS).step_by(iterations) {
            let range = [0, iterations.min(ITERATIONS - first)];
            r.dispatch_range("iterate", range, &[(3, covariance), (4, basis), (5, image)], groups_1d(1));
        }
        let iterate = r.b.program(mark);

        let mark = r.b.mark();
        let bindings = [(3, covariance), (4, basis), (5, image), (6, axes), (7, summary)];
        r.dispatch("finish", &bindings, groups_1d(1));
        let bindings = [(1, table), (2, mean), (6, axes), (8, coordinates)];
        r.dispatch("project", &bindings, groups_for_items(samples, 64));
        let finish = r.b.program(mark);
        Self { table, axes, summary, coordinates, begin, iterate, finish }
    }
}

/// Samples projected onto the plane in which they vary most.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// `[samples]`: coordinates along the two axes, relative to the mean of the samples.
    pub coordinates: Vec<[f32; 2]>,
    /// The share of the variance along each axis, 0 to 1.
    pub shares: [f32; 2],
    /// Mean squared distance of the samples from their mean.
    pub variance: f32,
}

/// A table on the adapter and its principal axes. The axes follow the table from one projection to the next.
pub struct Projector {
    plan: Plan,
    pca: Pca,
    features: usize,
    /// Whether the axes are those of an earlier table.
    warm: bool,
}

impl Projector {
    /// Allocates a table of `samples` rows and `features` columns, both at least 1.
    ///
    /// # Errors
    /// When the table exceeds a limit of the adapter, or the plan's buffers or pipelines cannot be created.
    pub fn new(gpu: &Gpu, samples: usize, features: usize) -> Result<Self, GpuError> {
        let mut builder = PlanBuilder::new();
        let pca = Pca::record(&mut builder, samples, features);
        Ok(Self { plan: builder.build(gpu)?, pca, features, warm: false })
    }

    /// Copies `rows`, a tensor `[rows, features]` of the plan `from`, into the table from row `first` on.
    ///
    /// # Panics
    /// When the rows exceed the table.
    pub fn copy_from(&self, gpu: &Gpu, first: usize, from: &Plan, rows: Tensor) {
        let to = self.pca.table.slice(first * self.features, rows.words());
        from.copy_to(gpu, rows, &self.plan, to);
    }

    /// Writes `rows`, `[rows, features]`, into the table from row `first` on.
    ///
    /// # Panics
    /// When the rows exceed the table.
    pub fn write(&self, gpu: &Gpu, first: usize, rows: &[f32]) {
        self.plan.write(gpu, self.pca.table.slice(first * self.features, rows.len()), rows);
    }

    /// Projects the table as it is now. `run` submits a program and may wait between its parts. Returns `None`
    /// and discards the axes when the table holds NaN or infinity.
    ///
    /// # Errors
    /// When `run` fails, or the results cannot be read back.
    pub async fn project(
        &mut self,
        gpu: &Gpu,
        mut run: impl AsyncFnMut(&Plan, Program) -> Result<(), GpuError>,
    ) -> Result<Option<Projection>, GpuError> {
        let (plan, pca) = (&self.plan, &self.pca);
        run(plan, pca.begin).await?;
        for _ in 0..RUNS[usize::from(self.warm)] {
            run(plan, pca.iterate).await?;
        }
        run(plan, pca.finish).await?;
        let results = plan.fetch_all::<f32>(gpu, &[pca.coordinates, pca.summary]).await?;
        let (coordinates, summary) = (&results[0], &results[1]);
        let finite = results.iter().flatten().all(|value| value.is_finite());
        // A table without variance has no axes worth following.
        self.warm = finite && summary[0] + summary[1] > 0.0;
        if !self.warm {
            plan.write(gpu, pca.axes, &vec![0f32; pca.axes.words()]);
        }
        Ok(finite.then(|| Projection {
            coordinates: coordinates.chunks_exact(2).map(|xy| [xy[0], xy[1]]).collect(),
            shares: [summary[0], summary[1]],
            variance: summary[2],
        }))
    }
}
