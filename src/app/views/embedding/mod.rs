//! Embedding: a sample of the images where the network puts them, in the plane in which they differ most.

mod card;
mod motion;
mod names;
mod scatter;

use std::sync::Arc;

use eframe::egui::{self, EventFilter, Key, Response, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

use super::view::{View, ViewContext, columns};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::widgets::{muted, nothing_yet, percent};
use crate::train::{EmbeddedImage, Embedding, Weights};
use motion::Motion;
use scatter::Scatter;

/// How far from a point the pointer may be, in points of the screen.
const REACH: f32 = 12.0;
/// Least height of a picture.
const LEAST_HEIGHT: f32 = 140.0;

/// What points are coloured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colouring {
    TrueClass,
    Guess,
}

/// What is drawn, and how.
#[derive(Clone, Copy, Debug)]
struct Look {
    colouring: Colouring,
    /// Rings around wrong guesses.
    rings: bool,
    /// Class names in their middle.
    names: bool,
    weights: Weights,
}

/// A picture of one run.
#[derive(Default)]
struct Pane {
    motion: Motion,
    /// The point that the keyboard has gone to.
    chosen: Option<usize>,
}

pub struct EmbeddingView {
    look: Look,
    /// One a run.
    panes: Vec<Pane>,
}

impl Default for EmbeddingView {
    fn default() -> Self {
        let look = Look { colouring: Colouring::TrueClass, rings: false, names: true, weights: Weights::Raw };
        Self { look, panes: Vec::new() }
    }
}

impl View for EmbeddingView {
    fn id(&self) -> ViewId {
        ViewId::new("Embedding")
    }

    fn title(&self) -> &'static str {
        "Embedding"
    }

    fn is_pending(&self, runs: &[Run]) -> bool {
        runs.iter().any(|run| run.state.embedding.is_none())
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        if context.runs.is_empty() {
            self.panes.clear();
            nothing_yet(ui, "Press Train: where the network puts the images appears here.");
            return;
        }
        let fit = self.controls(ui);
        let look = self.look;
        self.panes.resize_with(context.runs.len(), Pane::default);
        let mut panes = self.panes.iter_mut();
        let pinned = context.pinned.clone();
        let mut clicked = None;
        columns(ui, context.runs, "embedding", |ui, run| {
            run.session.show_embedding(look.weights);
            let Some(pane) = panes.next() else { return };
            match &run.state.embedding {
                None => nothing_yet(ui, "Looking at the images ..."),
                Some(embedding) => {
                    facts(ui, embedding);
                    let picture = Picture { run, embedding, look, pinned: &pinned, fit };
                    clicked = picture.show(ui, pane).or(clicked);
                }
            }
        });
        if let Some(image) = clicked {
            context.toggle_pin(image);
        }
    }
}

impl EmbeddingView {
    /// Returns whether the pictures are to be fitted to their points.
    fn controls(&mut self, ui: &mut Ui) -> bool {
        let look = &mut self.look;
        ui.horizontal_wrapped(|ui| {
            ui.label("Colour:");
            ui.radio_value(&mut look.colouring, Colouring::TrueClass, "true class")
                .on_hover_text("The class that an image has, which training sees of the labelled ones only");
            ui.radio_value(&mut look.colouring, Colouring::Guess, "guess")
                .on_hover_text("The class that the network thinks most likely");
            ui.checkbox(&mut look.rings, "Ring wrong guesses")
                .on_hover_text("A ring around every image whose guess is not its true class");
            ui.checkbox(&mut look.names, "Class names")
                .on_hover_text("The name of each class in the middle of its images");
            let mut averaged = look.weights == Weights::Averaged;
            ui.checkbox(&mut averaged, "Averaged weights").on_hover_text(
                "Features of the weights' moving average, which is what is tested; otherwise of the weights \
                 as they are",
            );
            look.weights = if averaged { Weights::Averaged } else { Weights::Raw };
            ui.button("Fit").on_hover_text("Show all points again, after a zoom").clicked()
        })
        .inner
    }
}

/// What the picture is of.
fn facts(ui: &mut Ui, embedding: &Embedding) {
    let images = &embedding.images;
    let labelled = images.iter().filter(|image| image.labelled).count();
    let hidden: Vec<_> = images.iter().filter(|image| !image.labelled && image.class.is_some()).collect();
    let right = hidden.iter().filter(|image| is_right(image)).count();
    let weights = match embedding.weights {
        Weights::Averaged => "averaged weights",
        Weights::Raw => "weights as they are",
    };
    let (step, count) = (embedding.step, images.len());
    let mut text = format!("step {step}, {weights}: {count} images, {labelled} labelled (large)");
    if !hidden.is_empty() {
        text += &format!(", {} of the others guessed right", percent(right as f32 / hidden.len() as f32));
    }
    let shown = embedding.shares[0] + embedding.shares[1];
    text += &match shown > 0.0 {
        true => format!("; the plane shows {} of the features' variance", percent(shown)),
        false => "; all of them in one place".to_owned(),
    };
    muted(ui, text);
}

/// Whether the guess is the true class; of an unknown class it is not known to be wrong.
fn is_right(image: &EmbeddedImage) -> bool {
    image.class.is_none_or(|class| class == image.guess)
}

/// One run's picture in one frame.
struct Picture<'a> {
    run: &'a Run,
    embedding: &'a Arc<Embedding>,
    look: Look,
    pinned: &'a [usize],
    fit: bool,
}

impl Picture<'_> {
    /// Returns the image that was clicked.
    fn show(&self, ui: &mut Ui, pane: &mut Pane) -> Option<usize> {
        let images = &self.embedding.images;
        let now = ui.input(|input| input.time);
        let places = pane.motion.places(self.embedding, now);
        if pane.motion.is_under_way(now) {
            ui.ctx().request_repaint();
        }
        pane.chosen = pane.chosen.filter(|point| *point < images.len());
        let scatter = Scatter {
            id: ui.scope_id().with("embedding"),
            height: (ui.available_height() - 4.0).max(LEAST_HEIGHT),
            classes: self.run.classes(),
            images,
            places: &places,
            shares: self.embedding.shares,
            look: self.look,
            pinned: self.pinned,
            chosen: pane.chosen,
            fit: self.fit,
        };
        let shown = scatter.show(ui);
        let at = shown.points;
        let response = shown.response;
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let pointed = response.hover_pos().and_then(|pointer| nearest(&at, pointer, REACH));
        if let Some(direction) = arrows(&response) {
            pane.chosen = beside(&at, pane.chosen, direction, response.rect.center());
        }
        let focused = response.has_focus();
        if focused {
            let stroke = ui.visuals().selection.stroke;
            ui.painter().rect_stroke(response.rect, 2.0, stroke, StrokeKind::Inside);
        }
        let subject = pointed.or(pane.chosen.filter(|_| focused));
        let described = subject.map(|point| card::text(self.run, &images[point]));
        response.widget_info(|| {
            let text = described.clone().unwrap_or_else(|| format!("{} images", images.len()));
            WidgetInfo::labeled(egui::Role::Canvas, true, format!("Embedding: {text}"))
        });
        let point = subject?;
        let anchor = at[point].unwrap_or(response.rect.center());
        card::show(ui, self.run, &images[point], &response, anchor, self.pinned);
        response.clicked().then_some(images[point].image)
    }
}

/// The direction of an arrow key pressed while the picture has the focus; down is positive.
fn arrows(response: &Response) -> Option<Vec2> {
    let keys = [
        (Key::ArrowLeft, vec2(-1.0, 0.0)),
        (Key::ArrowRight, vec2(1.0, 0.0)),
        (Key::ArrowUp, vec2(0.0, -1.0)),
        (Key::ArrowDown, vec2(0.0, 1.0)),
    ];
    let pressed = |key| response.ctx.input(|input| input.key_pressed(key));
    keys.into_iter().find(|(key, _)| response.has_focus() && pressed(*key)).map(|(_, direction)| direction)
}

/// The point nearest to a place, if it is within reach; points out of sight have no place.
fn nearest(points: &[Option<egui::Pos2>], to: egui::Pos2, reach: f32) -> Option<usize> {
    let distance = |i: usize| points[i].map_or(f32::INFINITY, |at| at.distance(to));
    (0..points.len()).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).filter(|i| distance(*i) <= reach)
}

/// The next point from `from` within 45 degrees of a direction, sideways counting double; the one in the
/// middle at first.
fn beside(
    points: &[Option<egui::Pos2>],
    from: Option<usize>,
    direction: Vec2,
    middle: egui::Pos2,
) -> Option<usize> {
    let Some(here) = from.and_then(|i| points[i]) else { return nearest(points, middle, f32::INFINITY) };
    let cost = |i: usize| {
        let away = points[i]? - here;
        let (ahead, aside) = (away.dot(direction), away.dot(direction.rot90()).abs());
        (ahead > 0.0 && ahead >= aside && Some(i) != from).then_some(ahead + 2.0 * aside)
    };
    let ahead = (0..points.len()).filter_map(|i| Some((cost(i)?, i)));
    ahead.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, i)| i).or(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::pos2;

    #[test]
    fn arrows_go_from_point_to_point_and_stop_at_the_last() {
        let at = [(0.0, 0.0), (10.0, 1.0), (5.0, 40.0), (20.0, 0.0)].map(|(x, y)| Some(pos2(x, y)));
        let points = [at[0], at[1], at[2], at[3], None];
        let right = |from| beside(&points, from, vec2(1.0, 0.0), pos2(9.0, 0.0));
        assert_eq!(right(None), Some(1), "the one in the middle");
        assert_eq!([right(Some(0)), right(Some(1)), right(Some(3))], [Some(1), Some(3), Some(3)]);
        assert_eq!(beside(&points, Some(0), vec2(0.0, 1.0), pos2(0.0, 0.0)), Some(2));
        assert_eq!(beside(&points, Some(2), vec2(0.0, -1.0), pos2(0.0, 0.0)), Some(1));
        assert_eq!(right(Some(4)), Some(1), "from where nothing is seen any more");
    }

    #[test]
    fn only_a_point_within_reach_is_pointed_at() {
        let points = [Some(pos2(0.0, 0.0)), None, Some(pos2(8.0, 0.0))];
        assert_eq!(nearest(&points, pos2(5.0, 0.0), 4.0), Some(2));
        assert_eq!(nearest(&points, pos2(4.0, 20.0), 4.0), None);
        assert_eq!(nearest(&[None], pos2(0.0, 0.0), 4.0), None);
    }
}
