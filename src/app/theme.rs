//! Colours with a meaning in both themes, and the style of text.

use eframe::egui::style::ScrollStyle;
use eframe::egui::{Color32, Context, FontDefinitions, FontFamily, Theme, ThemePreference, Ui, Visuals};
use serde::{Deserialize, Serialize};

use crate::named::Named;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The weakly augmented view, whose prediction becomes the guess.
    Anchor,
    /// A strongly augmented view, trained towards the guess.
    Strong,
    /// Labelled images and their distribution p(y).
    Labelled,
    Agree,
    Differ,
    /// Secondary text.
    Muted,
}

impl Role {
    pub fn colour(self, ui: &Ui) -> Color32 {
        self.in_theme(ui.visuals().dark_mode)
    }

    pub fn in_theme(self, dark: bool) -> Color32 {
        let (on_dark, on_light) = match self {
            Self::Anchor => (0xf2b34c, 0x8f5200),
            Self::Strong => (0x6cb2f5, 0x1f6fb5),
            Self::Labelled => (0x7bd18c, 0x2a7f3f),
            Self::Agree => (0x7bd18c, 0x2a7f3f),
            Self::Differ => (0xf28b82, 0xb3261e),
            Self::Muted => (0x9aa0a6, 0x5f6368),
        };
        hex(if dark { on_dark } else { on_light })
    }
}

fn hex(rgb: u32) -> Color32 {
    let [_, r, g, b] = rgb.to_be_bytes();
    Color32::from_rgb(r, g, b)
}

/// Colours of classes, the first ten of which most people can distinguish; they repeat after twenty.
const CLASSES: [u32; 20] = [
    0x4e79a7, 0xf28e2b, 0xe15759, 0x76b7b2, 0x59a14f, 0xc9a227, 0xb07aa1, 0xe377a2, 0x9c755f, 0x7f7f7f,
    0x2546d2, 0x8bd83a, 0x8c1d4f, 0x17c3e6, 0x6a3fb5, 0xffd92f, 0x0f6b5c, 0xff9d9a, 0x7a5a00, 0xc79bf2,
];

pub fn class_colour(class: usize) -> Color32 {
    hex(CLASSES[class % CLASSES.len()])
}

/// Colours of the runs that are compared.
pub fn run_colour(run: usize, ui: &Ui) -> Color32 {
    [Role::Strong, Role::Anchor][run % 2].colour(ui)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThemeChoice {
    #[default]
    System,
    Light,
    Dark,
}

impl Named for ThemeChoice {
    const VALUES: &'static [(Self, &'static str)] = &[
        (Self::System, "the operating system's choice"),
        (Self::Light, "dark text on a light background"),
        (Self::Dark, "light text on a dark background"),
    ];
}

impl ThemeChoice {
    pub fn apply(self, context: &Context) {
        context.set_theme(match self {
            Self::System => ThemePreference::System,
            Self::Light => ThemePreference::Light,
            Self::Dark => ThemePreference::Dark,
        });
    }
}

/// Scroll bars that show at any time that there is more to see, beside the content.
fn scroll_bars() -> ScrollStyle {
    ScrollStyle {
        floating_width: 6.0,
        floating_allocated_width: 9.0,
        bar_width: 8.0,
        foreground_color: true,
        dormant_handle_opacity: 0.55,
        ..ScrollStyle::thin()
    }
}

/// Text that is easier to read than egui's defaults: full contrast, a little larger, with the arrows and
/// marks that the monospaced font has.
pub fn set_up(context: &Context) {
    let mut fonts = FontDefinitions::default();
    if let Some(names) = fonts.families.get_mut(&FontFamily::Proportional) {
        names.push("Hack".to_owned());
    }
    context.set_fonts(fonts);
    let mut light = Visuals::light();
    light.override_text_color = Some(Color32::from_gray(25));
    let mut dark = Visuals::dark();
    dark.override_text_color = Some(Color32::from_gray(225));
    context.set_visuals_of(Theme::Light, light);
    context.set_visuals_of(Theme::Dark, dark);
    context.all_styles_mut(|style| {
        for font in style.text_styles.values_mut() {
            font.size = (font.size * 1.04).max(11.5);
        }
        style.spacing.item_spacing.y = 5.0;
        style.spacing.scroll = scroll_bars();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours by WCAG 2.
    fn contrast(a: Color32, b: Color32) -> f64 {
        let luminance = |colour: Color32| {
            let linear = |value: u8| {
                let value = f64::from(value) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_of_every_role_is_readable() {
        use Role::{Agree, Anchor, Differ, Labelled, Muted, Strong};
        for (dark, visuals) in [(true, Visuals::dark()), (false, Visuals::light())] {
            for role in [Anchor, Strong, Labelled, Agree, Differ, Muted] {
                for background in [visuals.panel_fill, visuals.extreme_bg_color] {
                    let found = contrast(role.in_theme(dark), background);
                    assert!(found >= 4.5, "{role:?}, dark: {dark}, {background:?}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn twenty_classes_have_distinct_colours() {
        for first in 0..CLASSES.len() {
            for second in 0..first {
                let [a, b] = [first, second].map(class_colour);
                let square = |x: u8, y: u8| (f64::from(x) - f64::from(y)).powi(2);
                let distance = (square(a.r(), b.r()) + square(a.g(), b.g()) + square(a.b(), b.b())).sqrt();
                assert!(distance > 40.0, "classes {second} and {first}: {distance:.0}");
            }
        }
    }
}
