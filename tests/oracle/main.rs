//! The reference checks itself: backward passes against central differences, the rest against numbers
//! worked out by hand.

#[path = "mod.rs"]
mod oracle;

mod checks;
