//! Checks of the reference's optimiser.

use crate::oracle::compare::assert_close_wide;
use crate::oracle::optim::{Adam, Slot};

#[test]
fn the_first_update_moves_by_the_learning_rate() {
    // m / sqrt(v) is the gradient's sign once the corrections are in.
    let mut slot = Slot::new(vec![1.0, -1.0]);
    slot.update(&[0.3, -0.02], &Adam::REFERENCE, 1, false);
    assert_close_wide("weights", &slot.weights, &[0.998, -0.998], 1e-6);
    assert_close_wide("EMA", &slot.ema, &[1.0 - 0.001 * 0.002, -1.0 + 0.001 * 0.002], 1e-8);
    assert_close_wide("first moment", &slot.first, &[0.03, -0.002], 1e-12);
    assert_close_wide("second moment", &slot.second, &[0.3 * 0.3 * 0.001, 0.02 * 0.02 * 0.001], 1e-12);
}

#[test]
fn a_constant_gradient_keeps_its_pace() {
    let mut slot = Slot::new(vec![0.0]);
    for t in 1..=50 {
        slot.update(&[7.0], &Adam::REFERENCE, t, false);
    }
    assert_close_wide("weights", &slot.weights, &[-0.1], 1e-6);
}

#[test]
fn decay_follows_adam_and_precedes_the_ema() {
    let mut slot = Slot::new(vec![2.0]);
    slot.update(&[0.0], &Adam::REFERENCE, 1, true);
    assert_close_wide("weights", &slot.weights, &[2.0 * (1.0 - 4e-5)], 1e-15);
    assert_close_wide("EMA", &slot.ema, &[0.999 * 2.0 + 0.001 * 2.0 * (1.0 - 4e-5)], 1e-15);
}
