//! The points of an embedding in a plot.

use eframe::egui::{Color32, Id, Key, Pos2, Rect, Response, RichText, TextStyle, Ui, Vec2, vec2};
use egui_plot::{
    ColorConflictHandling, ItemId, Legend, MarkerShape, Plot, PlotMemory, PlotPoint, PlotTransform, PlotUi,
    Points, Text,
};

use super::names::spread;
use super::{Colouring, Look, is_right};
use crate::app::theme::{Role, class_colour};
use crate::app::widgets::percent;
use crate::train::EmbeddedImage;

/// With more classes the legend would take the whole height.
const LEGEND_CLASSES: usize = 24;
/// Markers, a class after another, so that colours are not all that tells classes apart.
const SHAPES: [MarkerShape; 7] = [
    MarkerShape::Circle,
    MarkerShape::Diamond,
    MarkerShape::Square,
    MarkerShape::Up,
    MarkerShape::Down,
    MarkerShape::Left,
    MarkerShape::Right,
];
const UNKNOWN: &str = "not known";
/// Sizes of points, in points of the screen.
const RADIUS: f32 = 2.8;
const LABELLED_RADIUS: f32 = 5.0;
const OUTLINE_RADIUS: f32 = 7.0;
const RING_RADIUS: f32 = 6.5;

/// A plot to be drawn.
pub struct Scatter<'a> {
    pub id: Id,
    pub height: f32,
    pub classes: &'a [String],
    pub images: &'a [EmbeddedImage],
    /// Of each image.
    pub places: &'a [[f32; 2]],
    pub shares: [f32; 2],
    pub look: Look,
    /// Images that are followed.
    pub pinned: &'a [usize],
    /// The point that is marked.
    pub chosen: Option<usize>,
    /// Whether to show all points.
    pub fit: bool,
}

/// A plot that was drawn.
pub struct Shown {
    pub response: Response,
    /// Where each image is on the screen; `None` where its class is hidden or it is out of sight.
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
    pub fn show(&self, ui: &mut Ui) -> Shown {
        let outline = ui.visuals().strong_text_color();
        let [differ, anchor, muted] =
            [Role::Differ, Role::Anchor, Role::Muted].map(|role| role.in_theme(ui.visuals().dark_mode));
        let background = ui.visuals().extreme_bg_color.gamma_multiply(0.75);
        let mut plot = Plot::new("embedding")
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
        if self.classes.len() <= LEGEND_CLASSES {
            let legend = Legend::default().follow_insertion_order(true);
            plot = plot.legend(legend.color_conflict_handling(ColorConflictHandling::PickFirst));
        }
        let groups = self.groups();
        let shown = plot.show(ui, |plot| {
            if self.fit {
                plot.set_auto_bounds(true);
            }
            if let Some(factor) = zoom(plot.response()) {
                let centre = plot.plot_bounds().center();
                plot.zoom_bounds(Vec2::splat(factor), centre);
            }
            let named = || groups.iter().enumerate().map(|(class, group)| (class, self.name(class), group));
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
            if self.look.names {
                self.names(plot, &groups, outline, background);
            }
            self.marks(plot, anchor);
        });
        Shown { points: self.on_screen(ui, &shown.transform), response: shown.response }
    }

    /// The class that a point is coloured as; the number of classes for one that is not known.
    fn class(&self, image: &EmbeddedImage) -> usize {
        let class = match self.look.colouring {
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

    fn place(&self, point: usize) -> [f64; 2] {
        self.places[point].map(f64::from)
    }

    /// One a class, and one of those that are not known if there are any.
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
                true => group.labelled.push(self.place(point)),
                false => group.plain.push(self.place(point)),
            }
            if self.look.rings && !is_right(image) {
                group.wrong.push(self.place(point));
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
        let middles: Vec<_> = groups
            .iter()
            .enumerate()
            .filter_map(|(class, g)| Some((self.name(class), g.middle()?)))
            .collect();
        let font = TextStyle::Small.resolve(&plot.ctx().global_style());
        let wanted: Vec<Rect> = middles
            .iter()
            .map(|(name, middle)| {
                let text = (*name).to_owned();
                let galley = plot.ctx().fonts_mut(|fonts| fonts.layout_no_wrap(text, font.clone(), colour));
                Rect::from_center_size(plot.screen_from_plot(*middle), galley.size())
            })
            .collect();
        for (((name, _), rect), down) in middles.iter().zip(&wanted).zip(spread(&wanted)) {
            let at = plot.plot_from_screen(rect.center() + vec2(0.0, down));
            let text = RichText::new(*name).strong().background_color(background);
            plot.text(Text::new("", at, text).id(*name).color(colour).allow_hover(false));
        }
    }

    /// Asterisks over the images that are followed, a cross at the chosen point.
    fn marks(&self, plot: &mut PlotUi<'_>, colour: Color32) {
        let followed = |point: &usize| self.pinned.contains(&self.images[*point].image);
        let followed: Vec<_> =
            (0..self.images.len()).filter(followed).map(|point| self.place(point)).collect();
        let asterisks = Points::new("", followed).id("followed").shape(MarkerShape::Asterisk);
        plot.points(asterisks.radius(9.0).color(colour).allow_hover(false));
        if let Some(point) = self.chosen {
            let cross = Points::new("", vec![self.place(point)]).id("chosen").shape(MarkerShape::Plus);
            plot.points(cross.radius(12.0).color(colour).allow_hover(false));
        }
    }

    fn on_screen(&self, ui: &Ui, transform: &PlotTransform) -> Vec<Option<Pos2>> {
        let hidden = PlotMemory::load(ui.ctx(), self.id).map(|memory| memory.hidden_items);
        let hides = |class: usize| {
            hidden.as_ref().is_some_and(|hidden| hidden.contains(&ItemId::new(self.name(class))))
        };
        let hidden_classes: Vec<bool> = (0..=self.classes.len()).map(hides).collect();
        let frame = transform.frame().expand2(vec2(1.0, 1.0));
        let at = |(point, image): (usize, &EmbeddedImage)| {
            let [x, y] = self.place(point);
            let at = transform.position_from_point(&PlotPoint::new(x, y));
            (!hidden_classes[self.class(image)] && frame.contains(at)).then_some(at)
        };
        self.images.iter().enumerate().map(at).collect()
    }
}

/// How much the plus and minus keys zoom in, while the plot has the focus.
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
    /// Mean place, of labelled and unlabelled alike.
    fn middle(&self) -> Option<PlotPoint> {
        let all = || self.plain.iter().chain(&self.labelled);
        let count = all().count();
        let mean = |axis: usize| all().map(|place| place[axis]).sum::<f64>() / count as f64;
        (count > 0).then(|| PlotPoint::new(mean(0), mean(1)))
    }
}
