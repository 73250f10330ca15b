//! Names of what the window shows: its views, and the places that the tour points at.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use eframe::egui::Rect;
use serde::{Deserialize, Serialize};

use super::components::Component;

/// Names a view in saved layouts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ViewId(Cow<'static, str>);

impl ViewId {
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl fmt::Display for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the tour can point at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    View(ViewId),
    Component(Component),
    Compare,
    Train,
}

/// Where each place is on the screen, in points, as of the last frame that drew it.
pub type Places = HashMap<Place, Rect>;
