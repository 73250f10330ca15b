//! The app: it trains as the command line does, and shows the training while it runs.
//!
//! A `session` trains on a thread of its own and publishes what it did; the window shows that and sends
//! commands. Pictures are textures drawn on the adapter from the buffers that were trained on.
//!
//! `workspace` holds the settings, the open data and the runs. `views` and `controls` draw them, `window.rs`
//! puts both together.

mod address;
mod answers;
mod autosave;
mod axes;
mod classified;
mod closing;
mod components;
mod controls;
mod costs;
mod dialogs;
mod documents;
mod first_weights;
// A desktop names paths as they are.
#[cfg(any(target_arch = "wasm32", test))]
mod given;
mod guess_history;
mod image_shape;
mod labelling;
mod layout;
mod next_run;
mod opening;
mod options;
mod places;
pub(crate) mod platform;
mod run;
mod script;
mod session;
mod settings;
mod textures;
mod theme;
mod tour;
mod views;
mod widgets;
mod window;
mod workspace;

pub use address::{Address, AddressError};
pub use options::{AppError, AppOptions, graphics};
pub use settings::Settings;
pub use theme::ThemeChoice;
pub use views::{picture_name, titles as view_titles};
pub use window::App;
#[cfg(not(target_arch = "wasm32"))]
pub use window::run;
pub use workspace::Workspace;
