//! What must hold when things go wrong: lost devices, numbers that are none, settings at their ends, other adapters,
//! hostile files.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

mod adapters;
mod common;
mod loss;
mod mutation;
mod numerics;
mod parsers;
mod settings;
