//! The guided tour: six stops. Each sets the app up, points at a place, and names a switch to try.

use eframe::egui::{self, Align2, Color32, Context, Rect, RichText, Stroke, StrokeKind, vec2};

use super::components::{Component, Variation};
use super::places::{Place, Places, ViewId};
use super::session::Command;
use super::theme::Role;
use super::views::{alignment, anchors, mixup, rotation};
use super::workspace::Workspace;

/// A stop of the tour.
struct Stop {
    title: &'static str,
    text: &'static str,
    task: &'static str,
    view: ViewId,
    place: Place,
    compare: Option<Variation>,
}

static STOPS: [Stop; 6] = [
    Stop {
        title: "The anchor",
        text: "Only 40 of these images have a label. For every other image the network guesses a label from an \
               easy view: shifted by a few pixels, perhaps mirrored. That view is the anchor. Harder, strongly \
               augmented views of the same image are then trained towards that guess.",
        task: "Watch the strong views learn to agree with their anchors. Then tick \"Reveal hidden labels\": \
               how often is the guess right?",
        view: anchors::ID,
        place: Place::View(anchors::ID),
        compare: None,
    },
    Stop {
        title: "Why strong views alone fail",
        text: "Two runs now train side by side, from the same seed and the same labels. In the second run the \
               guess comes from a strongly augmented view, which the network classifies less reliably.",
        task: "Compare the two in Curves: whose guesses are right more often? Choose another variation here to \
               see what else matters.",
        view: anchors::ID,
        place: Place::Compare,
        compare: Some(Variation::NoAnchoring),
    },
    Stop {
        title: "Distribution alignment",
        text: "Early in training the network prefers some classes, and its own guesses would reinforce that. \
               Alignment multiplies each guess by p(y)/p~(y): how often the labels show a class, over how \
               often the network has predicted it lately.",
        task: "Watch p~(y) approach p(y). Then switch alignment off here, press Reset and Train, and see which \
               classes take over.",
        view: alignment::ID,
        place: Place::Component(Component::Alignment),
        compare: None,
    },
    Stop {
        title: "Sharpening",
        text: "The aligned guess is raised to the power 1/T and normalised. With T = 0.5 the target is more \
               confident than the prediction, which keeps classes apart.",
        task: "Compare the second and third small chart of each row. Then switch sharpening off here, Reset and \
               Train: the two become equal.",
        view: anchors::ID,
        place: Place::Component(Component::Sharpening),
        compare: None,
    },
    Stop {
        title: "MixUp",
        text: "The network is trained on blends: a share λ of one image and its target, and the rest of another. \
               Labelled and unlabelled images are mixed with each other.",
        task: "Find a pair with λ near one half. Then set β to 0.05 in the left panel, Reset and Train: images \
               are hardly mixed any more.",
        view: mixup::ID,
        place: Place::Component(Component::MixUp),
        compare: None,
    },
    Stop {
        title: "Rotation",
        text: "One more task needs no labels: predicting by which angle an image was rotated. For that the \
               network has to recognise which way up an image belongs.",
        task: "See which rotations are predicted wrongly. Then switch the rotation loss off here, Reset and \
               Train, and compare the accuracy after the same number of steps.",
        view: rotation::ID,
        place: Place::Component(Component::Rotation),
        compare: None,
    },
];

/// The current stop.
pub struct Tour {
    stop: usize,
}

impl Tour {
    /// Sets the workspace up for a stop; `None` after the last one, which ends the tour.
    pub fn go_to(stop: usize, workspace: &mut Workspace) -> Option<Self> {
        let Stop { view, compare, .. } = STOPS.get(stop)?;
        let other = workspace.settings.compare != *compare || workspace.settings_changed();
        if workspace.runs.is_empty() || other {
            workspace.choose_preset("quick");
            workspace.settings.compare = *compare;
            workspace.reset();
            workspace.train_when_ready();
        } else {
            workspace.send(&Command::Run);
        }
        workspace.show_view(view);
        Some(Self { stop })
    }
}

/// Draws the card of the current stop, and a frame around its place.
pub fn show(tour: &mut Option<Tour>, workspace: &mut Workspace, places: &Places, context: &Context) {
    let Some(Tour { stop: at }) = *tour else { return };
    let stop = &STOPS[at];
    if let Some(place) = places.get(&stop.place) {
        point_at(context, *place);
    }
    let mut go = None;
    let mut open = true;
    egui::Window::new(format!("Tour {} of {}: {}", at + 1, STOPS.len(), stop.title))
        .id(egui::Id::unique("tour"))
        .anchor(Align2::RIGHT_BOTTOM, vec2(-14.0, -96.0))
        .open(&mut open)
        .resizable(false)
        .collapsible(false)
        .default_width(360.0)
        .show(context, |ui| {
            ui.set_max_width(360.0);
            ui.label(stop.text);
            ui.add_space(4.0);
            ui.label(RichText::new(stop.task).strong());
            ui.horizontal(|ui| {
                if at > 0 && ui.button("Back").on_hover_text("The previous stop").clicked() {
                    go = Some(at - 1);
                }
                let last = at + 1 == STOPS.len();
                let (text, hint) = match last {
                    true => ("End", "Close the tour"),
                    false => ("Next", "Set up and show the next stop"),
                };
                if ui.button(text).on_hover_text(hint).clicked() {
                    go = Some(at + 1);
                }
            });
        });
    match go {
        Some(stop) => *tour = Tour::go_to(stop, workspace),
        None if !open => *tour = None,
        None => {}
    }
}

/// Draws a frame around a place, above everything else.
fn point_at(context: &Context, place: Rect) {
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("tour place"));
    let dark = context.style_of(context.theme()).visuals.dark_mode;
    let colour: Color32 = Role::Anchor.in_theme(dark);
    let stroke = Stroke::new(2.5, colour);
    context.layer_painter(layer).rect_stroke(place.expand(3.0), 4.0, stroke, StrokeKind::Outside);
}
