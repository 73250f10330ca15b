//! What must hold when things go wrong: lost devices, NaN and infinity, settings at their ends, other adapters,
//! hostile files.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

#[path = "../small/mod.rs"]
mod small;

mod adapters;
mod loss;
mod numerics;
mod parsers;
mod settings;
