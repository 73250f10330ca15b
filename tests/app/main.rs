//! The desktop app, drawn by wgpu on the real adapter and worked by its controls' names.

mod common;
mod embedding;
mod real_window;
mod runs;
mod shell;
mod tour;
mod views;
