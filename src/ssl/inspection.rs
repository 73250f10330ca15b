//! What the network makes of single views: looked at between steps, never part of one.

use super::guess::{AlignmentState, Guess, Measure, record_guess, record_measure};
use super::losses::record_softmax;
use super::recorder::table_words;
use super::shape::StepShape;
use crate::augment::{
    AssembleRow, Augmentation, OpDraw, OpOptions, WeakDraw, record_assemble, record_augmentation,
};
use crate::gpu::{PlanBuilder, Program, Tensor};
use crate::nn::{BINDING_WORDS, Head, Rows, WideResNet};

/// Images that can be followed through training.
pub const FOLLOWED: usize = 4;
/// Anchors that are shown with their strong views.
const ANCHORS: usize = 8;
/// Mixed inputs, and quarter-turned ones, that are shown.
const SINGLE: usize = 32;
/// Feature-map words of the inspected images: one binding, with room to spare.
const MAP_WORDS: usize = 16 << 20;

/// Tensors of an inspection. Its rows name views of the training batch, mixed and turned as the
/// network's inputs are; after them come the followed images, anchors first, whose views are made anew
/// in each inspection. Everything is predicted with the weights as trained and the moving statistics.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Rows of the training batch's views.
    pub capacity: usize,
    /// [`AssembleRow`], `capacity` free ones and then those of the followed images.
    pub rows: Tensor,
    /// Where in the views the followed images' begin: anchors, then strong views 1 to K.
    pub first_view: usize,
    pub followed: Followed,
    /// `[rows, classes]`
    pub probabilities: Tensor,
    /// `[rows, 4]`
    pub rotation: Tensor,
    pub program: Program,
}

/// Tensors of the followed images, [`FOLLOWED`] of them.
#[derive(Clone, Debug)]
pub struct Followed {
    pub sources: Tensor,
    pub weak_draws: Tensor,
    pub op_draws: Vec<Tensor>,
    /// `None` where the method makes no guesses.
    pub guess: Option<Guess>,
}

/// What of the step an inspection looks at.
pub(super) struct Inspected<'a> {
    pub network: &'a WideResNet,
    pub shape: &'a StepShape,
    pub options: OpOptions,
    pub views: Tensor,
    pub weights: Tensor,
    pub moving: Tensor,
    pub alignment: AlignmentState,
    /// The step's own, where it makes guesses.
    pub measure: Option<Measure>,
}

impl StepShape {
    /// Views of the followed images.
    pub fn followed_views(&self) -> usize {
        FOLLOWED * (1 + if self.unlabelled { self.strong_views } else { 0 })
    }

    /// First view of the followed images: after the step's, where a binding may begin.
    pub(super) fn first_followed_view(&self, pixels: usize) -> usize {
        (self.views()..).find(|view| (view * pixels).is_multiple_of(BINDING_WORDS)).unwrap_or(self.views())
    }

    /// Rows of an inspection that the training batch's views can take, for feature maps of `map` words.
    fn inspected_rows(&self, map: usize) -> usize {
        let wanted = ANCHORS * (1 + self.strong_views) + SINGLE;
        let room = (MAP_WORDS / map).saturating_sub(self.followed_views());
        wanted.min(room).max(1)
    }
}

impl Inspection {
    /// Rows, those of the followed images among them.
    pub fn total(&self, shape: &StepShape) -> usize {
        self.capacity + shape.followed_views()
    }

    pub(super) fn record(b: &mut PlanBuilder, of: Inspected<'_>) -> Self {
        let Inspected { network, shape, options, views, weights, moving, alignment, measure } = of;
        let size = [network.height, network.width];
        let pixels = network.height * network.width;
        let capacity = shape.inspected_rows(network.largest_map());
        let followed_views = shape.followed_views();
        let total = capacity + followed_views;
        let first_view = shape.first_followed_view(pixels);
        let rows = b.persistent("inspected rows", table_words::<AssembleRow>(total));
        let sources = b.persistent("followed images", FOLLOWED * pixels);
        let weak_draws = b.persistent("followed weak draws", table_words::<WeakDraw>(followed_views));
        let op_draws: Vec<_> = (1..=shape.operations)
            .map(|turn| {
                b.persistent(format!("followed operations {turn}"), table_words::<OpDraw>(followed_views))
            })
            .collect();
        let mark = b.mark();
        let ours = views.slice(first_view * pixels, followed_views * pixels);
        let augmentation =
            Augmentation { sources, weak: weak_draws, ops: &op_draws, views: ours, count: followed_views };
        record_augmentation(b, size, options, augmentation);
        let input = network.input(b, "inspection.input", total);
        record_assemble(b, size, network.channels, views, rows, 0, input);
        let embedding = network.inference(b, weights, moving, input);
        let mut probabilities_of = |head, first, count, classes| {
            let logits = network.logits(b, head, weights, embedding, Rows { first, count });
            (logits, record_softmax(b, count, classes, logits))
        };
        let (_, probabilities) = probabilities_of(Head::Classify, 0, total, shape.classes);
        let (_, rotation) = probabilities_of(Head::Rotation, 0, total, 4);
        let (anchors, _) = probabilities_of(Head::Classify, capacity, FOLLOWED, shape.classes);
        let guess = measure.map(|of_step| {
            let followed = StepShape { batch: FOLLOWED, guess_views: 1, ..shape.clone() };
            // Of the labelled batch nothing is predicted here: the step's own measure is the last.
            let measure = match shape.predicts_labelled() {
                true => of_step,
                false => record_measure(b, &followed, alignment, anchors, None),
            };
            record_guess(b, &followed, measure, &[anchors])
        });
        let program = b.program(mark);
        let kept = guess.iter().flat_map(Guess::tensors).chain([probabilities, rotation]);
        kept.for_each(|tensor| b.keep(tensor));
        let followed = Followed { sources, weak_draws, op_draws, guess };
        Self { capacity, rows, first_view, followed, probabilities, rotation, program }
    }
}
