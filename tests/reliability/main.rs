//! What must hold when things go wrong: lost devices, numbers that are none, settings at their ends, other adapters,
//! hostile files.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[path = "../small/mod.rs"]
mod small;

mod adapters;
mod loss;
mod mutation;
mod numerics;
mod parsers;
mod settings;
