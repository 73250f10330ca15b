//! What must hold when things go wrong: lost devices, numbers that are none, settings at their ends, other adapters,
//! hostile files.

mod adapters;
mod common;
mod loss;
mod numerics;
mod parsers;
mod settings;
