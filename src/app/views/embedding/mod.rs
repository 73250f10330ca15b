//! Embedding: penultimate features of a sample of the images, projected onto their first two principal
//! components. This file holds the controls, the keyboard and the card of a point; `scatter` draws the plot.

mod scatter;

use std::collections::BTreeSet;
use std::sync::Arc;

use eframe::egui::{
    self, EventFilter, Key, Pos2, Response, RichText, StrokeKind, Tooltip, Ui, Vec2, WidgetInfo, vec2,
};

use super::view::{View, ViewContext, columns};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::textures::Subset;
use crate::app::theme::Role;
use crate::app::widgets::{muted, nothing_yet, percent};
use crate::data::counted;
use crate::train::{EmbeddedImage, Embedding, Weights};
use scatter::{Colouring, DisplayOptions, Scatter, Transition, is_right};

/// Distance from a point at which the pointer still hovers it, in screen points.
const HOVER_RADIUS: f32 = 12.0;
/// Minimum height of a plot.
const MIN_HEIGHT: f32 = 140.0;
/// Height of the image in a card.
const CARD_IMAGE: f32 = 72.0;

/// The plot of one run.
#[derive(Default)]
struct PlotState {
    transition: Transition,
    /// The point selected with the keyboard.
    selected: Option<usize>,
    /// Names of the classes whose points are hidden.
    hidden: BTreeSet<String>,
}

/// The state of the view: what to draw, and the plot of each run.
pub struct EmbeddingView {
    options: DisplayOptions,
    /// `[runs]`
    plots: Vec<PlotState>,
}

impl Default for EmbeddingView {
    fn default() -> Self {
        let options = DisplayOptions {
            colouring: Colouring::TrueClass,
            rings: false,
            names: true,
            weights: Weights::Raw,
        };
        Self { options, plots: Vec::new() }
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
            self.plots.clear();
            nothing_yet(ui, "Press Train: the embedding of the images appears here.");
            return;
        }
        let fit = self.controls(ui);
        let options = self.options;
        self.plots.resize_with(context.runs.len(), PlotState::default);
        let mut plots = self.plots.iter_mut();
        let pinned = context.pinned.clone();
        let mut clicked = None;
        columns(ui, context.runs, "embedding", |ui, run| {
            run.session.show_embedding(options.weights);
            let Some(plot) = plots.next() else { return };
            match &run.state.embedding {
                None => nothing_yet(ui, "Computing the embedding ..."),
                Some(embedding) => {
                    summary(ui, embedding);
                    let frame = PlotFrame { run, embedding, options, pinned: &pinned, fit };
                    clicked = frame.show(ui, plot).or(clicked);
                }
            }
        });
        if let Some(image) = clicked {
            context.toggle_pin(image);
        }
    }
}

impl EmbeddingView {
    /// Draws the controls; returns whether the plots should be fitted to their points.
    fn controls(&mut self, ui: &mut Ui) -> bool {
        let options = &mut self.options;
        ui.horizontal_wrapped(|ui| {
            ui.label("Colour:");
            ui.radio_value(&mut options.colouring, Colouring::TrueClass, "true class")
                .on_hover_text("The true class of each image; training sees only those of the labelled images");
            ui.radio_value(&mut options.colouring, Colouring::Guess, "guess")
                .on_hover_text("The most likely class according to the network");
            ui.checkbox(&mut options.rings, "Ring wrong guesses")
                .on_hover_text("A ring around every image whose guess differs from its true class");
            ui.checkbox(&mut options.names, "Class names")
                .on_hover_text("The name of each class at the mean of its images");
            let mut ema = options.weights == Weights::Ema;
            ui.checkbox(&mut ema, "EMA weights").on_hover_text(
                "Show the features of the EMA weights, which the test accuracy uses. Unticked: features of the \
                 raw weights",
            );
            options.weights = if ema { Weights::Ema } else { Weights::Raw };
            ui.button("Fit").on_hover_text("Reset the zoom to show all points").clicked()
        })
        .inner
    }
}

/// The step, the weights and the numbers of images in one line.
fn summary(ui: &mut Ui, embedding: &Embedding) {
    let images = &embedding.images;
    let labelled = images.iter().filter(|image| image.labelled).count();
    let hidden: Vec<_> = images.iter().filter(|image| !image.labelled && image.class.is_some()).collect();
    let right = hidden.iter().filter(|image| is_right(image)).count();
    let weights = match embedding.weights {
        Weights::Ema => "EMA weights",
        Weights::Raw => "raw weights",
    };
    let (step, count) = (embedding.step, images.len());
    let mut text =
        format!("step {step}, {weights}: {}, {labelled} labelled (large)", counted(count, "image", "images"));
    if !hidden.is_empty() {
        text += &format!(", {} of the others guessed right", percent(right as f32 / hidden.len() as f32));
    }
    let explained = embedding.shares[0] + embedding.shares[1];
    text += &match explained > 0.0 {
        true => format!("; the axes explain {} of the feature variance", percent(explained)),
        false => "; all features are equal".to_owned(),
    };
    muted(ui, text);
}

/// One run's plot in one frame.
struct PlotFrame<'a> {
    run: &'a Run,
    embedding: &'a Arc<Embedding>,
    options: DisplayOptions,
    pinned: &'a [usize],
    fit: bool,
}

impl PlotFrame<'_> {
    /// Returns the image that was clicked.
    fn show(&self, ui: &mut Ui, plot: &mut PlotState) -> Option<usize> {
        let images = &self.embedding.images;
        let now = ui.input(|input| input.time);
        let positions = plot.transition.positions(self.embedding, now);
        if plot.transition.is_animating(now) {
            ui.ctx().request_repaint();
        }
        plot.selected = plot.selected.filter(|point| *point < images.len());
        scatter::legend(ui, self.run.classes(), self.embedding, &mut plot.hidden);
        let scatter = Scatter {
            id: ui.scope_id().with("embedding"),
            height: (ui.available_height() - 4.0).max(MIN_HEIGHT),
            classes: self.run.classes(),
            images,
            positions: &positions,
            shares: self.embedding.shares,
            options: self.options,
            pinned: self.pinned,
            selected: plot.selected,
            fit: self.fit,
            hidden: &plot.hidden,
        };
        let output = scatter.show(ui);
        let points = output.points;
        let response = output.response;
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let hovered = response.hover_pos().and_then(|pointer| nearest(&points, pointer, HOVER_RADIUS));
        if let Some(direction) = arrow_key(&response) {
            plot.selected = neighbour(&points, plot.selected, direction, response.rect.center());
        }
        let focused = response.has_focus();
        if focused {
            let stroke = ui.visuals().selection.stroke;
            ui.painter().rect_stroke(response.rect, 2.0, stroke, StrokeKind::Inside);
        }
        let subject = hovered.or(plot.selected.filter(|_| focused));
        let described = subject.map(|point| point_text(self.run, &images[point]));
        response.widget_info(|| {
            let text = described.clone().unwrap_or_else(|| counted(images.len(), "image", "images"));
            WidgetInfo::labeled(egui::Role::Canvas, true, format!("Embedding: {text}"))
        });
        let point = subject?;
        let anchor = points[point].unwrap_or(response.rect.center());
        card(ui, self.run, &images[point], &response, anchor, self.pinned);
        response.clicked().then_some(images[point].image)
    }
}

/// A point in one line, for screen readers.
fn point_text(run: &Run, image: &EmbeddedImage) -> String {
    let kind = if image.labelled { "labelled" } else { "unlabelled" };
    let (number, class) = (image.image, run.class_name(image.class));
    format!("image {number}, {kind}, true class {class}, {}", guess_text(run, image))
}

fn guess_text(run: &Run, image: &EmbeddedImage) -> String {
    format!("guess {} ({})", run.class_name(Some(image.guess)), percent(image.confidence))
}

/// A tooltip at a point with its image, its class and its guess.
fn card(ui: &Ui, run: &Run, image: &EmbeddedImage, response: &Response, anchor: Pos2, pinned: &[usize]) {
    let (mark, role) = match image.class {
        None => ("", Role::Muted),
        Some(_) if is_right(image) => ("● ", Role::Agree),
        Some(_) => ("○ ", Role::Differ),
    };
    let tooltip = Tooltip::always_open(ui.ctx().clone(), response.layer_id, response.id, anchor);
    tooltip.gap(14.0).show(|ui| {
        ui.horizontal(|ui| {
            ui.add(run.thumbnails.image(ui.ctx(), Subset::Train, image.image, CARD_IMAGE));
            ui.vertical(|ui| {
                ui.label(RichText::new(format!("true class {}", run.class_name(image.class))).strong());
                ui.colored_label(role.colour(ui), format!("{mark}{}", guess_text(run, image)));
                muted(ui, if image.labelled { "labelled" } else { "unlabelled" });
                let followed = pinned.contains(&image.image);
                muted(ui, if followed { "followed; click to stop" } else { "click to follow" });
            });
        });
    });
}

/// The direction of an arrow key pressed while the plot has the focus; y grows downwards.
fn arrow_key(response: &Response) -> Option<Vec2> {
    let keys = [
        (Key::ArrowLeft, vec2(-1.0, 0.0)),
        (Key::ArrowRight, vec2(1.0, 0.0)),
        (Key::ArrowUp, vec2(0.0, -1.0)),
        (Key::ArrowDown, vec2(0.0, 1.0)),
    ];
    let pressed = |key| response.ctx.input(|input| input.key_pressed(key));
    keys.into_iter().find(|(key, _)| response.has_focus() && pressed(*key)).map(|(_, direction)| direction)
}

/// The point nearest to a position within a radius. Points that are hidden or outside the plot are `None`.
fn nearest(points: &[Option<Pos2>], to: Pos2, radius: f32) -> Option<usize> {
    let distance = |i: usize| points[i].map_or(f32::INFINITY, |at| at.distance(to));
    (0..points.len()).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).filter(|i| distance(*i) <= radius)
}

/// The closest point within 45 degrees of a direction from the point `from`, with sideways distance counted
/// twice; `from` if there is none. Without a visible `from`, the point closest to the centre.
fn neighbour(points: &[Option<Pos2>], from: Option<usize>, direction: Vec2, centre: Pos2) -> Option<usize> {
    let Some(here) = from.and_then(|i| points[i]) else { return nearest(points, centre, f32::INFINITY) };
    let cost = |i: usize| {
        let offset = points[i]? - here;
        let (ahead, aside) = (offset.dot(direction), offset.dot(direction.rot90()).abs());
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
    fn arrow_keys_move_between_points_within_the_plot() {
        let at = [(0.0, 0.0), (10.0, 1.0), (5.0, 40.0), (20.0, 0.0)].map(|(x, y)| Some(pos2(x, y)));
        let points = [at[0], at[1], at[2], at[3], None];
        let right = |from| neighbour(&points, from, vec2(1.0, 0.0), pos2(9.0, 0.0));
        assert_eq!(right(None), Some(1), "the point closest to the centre");
        assert_eq!([right(Some(0)), right(Some(1)), right(Some(3))], [Some(1), Some(3), Some(3)]);
        assert_eq!(neighbour(&points, Some(0), vec2(0.0, 1.0), pos2(0.0, 0.0)), Some(2));
        assert_eq!(neighbour(&points, Some(2), vec2(0.0, -1.0), pos2(0.0, 0.0)), Some(1));
        assert_eq!(right(Some(4)), Some(1), "from a hidden point");
    }

    #[test]
    fn nearest_point_must_be_within_radius() {
        let points = [Some(pos2(0.0, 0.0)), None, Some(pos2(8.0, 0.0))];
        assert_eq!(nearest(&points, pos2(5.0, 0.0), 4.0), Some(2));
        assert_eq!(nearest(&points, pos2(4.0, 20.0), 4.0), None);
        assert_eq!(nearest(&[None], pos2(0.0, 0.0), 4.0), None);
    }
}
