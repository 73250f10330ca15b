//! Runs that start from other weights: the files that they take, frozen layers, and the original EfficientNet-Lite0.

#[path = "../small/mod.rs"]
#[expect(dead_code, reason = "these runs report nothing that is compared")]
mod small;

mod files;
mod frozen;
mod original;
