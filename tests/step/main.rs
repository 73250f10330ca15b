//! The whole training step on the adapter against the whole step in f64, and the trace that holds it.

#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "the step needs only a part of the reference")]
mod oracle;

#[path = "../oracle_augment/mod.rs"]
#[expect(dead_code, reason = "the step assembles inputs elsewhere")]
mod oracle_augment;

mod augmented;
mod compare;
mod five_steps;
mod gradients;
mod groups;
mod pictures;
mod reference;
mod trace_file;
mod traced;
