//! The whole Wide ResNet on the adapter against the f64 reference, and the sizes of its members.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "the network needs only a part of the reference")]
mod oracle;

mod initial;
mod sizes;
mod whole;
