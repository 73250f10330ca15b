//! One step's gradients: the adapter's against the reference's backward pass, and both against central
//! differences of the reference's loss.

use pollster::block_on;
use remixmatch::ssl::Method;
use remixmatch::train::{Capture, Trainer, write_trace};

use crate::compare::{TOLERANCE, compare_gradients, inputs, settings, state_before};
use crate::oracle::compare::assert_close_wide;
use crate::oracle::difference::{central, pick};
use crate::oracle::random::Random;
use crate::pictures::{LABEL_FREQUENCIES, config, gpu, pictures};
use crate::traced::Traced;

/// The third step: the ramp is at 1, the history and the weights have moved.
const STEP: i32 = 2;

fn check(what: &str, method: Method) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("step.safetensors");
    let config = config(method, 2);
    let settings = settings(&config, [12, 12, 3], 3);
    let mut trainer = Trainer::new(gpu(), config, pictures(12, 3), Capture::Trace).expect("a trainer");
    for _ in 0..STEP {
        block_on(trainer.step()).expect("a step");
    }
    write_trace(&mut trainer, &path).expect("a trace");
    let trace = Traced::read(&path);
    let state = state_before(&trace, &settings, STEP, &LABEL_FREQUENCIES);
    let inputs = inputs(&trace);
    let found = settings.step(&mut state.clone(), &inputs);
    compare_gradients(what, &trace, &found.gradients);

    let p = state.weights();
    let target = found.guess.map(|g| g.target).unwrap_or_default();
    let mut random = Random::new(3);
    let tensors = [
        "stem.kernel",
        "scale0.block0.bn1.gamma",
        "scale0.block0.conv1.kernel",
        "scale1.block0.bn2.beta",
        "scale1.block0.shortcut.kernel",
        "head.bn.beta",
        "classify.kernel",
        "classify.bias",
        "rotation.kernel",
    ];
    for tensor in tensors {
        let d = &found.gradients[tensor];
        let at = random.indices(3, d.len());
        let mut moved = p.clone();
        // So small a step that none of the hundred thousand activations crosses its kink.
        let differences = central(&p[tensor], &at, 1e-8, |v| {
            moved.insert(tensor.to_owned(), v.to_vec());
            settings.losses(&moved, &inputs, &target, STEP).total
        });
        // Deviations are shares of the tensor's largest gradient, whatever the picked ones are.
        let scale = d.iter().fold(f64::MIN_POSITIVE, |top: f64, v| top.max(v.abs()));
        let share = |values: &[f64]| values.iter().map(|v| 1.0 + v / scale).collect::<Vec<_>>();
        let expected = share(&differences);
        let name = |whose: &str| format!("{whose} {tensor} of {what} by differences");
        assert_close_wide(&name("the reference's"), &share(&pick(d, &at)), &expected, 1e-5);
        let adapter = pick(&trace.wide(&format!("grad.{tensor}")), &at);
        assert_close_wide(&name("the adapter's"), &share(&adapter), &expected, TOLERANCE);
    }
}

#[test]
fn gradients_of_remixmatch() {
    check("ReMixMatch", Method { strong_views: 2, ..Method::remixmatch() });
}

#[test]
fn gradients_of_squared_remixmatch() {
    check("L2", Method { strong_views: 1, squared: true, weight_u: 75.0, ..Method::remixmatch() });
}

#[test]
fn gradients_of_mixmatch() {
    check("MixMatch", Method::mixmatch());
}

#[test]
fn gradients_of_fixmatch() {
    check("FixMatch", Method { threshold: Some(0.4), ..Method::fixmatch() });
}

#[test]
fn gradients_of_mutual_information() {
    check("mutual information", Method { strong_views: 2, weight_mi: 0.5, ..Method::remixmatch() });
}
