//! The desktop app, drawn by wgpu on the real adapter and worked by its controls' names.

mod common;
mod shell;
mod views;
