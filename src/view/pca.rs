//! Principal components, recorded as programs of a plan.

use bytemuck::{Pod, Zeroable};

use crate::gpu::{Kernel, PlanBuilder, Program, Tensor, groups_1d, groups_for_items};

const SHADER: &str = "view/pca";
/// Multiplications of one dispatch, about: more are cut into several, so that none takes long.
const DISPATCH_PRODUCTS: usize = 1 << 24;
/// As above where a single workgroup does them.
const LONE_PRODUCTS: usize = 1 << 20;
/// Rounds of one run of [`Pca::turn`].
const ROUNDS: usize = 64;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    samples: u32,
    features: u32,
    first: u32,
    count: u32,
}

/// The plane in which a table varies most. Run [`Pca::begin`], then [`Pca::turn`] as often as wanted (each
/// run multiplies the error of the plane by the 64th power of the third over the second eigenvalue), then
/// [`Pca::finish`]. Every pass begins at the axes of the last one and keeps their order and sense.
#[derive(Clone, Copy, Debug)]
pub struct Pca {
    /// `[samples, features]`, written by the caller.
    pub table: Tensor,
    /// `[features, 2]`: zero to begin anew.
    pub axes: Tensor,
    /// Share of the variance along each axis, the variance, one word unused.
    pub summary: Tensor,
    /// `[samples, 2]`: the samples along the axes, around their mean.
    pub places: Tensor,
    pub begin: Program,
    pub turn: Program,
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
        self.part(entry, [0, 0], bindings, groups);
    }

    /// A dispatch with its `[first, count]`.
    fn part(&mut self, entry: &'static str, part: [usize; 2], bindings: &[(u32, Tensor)], groups: [u32; 3]) {
        let [samples, features, first, count] =
            [self.samples, self.features, part[0], part[1]].map(|number| number as u32);
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
        let places = b.persistent("places along the axes", samples * 2);
        let mean = b.tensor("mean sample", features);
        let covariance = b.tensor("covariance", features * features);
        let basis = b.tensor("plane", features * 2);
        let image = b.tensor("plane multiplied", features * 2);
        let products = features * features;
        let of_features = groups_for_items(features, 64);
        let mut r = Recorder { b, samples, features };

        let mark = r.b.mark();
        r.dispatch("average", &[(1, table), (2, mean)], of_features);
        let blocks = features.div_ceil(4);
        let rows = (DISPATCH_PRODUCTS / products).clamp(1, samples);
        for first in (0..samples).step_by(rows) {
            let part = [first, rows.min(samples - first)];
            let bindings = [(1, table), (2, mean), (3, covariance)];
            r.part("covariance", part, &bindings, groups_for_items(blocks * blocks, 64));
        }
        r.dispatch("begin", &[(4, basis), (6, axes)], of_features);
        let begin = r.b.program(mark);

        let mark = r.b.mark();
        let rounds = (LONE_PRODUCTS / products).clamp(1, ROUNDS);
        for first in (0..ROUNDS).step_by(rounds) {
            let part = [0, rounds.min(ROUNDS - first)];
            r.part("turn", part, &[(3, covariance), (4, basis), (5, image)], groups_1d(1));
        }
        let turn = r.b.program(mark);

        let mark = r.b.mark();
        let bindings = [(3, covariance), (4, basis), (5, image), (6, axes), (7, summary)];
        r.dispatch("finish", &bindings, groups_1d(1));
        let bindings = [(1, table), (2, mean), (6, axes), (8, places)];
        r.dispatch("project", &bindings, groups_for_items(samples, 64));
        let finish = r.b.program(mark);
        Self { table, axes, summary, places, begin, turn, finish }
    }
}
