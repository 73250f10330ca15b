//! The scatter plot of an embedding: points, class names, and the animation from one embedding to the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use eframe::egui::{Color32, Id, Key, Pos2, Rect, Response, RichText, TextStyle, Ui, Vec2, vec2};
use egui_plot::{MarkerShape, Plot, PlotPoint, PlotTransform, PlotUi, Points, Text};

use crate::app::axes::{self, Entry};
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::percent;
use crate::train::{EmbeddedImage, Embedding, Weights};

/// Maximum number of classes in the legend: more would not fit the height.
const LEGEND_CLASSES: usize = 24;
/// Markers, assigned to classes cyclically, so that classes differ in more than their colour.
const SHAPES: [MarkerShape; 7] = [
    MarkerShape::Circle,
    MarkerShape::Diamond,
    MarkerShape::Square,
    MarkerShape::Up,
    MarkerShape::Down,
    MarkerShape::Left,
    MarkerShape::Right,
];
/// The legend entry of images without a known class.
const UNKNOWN: &str = "unknown";
/// Radii of markers, in screen points.
const RADIUS: f32 = 2.8;
const LABELLED_RADIUS: f32 = 5.0;
const OUTLINE_RADIUS: f32 = 7.0;
const RING_RADIUS: f32 = 6.5;

/// Duration of the animation between two embeddings, in seconds.
const TRANSITION: f64 = 0.3;

/// What the colours of the points stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colouring {
    TrueClass,
    Guess,
}

/// Which weights to embed with, and how to draw the points.
#[derive(Clone, Copy, Debug)]
pub struct DisplayOptions {
    pub colouring: Colouring,
    /// Whether wrong guesses have rings.
    pub rings: bool,
    /// Whether each class has its name at its mean.
    pub names: bool,
    pub weights: Weights,
}

/// Whether the guess is the true class; true if the class is unknown.
pub fn is_right(image: &EmbeddedImage) -> bool {
    image.class.is_none_or(|class| class == image.guess)
}

/// The input of a scatter plot.
pub struct Scatter<'a> {
    pub id: Id,
    pub height: f32,
    pub classes: &'a [String],
    pub images: &'a [EmbeddedImage],
    /// `[images]`: positions in plot coordinates.
    pub positions: &'a [[f32; 2]],
    /// The share of the variance along each axis, for the axis labels.
    pub shares: [f32; 2],
    pub options: DisplayOptions,
    /// Training images that are followed.
    pub pinned: &'a [usize],
    /// The point with a cross.
    pub selected: Option<usize>,
    /// Whether to reset the bounds to show all points.
    pub fit: bool,
    /// Names of the classes whose points are hidden.
    pub hidden: &'a BTreeSet<String>,
}

/// The names of the classes above a plot, unless there are too many. A click hides the points of a class.
pub fn legend(ui: &mut Ui, classes: &[String], embedding: &Embedding, hidden: &mut BTreeSet<String>) {
    if classes.len() > LEGEND_CLASSES {
        return;
    }
    let names = classes.iter().enumerate().map(|(class, name)| Entry { name, colour: class_colour(class) });
    let unknown = embedding.images.iter().any(|image| image.class.is_none());
    let colour = Role::Muted.in_theme(ui.visuals().dark_mode);
    axes::legend(ui, names.chain(unknown.then_some(Entry { name: UNKNOWN, colour })), Some(hidden));
}

/// The output of a scatter plot.
pub struct ScatterOutput {
    pub response: Response,
    /// `[images]`: screen positions; `None` if the class is hidden or the point is outside the plot.
    pub points: Vec<Option<Pos2>>,
}

/// The points of one class.
#[derive(Default)]
struct Group {
    plain: Vec<[f64; 2]>,
    labelled: Vec<[f64; 2]>,
    wrong: Vec<[f64; 2]>,
}

impl Scatter<'_> {
    /// Draws the plot.
    pub fn show(&self, ui: &mut Ui) -> ScatterOutput {
        let outline = ui.visuals().strong_text_color();
        let [differ, anchor, muted] =
            [Role::Differ, Role::Anchor, Role::Muted].map(|role| role.in_theme(ui.visuals().dark_mode));
        let background = ui.visuals().extreme_bg_color.gamma_multiply(0.75);
        let plot = Plot::new("embedding")
            .id(self.id)
            .height(self.height)
            .data_aspect(1.0)
            .set_margin_fraction(Vec2::splat(0.06))
            .allow_scroll(false)
            .show_x(false)
            .show_y(false)
            .show_grid(false)
            .x_axis_formatter(|_, _| String::new())
            .y_axis_formatter(|_, _| String::new())
            .x_axis_label(format!("{} of the variance", percent(self.shares[0])))
            .y_axis_label(format!("{} of the variance", percent(self.shares[1])));
        let groups = self.groups();
        let shown = plot.show(ui, |plot| {
            if self.fit {
                plot.set_auto_bounds(true);
            }
            if let Some(factor) = zoom(plot.response()) {
                let centre = plot.plot_bounds().center();
                plot.zoom_bounds(Vec2::splat(factor), centre);
            }
            let named = || {
                let all = groups.iter().enumerate().map(|(class, group)| (class, self.name(class), group));
                all.filter(|(_, name, _)| !self.hidden.contains(*name))
            };
            for (class, name, group) in named() {
                self.points(plot, class, name, group.plain.clone(), RADIUS, self.colour(class, muted));
            }
            for (class, name, group) in named() {
                let labelled = || group.labelled.clone();
                self.points(plot, class, name, labelled(), OUTLINE_RADIUS, outline);
                self.points(plot, class, name, labelled(), LABELLED_RADIUS, self.colour(class, muted));
                let rings = Points::new(name, group.wrong.clone()).filled(false).radius(RING_RADIUS);
                plot.points(rings.color(differ).allow_hover(false));
            }
            if self.options.names {
                self.names(plot, &groups, outline, background);
            }
            self.marks(plot, anchor);
        });
        ScatterOutput { points: self.on_screen(&shown.transform), response: shown.response }
    }

    /// The class that colours a point; the number of classes if it is unknown.
    fn class(&self, image: &EmbeddedImage) -> usize {
        let class = match self.options.colouring {
            Colouring::TrueClass => image.class,
            Colouring::Guess => Some(image.guess),
        };
        class.map_or(self.classes.len(), |class| class as usize)
    }

    fn name(&self, class: usize) -> &str {
        self.classes.get(class).map_or(UNKNOWN, String::as_str)
    }

    fn colour(&self, class: usize, unknown: Color32) -> Color32 {
        if class < self.classes.len() { class_colour(class) } else { unknown }
    }

    fn position(&self, point: usize) -> [f64; 2] {
        self.positions[point].map(f64::from)
    }

    /// One group per class, and one for unknown classes if there are any.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        groups.resize_with(self.classes.len(), Group::default);
        for (point, image) in self.images.iter().enumerate() {
            let class = self.class(image);
            if class >= groups.len() {
                groups.resize_with(class + 1, Group::default);
            }
            let group = &mut groups[class];
            match image.labelled {
                true => group.labelled.push(self.position(point)),
                false => group.plain.push(self.position(point)),
            }
            if self.options.rings && !is_right(image) {
                group.wrong.push(self.position(point));
            }
        }
        groups
    }

    fn points<'p>(
        &self,
        plot: &mut PlotUi<'p>,
        class: usize,
        name: &str,
        at: Vec<[f64; 2]>,
        radius: f32,
        colour: Color32,
    ) {
        let shape = SHAPES[class % SHAPES.len()];
        let points = Points::new(name, at).shape(shape).radius(radius).color(colour);
        plot.points(points.allow_hover(false));
    }

    fn names(&self, plot: &mut PlotUi<'_>, groups: &[Group], colour: Color32, background: Color32) {
        let shown = |name: &&str| !self.hidden.contains(*name);
        let mean =
            |(class, group): (usize, &Group)| Some((Some(self.name(class)).filter(shown)?, group.mean()?));
        let means: Vec<_> = groups.iter().enumerate().filter_map(mean).collect();
        let font = TextStyle::Small.resolve(&plot.ctx().global_style());
        let labels: Vec<Rect> = means
            .iter()
            .map(|(name, mean)| {
                let text = (*name).to_owned();
                let galley = plot.ctx().fonts_mut(|fonts| fonts.layout_no_wrap(text, font.clone(), colour));
                Rect::from_center_size(plot.screen_from_plot(*mean), galley.size())
            })
            .collect();
        for (((name, _), rect), offset) in means.iter().zip(&labels).zip(separate(&labels)) {
            let at = plot.plot_from_screen(rect.center() + vec2(0.0, offset));
            let text = RichText::new(*name).strong().background_color(background);
            plot.text(Text::new("", at, text).id(*name).color(colour).allow_hover(false));
        }
    }

    /// Asterisks on the followed images, a cross on the selected point.
    fn marks(&self, plot: &mut PlotUi<'_>, colour: Color32) {
        let followed = |point: &usize| self.pinned.contains(&self.images[*point].image);
        let followed: Vec<_> =
            (0..self.images.len()).filter(followed).map(|point| self.position(point)).collect();
        let asterisks = Points::new("", followed).id("followed").shape(MarkerShape::Asterisk);
        plot.points(asterisks.radius(9.0).color(colour).allow_hover(false));
        if let Some(point) = self.selected {
            let cross = Points::new("", vec![self.position(point)]).id("selected").shape(MarkerShape::Plus);
            plot.points(cross.radius(12.0).color(colour).allow_hover(false));
        }
    }

    fn on_screen(&self, transform: &PlotTransform) -> Vec<Option<Pos2>> {
        let hidden_classes: Vec<bool> =
            (0..=self.classes.len()).map(|class| self.hidden.contains(self.name(class))).collect();
        let frame = transform.frame().expand2(vec2(1.0, 1.0));
        let at = |(point, image): (usize, &EmbeddedImage)| {
            let [x, y] = self.position(point);
            let at = transform.position_from_point(&PlotPoint::new(x, y));
            (!hidden_classes[self.class(image)] && frame.contains(at)).then_some(at)
        };
        self.images.iter().enumerate().map(at).collect()
    }
}

/// The zoom factor of the plus and minus keys, while the plot has the focus.
fn zoom(response: &Response) -> Option<f32> {
    let focused = response.has_focus();
    let pressed =
        |key| response.ctx.input(|input| focused && input.key_pressed(key) && !input.modifiers.command);
    match (pressed(Key::Plus) || pressed(Key::Equals), pressed(Key::Minus)) {
        (true, _) => Some(1.25),
        (_, true) => Some(0.8),
        _ => None,
    }
}

impl Group {
    /// The mean position of labelled and unlabelled images together.
    fn mean(&self) -> Option<PlotPoint> {
        let all = || self.plain.iter().chain(&self.labelled);
        let count = all().count();
        let mean = |axis: usize| all().map(|position| position[axis]).sum::<f64>() / count as f64;
        (count > 0).then(|| PlotPoint::new(mean(0), mean(1)))
    }
}

/// Vertical offsets that separate overlapping rectangles: from the topmost on, each moves down until it
/// overlaps none before it.
fn separate(rects: &[Rect]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..rects.len()).collect();
    order.sort_by(|a, b| rects[*a].top().total_cmp(&rects[*b].top()));
    let mut offsets = vec![0.0; rects.len()];
    let mut placed: Vec<Rect> = Vec::new();
    for i in order {
        let mut rect = rects[i];
        // Moving down past one rectangle may hit another, but never the same one again.
        while let Some(other) = placed.iter().find(|other| overlap(**other, rect)) {
            rect = rect.translate(vec2(0.0, other.bottom() - rect.top()));
        }
        offsets[i] = rect.top() - rects[i].top();
        placed.push(rect);
    }
    offsets
}

/// Whether two rectangles overlap by more than their edges.
fn overlap(a: Rect, b: Rect) -> bool {
    a.shrink(0.25).intersects(b.shrink(0.25))
}

/// Animates the points from one embedding to the next.
#[derive(Default)]
pub struct Transition {
    from: Vec<[f32; 2]>,
    to: Option<Arc<Embedding>>,
    began: f64,
}

impl Transition {
    /// Positions `[images]` of an embedding at time `now` in seconds. Points move there from the last embedding
    /// if that has the same images at an earlier step, and jump otherwise.
    pub fn positions(&mut self, embedding: &Arc<Embedding>, now: f64) -> Vec<[f32; 2]> {
        match &self.to {
            Some(shown) if Arc::ptr_eq(shown, embedding) => {}
            Some(shown) if follows(embedding, shown) => {
                self.from = self.interpolate(shown, now);
                (self.to, self.began) = (Some(Arc::clone(embedding)), now);
            }
            _ => {
                self.from = embedding.images.iter().map(|image| image.position).collect();
                (self.to, self.began) = (Some(Arc::clone(embedding)), now - TRANSITION);
            }
        }
        self.interpolate(embedding, now)
    }

    /// Whether points are still moving at time `now` in seconds.
    pub fn is_animating(&self, now: f64) -> bool {
        now < self.began + TRANSITION
    }

    fn interpolate(&self, to: &Embedding, now: f64) -> Vec<[f32; 2]> {
        let t = ((now - self.began) / TRANSITION).clamp(0.0, 1.0) as f32;
        let t = t * t * (3.0 - 2.0 * t);
        let mix =
            |(from, to): (&[f32; 2], [f32; 2])| [0, 1].map(|axis| from[axis] * (1.0 - t) + to[axis] * t);
        self.from.iter().zip(to.images.iter().map(|image| image.position)).map(mix).collect()
    }
}

/// Whether an embedding has the same images as an older one, at the same or a later step.
fn follows(new: &Embedding, old: &Embedding) -> bool {
    let images = |embedding: &Embedding| embedding.images.len();
    let pairs = new.images.iter().zip(&old.images);
    new.step >= old.step && images(new) == images(old) && pairs.clone().all(|(a, b)| a.image == b.image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::pos2;

    #[test]
    fn overlapping_names_move_down_until_separate() {
        let rect = |x: f32, y: f32| Rect::from_min_size(pos2(x, y), vec2(30.0, 10.0));
        let rects = [rect(0.0, 4.0), rect(10.0, 0.0), rect(20.0, 18.0), rect(100.0, 2.0)];
        let offsets = separate(&rects);
        assert_eq!(offsets, [6.0, 0.0, 2.0, 0.0]);
        let moved: Vec<_> = rects.iter().zip(&offsets).map(|(r, d)| r.translate(vec2(0.0, *d))).collect();
        for (i, a) in moved.iter().enumerate() {
            assert!(moved[..i].iter().all(|b| !overlap(*a, *b)), "{moved:?}");
        }
        assert_eq!(separate(&[rect(0.0, 0.0); 3]), [0.0, 10.0, 20.0]);
        assert!(separate(&[]).is_empty());
    }

    fn embedding(step: u64, image: usize, x: f32) -> Arc<Embedding> {
        let position = [x, 0.0];
        let image =
            EmbeddedImage { image, class: None, labelled: false, position, guess: 0, confidence: 1.0 };
        Arc::new(Embedding { step, weights: Weights::Raw, shares: [1.0, 0.0], images: vec![image] })
    }

    #[test]
    fn points_move_within_runs_and_jump_between_them() {
        let mut transition = Transition::default();
        let [first, second] = [embedding(1, 7, 1.0), embedding(2, 7, 3.0)];
        assert_eq!(transition.positions(&first, 10.0), [[1.0, 0.0]]);
        assert!(!transition.is_animating(10.0));
        assert_eq!(transition.positions(&second, 20.0), [[1.0, 0.0]]);
        assert!(transition.is_animating(20.1));
        let half = transition.positions(&second, 20.0 + TRANSITION / 2.0)[0][0];
        assert!((half - 2.0).abs() < 1e-5, "{half}");
        // A new embedding half way through starts from the interpolated position.
        let third = embedding(3, 7, 1.0);
        assert_eq!(transition.positions(&third, 20.0 + TRANSITION / 2.0), [[half, 0.0]]);
        assert_eq!(transition.positions(&third, 30.0), [[1.0, 0.0]]);
        assert!(!transition.is_animating(30.0));
        assert_eq!(transition.positions(&embedding(1, 7, 9.0), 40.0), [[9.0, 0.0]], "a new run");
        assert_eq!(transition.positions(&embedding(5, 8, 4.0), 40.0), [[4.0, 0.0]], "other images");
    }
}
