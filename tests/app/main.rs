//! The desktop app, drawn by wgpu on the real adapter and worked by its controls' names.

mod alignment;
mod common;
mod policy;
mod shell;
mod views;
