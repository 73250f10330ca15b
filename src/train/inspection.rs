//! What the network predicts for single views, for observers: computed between steps, never part of one.

use crate::augment::{
    AssembleRow, Augmentation, OpDraw, OpOptions, WeakDraw, record_assemble, record_augmentation,
};
use crate::gpu::{PlanBuilder, Program, Tensor};
use crate::nn::{BINDING_WORDS, Head, Network, Rows};
use crate::ssl::{
    Guess, Method, RowLayout, StepTensors, record_alignment_stats, record_guess, record_softmax, table_words,
};

/// Images that can be followed through training.
pub const FOLLOWED: usize = 4;
/// Anchors that are shown with their strong views.
const ANCHORS: usize = 8;
/// Mixed inputs shown, and rotated inputs shown.
const SINGLE: usize = 32;
/// Feature-map words of the inspected images: one binding, with room to spare.
const MAP_WORDS: usize = 16 << 20;

/// Tensors of an inspection. Its rows name views of the training batch, mixed and rotated as the
/// network's inputs are; after them come the followed images, anchors first, whose views are made anew
/// in each inspection. Everything is predicted with the raw weights and the moving statistics.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Rows of the training batch's views.
    pub capacity: usize,
    /// [`AssembleRow`]: `capacity` free ones, then those of the followed images, `[rows]`.
    pub rows: Tensor,
    /// Where in the step's views the followed images' begin: anchors, then strong views 1 to K.
    pub first_view: usize,
    pub followed: Followed,
    /// `[rows, classes]`
    pub probabilities: Tensor,
    /// `[rows, 4]`
    pub rotation: Tensor,
    pub program: Program,
}

/// Tensors of the followed images, [`FOLLOWED`] of them with `V` views in all.
#[derive(Clone, Debug)]
pub struct Followed {
    /// u8 images, one word per pixel: `[FOLLOWED, height, width]`.
    pub sources: Tensor,
    /// [`WeakDraw`], `[V]`.
    pub weak_draws: Tensor,
    /// [`OpDraw`], `[V]` per operation.
    pub op_draws: Vec<Tensor>,
    /// `None` where the method makes no guesses.
    pub guess: Option<Guess>,
}

/// What an inspection is recorded for.
#[derive(Clone, Copy, Debug)]
pub struct InspectionOptions<'a> {
    pub network: &'a Network,
    pub method: &'a Method,
    pub layout: &'a RowLayout,
    pub augment: OpOptions,
    /// Of the step, with room for [`further_views`].
    pub tensors: &'a StepTensors,
}

/// Views of the followed images: their anchors and strong views.
pub fn followed_views(layout: &RowLayout) -> usize {
    FOLLOWED * (1 + layout.strong_views())
}

/// Views beyond the step's own that an inspection needs in the tensor of views.
pub fn further_views(layout: &RowLayout, network: &Network) -> usize {
    first_followed_view(layout, network) + followed_views(layout) - layout.view_count()
}

/// First view of the followed images: after the step's, where a binding may begin.
fn first_followed_view(layout: &RowLayout, network: &Network) -> usize {
    let [height, width] = network.size();
    let count = layout.view_count();
    (count..).find(|view| (view * height * width).is_multiple_of(BINDING_WORDS)).unwrap_or(count)
}

/// Rows of an inspection for the training batch's views, for feature maps of `map` words.
fn inspected_rows(layout: &RowLayout, map: usize) -> usize {
    let shown = ANCHORS * (1 + layout.strong_views()) + SINGLE;
    let room = (MAP_WORDS / map).saturating_sub(followed_views(layout));
    shown.min(room).max(1)
}

impl Inspection {
    /// Rows, those of the followed images among them.
    pub fn total(&self, layout: &RowLayout) -> usize {
        self.capacity + followed_views(layout)
    }

    /// Records the inspection after a step.
    pub fn record(b: &mut PlanBuilder, options: &InspectionOptions<'_>) -> Self {
        let InspectionOptions { network, method, layout, augment, tensors } = *options;
        let (size, classes, weights) = (network.size(), network.classes, tensors.optimiser.weights);
        let pixels = size[0] * size[1];
        let capacity = inspected_rows(layout, network.largest_map());
        let count = followed_views(layout);
        let total = capacity + count;
        let first_view = first_followed_view(layout, network);
        let rows = b.persistent("inspected rows", table_words::<AssembleRow>(total));
        let sources = b.persistent("followed images", FOLLOWED * pixels);
        let weak_draws = b.persistent("followed weak draws", table_words::<WeakDraw>(count));
        let op_draws: Vec<_> = (1..=method.operations())
            .map(|i| b.persistent(format!("followed operations {i}"), table_words::<OpDraw>(count)))
            .collect();
        let mark = b.mark();
        let views = tensors.views.slice(first_view * pixels, count * pixels);
        record_augmentation(
            b,
            size,
            augment,
            Augmentation { sources, weak: weak_draws, ops: &op_draws, views, count },
        );
        let input = network.input(b, "inspection.input", total);
        record_assemble(b, size, network.input_format(), tensors.views, rows, 0, input);
        let embedding = network.inference(b, weights, tensors.moving, input);
        let mut predict = |head, first, count, classes| {
            let logits = network.logits(b, head, weights, embedding, Rows { first, count });
            record_softmax(b, logits, classes)
        };
        let probabilities = predict(Head::Classify, 0, total, classes);
        let rotation = predict(Head::Rotation, 0, total, 4);
        let anchors = predict(Head::Classify, capacity, FOLLOWED, classes);
        let guess = tensors.guess.map(|of_step| {
            // Nothing is predicted for the labelled batch here: the step's own statistics are the last.
            let stats = match method.predicts_labelled() {
                true => of_step.stats,
                false => record_alignment_stats(b, method, classes, tensors.alignment, anchors, None),
            };
            record_guess(b, method, classes, stats, anchors)
        });
        let program = b.program(mark);
        let kept = guess.iter().flat_map(Guess::tensors).chain([probabilities, rotation]);
        kept.for_each(|tensor| b.keep(tensor));
        let followed = Followed { sources, weak_draws, op_draws, guess };
        Self { capacity, rows, first_view, followed, probabilities, rotation, program }
    }
}
