//! The keyboard of the labelling view.

use eframe::egui::{Key, Modifiers, Ui};

/// What is done with the current image, or with those around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Label(u32),
    Accept,
    TakeBack,
    Skip,
    Step(isize),
}

/// The keys of the first classes.
const CLASSES: [Key; 10] = [
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::Num5,
    Key::Num6,
    Key::Num7,
    Key::Num8,
    Key::Num9,
    Key::Num0,
];

/// Keys that mean something to buttons as well: they act on images unless something else is chosen.
const SHARED: [(Key, Action); 6] = [
    (Key::Enter, Action::Accept),
    (Key::Space, Action::Skip),
    (Key::ArrowLeft, Action::Step(-1)),
    (Key::ArrowRight, Action::Step(1)),
    (Key::Home, Action::Step(isize::MIN)),
    (Key::End, Action::Step(isize::MAX)),
];

const OWN: [(Key, Action); 3] =
    [(Key::Backspace, Action::TakeBack), (Key::U, Action::TakeBack), (Key::S, Action::Skip)];

/// The key of a class, if it has one.
pub fn key_of(class: usize) -> Option<&'static str> {
    CLASSES.get(class).map(|key| key.symbol_or_name())
}

/// The action that was asked for in this frame. `on_image`: the large image is what the keyboard is at.
pub fn pressed(ui: &Ui, on_image: bool) -> Option<Action> {
    // Names of classes have digits and letters in them too.
    if ui.ctx().text_edit_focused() {
        return None;
    }
    let free = on_image || ui.memory(|memory| memory.focused().is_none());
    ui.input_mut(|input| {
        let mut is_pressed = |key: Key| input.consume_key(Modifiers::NONE, key);
        let class = CLASSES.iter().position(|key| is_pressed(*key));
        let action = class.map(|class| Action::Label(class as u32));
        let action = action.or_else(|| OWN.iter().find(|(key, _)| is_pressed(*key)).map(|own| own.1));
        let shared = || SHARED.iter().find(|(key, _)| free && is_pressed(*key)).map(|shared| shared.1);
        action.or_else(shared)
    })
}
