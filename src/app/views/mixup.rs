//! MixUp: pairs of images with their blend, its target and its prediction, and a histogram of λ.

use eframe::egui::{
    self, Align2, CornerRadius, Rect, RichText, Sense, TextStyle, TextWrapMode, Ui, WidgetInfo, pos2, vec2,
};

use super::anchors::framed_tile;
use super::view::{View, ViewContext, columns};
use crate::app::components::Component;
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::theme::Role;
use crate::app::widgets::{bars, equation, muted, nothing_yet, percent, share_bar, verdict};
use crate::data::counted;
use crate::ssl::PolicyKind;
use crate::train::{MixRow, most_likely};

pub const ID: ViewId = ViewId::new("MixUp");

const BARS: egui::Vec2 = vec2(92.0, 40.0);
const HISTOGRAM: egui::Vec2 = vec2(250.0, 36.0);
/// Height of the axis labels below the histogram.
const AXIS: f32 = 15.0;
/// Number of histogram bins, from 1/2 to 1.
const BINS: usize = 25;

#[derive(Default)]
pub struct MixUpView;

impl View for MixUpView {
    fn id(&self) -> ViewId {
        ID
    }

    fn title(&self) -> &'static str {
        "MixUp"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        let runs = context.runs;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 20.0;
            ui.label(Component::MixUp.explanation());
            equation(ui, Component::MixUp.equation());
            equation(ui, "t' = λ t_1 + (1 - λ) t_2");
        });
        if runs.is_empty() {
            nothing_yet(ui, "Press Train: the mixed pairs appear here.");
            return;
        }
        columns(ui, runs, "mixup", |ui, run| {
            let method = &run.session.config.method;
            if !method.mixup {
                nothing_yet(ui, "MixUp is off in this run: images are not blended.");
                return;
            }
            let Some(seen) = &run.state.observation else {
                nothing_yet(ui, "The pairs of the first step appear here.");
                return;
            };
            muted(ui, format!("step {}, β = {}", seen.step, method.beta));
            histogram(ui, &seen.lambdas);
            ui.separator();
            for (i, row) in seen.mixes.iter().enumerate() {
                ui.push_id(i, |ui| mix(ui, run, row));
                ui.separator();
            }
        });
    }
}

/// One pair, its blend, the mixed target and the prediction for the blend.
fn mix(ui: &mut Ui, run: &Run, row: &MixRow) {
    let kinds = row.blocks.map(|block| Kind::of(block, run));
    // No wrapping: the column scrolls sideways instead.
    ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
    ui.horizontal(|ui| {
        image(ui, run, row.tiles[0], &kinds[0], row.lambda);
        sign(ui, "+");
        image(ui, run, row.tiles[1], &kinds[1], 1.0 - row.lambda);
        sign(ui, "=");
        ui.vertical(|ui| {
            ui.label("mix");
            framed_tile(ui, run, row.tiles[2], Role::Muted, "picture of the blend");
            let text = format!(
                "λ = {:.2}: {} {}, {} {}",
                row.lambda,
                percent(row.lambda),
                kinds[0].name,
                percent(1.0 - row.lambda),
                kinds[1].name
            );
            let colours = [kinds[0].role.colour(ui), kinds[1].role.colour(ui).gamma_multiply(0.6)];
            share_bar(ui, &text, row.lambda, vec2(68.0, 7.0), colours);
            ui.small(format!("λ = {:.2}", row.lambda));
        });
        let classes = run.classes();
        ui.vertical(|ui| {
            muted(ui, "mixed target t'");
            bars(ui, "mixed target", &row.target, classes, BARS);
            ui.small(verdict(&row.target, classes));
            if let Some(text) = second(&row.target, classes) {
                ui.small(text);
            }
        });
        ui.vertical(|ui| {
            muted(ui, "prediction");
            bars(ui, "prediction for the mix", &row.prediction, classes, BARS);
            let agrees = most_likely(&row.prediction) == most_likely(&row.target);
            let (mark, role, hint) = match agrees {
                true => ("●", Role::Agree, "The most likely class is that of the mixed target"),
                false => ("○", Role::Differ, "The most likely class differs from that of the mixed target"),
            };
            let text = format!("{mark} {}", verdict(&row.prediction, classes));
            ui.label(RichText::new(text).small().color(role.colour(ui))).on_hover_text(hint);
            if let Some(text) = second(&row.prediction, classes) {
                ui.small(text);
            }
        });
    });
}

/// The name and colour of one image of a pair.
struct Kind {
    name: String,
    role: Role,
}

impl Kind {
    fn of(block: usize, run: &Run) -> Self {
        match block {
            0 => Self { name: "labelled".into(), role: Role::Labelled },
            1 => Self { name: "anchor".into(), role: Role::Anchor },
            k => {
                let weak = run.session.config.method.policy == PolicyKind::None;
                let name = format!("{} {}", if weak { "weak" } else { "strong" }, k - 1);
                Self { name, role: Role::Strong }
            }
        }
    }
}

fn image(ui: &mut Ui, run: &Run, tile: usize, kind: &Kind, share: f32) {
    ui.vertical(|ui| {
        ui.colored_label(kind.role.colour(ui), &kind.name);
        framed_tile(ui, run, tile, kind.role, &format!("picture of {}", kind.name));
        ui.small(format!("× {share:.2}"));
    });
}

fn sign(ui: &mut Ui, text: &str) {
    ui.vertical(|ui| {
        ui.add_space(42.0);
        ui.label(RichText::new(text).heading());
    });
}

/// The second most likely class, if its probability is at least 1 %.
fn second(values: &[f32], classes: &[String]) -> Option<String> {
    let top = most_likely(values);
    let others = values.iter().enumerate().filter(|(class, _)| *class != top);
    let (class, value) = others.max_by(|a, b| a.1.total_cmp(b.1)).filter(|(_, value)| **value >= 0.01)?;
    Some(format!("{} ({})", classes.get(class)?, percent(*value)))
}

/// The histogram of λ over the mixed images of the step, `[images]`.
fn histogram(ui: &mut Ui, lambdas: &[f32]) {
    let counts = bin_counts(lambdas);
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let mean = lambdas.iter().sum::<f32>() / lambdas.len().max(1) as f32;
    let text = format!("λ of the step's {} mixed images, mean {mean:.2}", lambdas.len());
    muted(ui, &text);
    let (whole, response) = ui.allocate_exact_size(HISTOGRAM + vec2(0.0, AXIS), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, format!("histogram: {text}")));
    let rect = whole.with_max_y(whole.bottom() - AXIS);
    let painter = ui.painter();
    painter.rect_filled(rect, CornerRadius::same(2), ui.visuals().extreme_bg_color);
    let step = rect.width() / BINS as f32;
    for (i, count) in counts.iter().enumerate() {
        let left = rect.left() + step * i as f32;
        let top = rect.bottom() - rect.height() * *count as f32 / most as f32;
        let bar = Rect::from_min_max(pos2(left + 0.5, top), pos2(left + step - 0.5, rect.bottom()));
        painter.rect_filled(bar, CornerRadius::ZERO, Role::Strong.colour(ui));
    }
    let font = TextStyle::Small.resolve(ui.style());
    let label = |at, align, text: &str| {
        painter.text(at, align, text, font.clone(), Role::Muted.colour(ui));
    };
    label(whole.left_bottom(), Align2::LEFT_BOTTOM, "0.5: equal shares");
    label(whole.right_bottom(), Align2::RIGHT_BOTTOM, "1: not mixed");
    response.on_hover_ui_at_pointer(|ui| {
        let at = ui.input(|input| input.pointer.hover_pos()).unwrap_or(rect.min);
        let i = ((at.x - rect.left()) / step).clamp(0.0, BINS as f32 - 1.0) as usize;
        let edge = |i: usize| 0.5 + 0.5 * i as f32 / BINS as f32;
        ui.label(format!(
            "λ from {:.2} to {:.2}: {}",
            edge(i),
            edge(i + 1),
            counted(counts[i], "image", "images")
        ));
    });
}

/// Counts values from 1/2 to 1 in equal bins, with both ends included.
fn bin_counts(lambdas: &[f32]) -> [usize; BINS] {
    let mut counts = [0; BINS];
    for lambda in lambdas {
        let at = (2.0 * (lambda - 0.5) * BINS as f32).clamp(0.0, BINS as f32 - 1.0);
        counts[at as usize] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_are_binned_with_both_ends() {
        let counts = bin_counts(&[0.5, 0.519, 0.521, 0.99, 1.0]);
        assert_eq!((counts[0], counts[1], counts[BINS - 1]), (2, 1, 2));
        assert_eq!(counts.iter().sum::<usize>(), 5);
    }

    #[test]
    fn second_class_is_named_from_one_percent() {
        let classes: Vec<String> = ["a", "b", "c"].map(Into::into).into();
        assert_eq!(second(&[0.1, 0.7, 0.2], &classes).as_deref(), Some("c (20 %)"));
        assert_eq!(second(&[0.0, 0.995, 0.005], &classes), None);
        assert_eq!(second(&[1.0], &classes[..1]), None);
    }
}
