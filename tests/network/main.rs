//! Whole networks on the adapter against the f64 reference, and the sizes of their members.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "the network needs only a part of the reference")]
mod oracle;

mod efficientnet_lite;
mod initial;
mod sizes;
mod whole;
