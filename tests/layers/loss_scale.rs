//! The dynamic loss scale: gradients unscaled, faults found, and the scale of the next step.

use remixmatch::optim::LossScale;
use remixmatch::ssl::StepBlock;

use crate::trial::Trial;

/// Largest scale.
const LARGEST: f32 = 16_777_216.0;

/// Scale and steps since it changed, unscaled gradients, and whether the step is skipped, after gradients of one step.
fn unscaled(state: [f32; 2], gradients: &[f32]) -> ([f32; 2], Vec<f32>, bool) {
    let mut t = Trial::new();
    let loss_scale = LossScale::new(&mut t.b);
    let before = t.upload("state before", &state);
    t.b.copy(before, loss_scale.state);
    let scaled = t.upload("gradients", gradients);
    let step_block = t.upload("step block", &[0u32; StepBlock::WORDS]);
    loss_scale.record_unscale(&mut t.b, scaled, step_block);
    let [after, found, step] = [loss_scale.state, scaled, step_block].map(|tensor| t.keep(tensor));
    let results = pollster::block_on(t.run());
    let after = results.get(after);
    // The eighth word of the block.
    let skipped = results.get(step)[7].to_bits();
    ([after[0], after[1]], results.get(found), skipped == 1)
}

#[test]
fn scale_follows_faults_and_quiet_steps() {
    let (fine, infinite, nan) =
        ([1.0, -2.0, 0.5, 3.0], [1.0, f32::INFINITY, 0.0, 0.0], [0.0, 0.0, 0.0, f32::NAN]);
    for (state, gradients, expected, skips) in [
        ([1024.0, 5.0], fine, [1024.0, 6.0], false),
        ([1024.0, 1999.0], fine, [2048.0, 0.0], false),
        ([LARGEST / 2.0, 1999.0], fine, [LARGEST, 0.0], false),
        ([LARGEST, 1999.0], fine, [LARGEST, 0.0], false),
        ([LARGEST, 3.0], infinite, [LARGEST / 2.0, 0.0], true),
        ([2.0, 9.0], nan, [1.0, 0.0], true),
        // A fault that is not one of the scale: the update reports it.
        ([1.0, 9.0], infinite, [1.0, 10.0], false),
    ] {
        let (after, _, skipped) = unscaled(state, &gradients);
        assert_eq!((after, skipped), (expected, skips), "{state:?} with {gradients:?}");
    }
}

#[test]
fn unscaling_divides_exactly_and_finds_any_fault() {
    // A length that no workgroup divides.
    let gradients: Vec<f32> = (0..4 * 67).map(|i| (i as f32 - 100.0) * 0.37).collect();
    let (_, found, skipped) = unscaled([65536.0, 0.0], &gradients);
    let expected: Vec<f32> = gradients.iter().map(|v| v / 65536.0).collect();
    assert_eq!((found, skipped), (expected, false));
    for place in [0, 3, 130, 267] {
        let mut faulty = gradients.clone();
        faulty[place] = f32::NEG_INFINITY;
        assert!(unscaled([65536.0, 0.0], &faulty).2, "the fault at {place} is missed");
    }
}
