//! The desktop app, drawn by wgpu on a real adapter. Tests find its controls by their accessible names.

mod ablation;
mod alignment;
mod bad_input;
mod classified;
mod common;
mod confusion;
mod data_check;
mod embedding;
mod image_sizes;
mod labelling;
mod labelling_disk;
mod labelling_elsewhere;
mod mixup;
mod network;
mod opening;
mod policy;
mod real_window;
mod resumed;
mod rotation;
mod runs;
mod shell;
mod tour;
mod views;
