//! The trace of a step beside what the reference made of the same inputs.

use std::collections::HashMap;

use remixmatch::nn::{Architecture, WideResNet};
use remixmatch::train::Config;

use crate::oracle::compare::{assert_close, assert_close_wide};
use crate::oracle::norm::Moments;
use crate::oracle::optim::{Adam, Slot};
use crate::oracle::ssl::History;
use crate::oracle::wide_resnet::{Network, Tensors};
use crate::reference::{Inputs, Settings, State, Step};
use crate::traced::Traced;

/// Largest deviation, as a share of the largest magnitude in the tensor.
pub const TOLERANCE: f64 = 1e-3;

/// The reference's settings for a run; `image` is height, width, channels.
pub fn settings(config: &Config, image: [usize; 3], classes: usize) -> Settings {
    let Ok(Architecture::WideResNet(WideResNet { filters, repeat, scales: _, stem_filters, stem_stride })) =
        config.architecture()
    else {
        panic!("{} is no Wide ResNet", config.network);
    };
    // Section 4: ceil(log2 width) - 2, from the image's width.
    let scales = (image[1] as f64).log2().ceil() as usize - 2;
    let network = Network { stem_filters, stem_stride, filters, repeat, scales, channels: image[2], classes };
    Settings {
        network,
        batch: config.batch,
        method: config.method.clone(),
        adam: Adam {
            learning_rate: config.learning_rate,
            weight_decay: config.weight_decay,
            ema: config.ema,
            ..Adam::REFERENCE
        },
        ema_warmup: config.ema_warmup,
        norm_momentum: f64::from(config.norm_momentum),
        warmup_images: config.warmup_images as f64,
    }
}

pub fn inputs(trace: &Traced) -> Inputs {
    let mut views = Vec::new();
    if trace.has("input.u_weak") {
        views.extend(trace.maps("input.u_weak"));
    }
    if trace.has("input.u_strong") {
        views.extend(trace.maps("input.u_strong"));
    }
    Inputs {
        x: trace.maps("input.x").remove(0),
        labels: trace.indices("input.labels"),
        views,
        lambda: trace.wide("mixup.lambda"),
        partner: trace.indices("mixup.perm"),
    }
}

/// The state that a trace's step began with.
pub fn state_before(trace: &Traced, settings: &Settings, step: i32, p_data: &[f64]) -> State {
    let parameters = settings.network.parameters();
    let group = |prefix: &str| trace.group(prefix, |name| parameters.contains_key(name));
    let (weights, ema) = (group("before."), group("before.ema."));
    let (first, second) = (group("before.adam.m."), group("before.adam.v."));
    let slot = |name: &String| Slot {
        weights: weights[name].clone(),
        first: first[name].clone(),
        second: second[name].clone(),
        ema: ema[name].clone(),
    };
    State {
        step,
        slots: parameters.keys().map(|name| (name.clone(), slot(name))).collect(),
        moving: moving(trace, settings, "before"),
        history: History::from_rows(oldest_first(trace, "before", step as usize)),
        p_data: p_data.to_vec(),
    }
}

fn moving(trace: &Traced, settings: &Settings, when: &str) -> HashMap<String, Moments> {
    let of = |name: &str| Moments {
        mean: trace.wide(&format!("{when}.bn.{name}.mean")),
        variance: trace.wide(&format!("{when}.bn.{name}.variance")),
    };
    settings.network.norms().into_iter().map(|(name, _)| (name.clone(), of(&name))).collect()
}

/// The history after `pushes` pushes, which go round: the next one replaces the oldest row.
fn oldest_first(trace: &Traced, when: &str, pushes: usize) -> Vec<Vec<f64>> {
    let name = format!("{when}.align.history");
    let (shape, values) = (trace.shape(&name), trace.wide(&name));
    assert_eq!(shape[0], 128, "rows of the history");
    let mut rows: Vec<_> = values.chunks_exact(shape[1]).map(<[f64]>::to_vec).collect();
    rows.rotate_left(pushes % 128);
    rows
}

/// Whether a parameter is the bias of a convolution. Batch norm follows every convolution (the residual
/// sums are of convolutions too), so these biases change no loss: their exact gradient is zero, what an
/// adapter finds is rounding, and Adam makes whole steps of rounding.
pub fn is_idle(name: &str) -> bool {
    name.ends_with(".bias") && !name.starts_with("classify") && !name.starts_with("rotation")
}

/// Takes over the convolutions' biases as they were before the traced step: see [`is_idle`]. The moving
/// means of batch norm contain them and can be compared only so.
pub fn adopt_idle_biases(state: &mut State, trace: &Traced) {
    for (name, slot) in state.slots.iter_mut().filter(|(name, _)| is_idle(name)) {
        slot.weights = trace.wide(&format!("before.{name}"));
    }
}

/// Logits, guesses and losses.
pub fn compare_passage(what: &str, trace: &Traced, step: &Step) {
    let close = |name: &str, expected: &[f64]| {
        assert_close(&format!("{name} of {what}"), &trace.f32(name), expected, TOLERANCE);
    };
    assert_eq!(trace.has("guess.target"), step.guess.is_some(), "{what}");
    if let Some(guess) = &step.guess {
        close("guess.logits", &guess.logits[0]);
        if let Some(second) = guess.logits.get(1) {
            close("guess.logits.view1", second);
        }
        assert_eq!(trace.has("guess.logits.labelled"), guess.labelled.is_some(), "{what}");
        if let Some(labelled) = &guess.labelled {
            close("guess.logits.labelled", labelled);
        }
        close("align.p_data", &guess.p_data);
        close("align.p_model", &guess.p_model);
        close("guess.probs", &guess.probabilities);
        close("guess.aligned", &guess.aligned);
        close("guess.target", &guess.target);
    }
    for name in ["x", "u", "u1", "rot"] {
        let expected = step.losses.logits.get(name);
        assert_eq!(trace.has(&format!("logits.{name}")), expected.is_some(), "logits.{name} of {what}");
        if let Some(expected) = expected {
            close(&format!("logits.{name}"), expected);
        }
    }
    let terms = &step.losses.terms;
    close("loss.x", &[terms.labelled]);
    close("loss.u", &[terms.unlabelled]);
    close("loss.u1", &[terms.premixup]);
    close("loss.r", &[terms.rotation]);
    if terms.mutual_information != 0.0 {
        close("loss.mi", &[terms.mutual_information]);
    }
    close("loss.total", &[step.losses.total]);
}

/// Weights, their average, moving statistics and the history after the step.
pub fn compare_state(what: &str, trace: &Traced, state: &State) {
    let close = |name: String, expected: &[f64]| {
        assert_close(&format!("{name} of {what}"), &trace.f32(&name), expected, TOLERANCE);
    };
    for (name, slot) in state.slots.iter().filter(|(name, _)| !is_idle(name)) {
        close(format!("after.{name}"), &slot.weights);
        close(format!("after.ema.{name}"), &slot.ema);
    }
    for (name, moments) in &state.moving {
        close(format!("after.bn.{name}.mean"), &moments.mean);
        close(format!("after.bn.{name}.variance"), &moments.variance);
    }
    let history: Vec<f64> = oldest_first(trace, "after", state.step as usize).concat();
    assert_close_wide(&format!("history of {what}"), &history, &state.history.rows(), TOLERANCE);
}

/// A gradient's largest deviation where both begin with the same weights.
const GRADIENT: f64 = 1e-4;

/// Gradients of everything; those of the idle biases are measured against their kernels'.
pub fn compare_gradients(what: &str, trace: &Traced, gradients: &Tensors) {
    let largest = |values: &[f64]| values.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
    for (name, expected) in gradients {
        let found = trace.f32(&format!("grad.{name}"));
        match name.strip_suffix(".bias").filter(|_| is_idle(name)) {
            Some(layer) => {
                let scale = largest(&gradients[&format!("{layer}.kernel")]);
                assert!(largest(expected) < 1e-9 * scale, "{name} of {what}: an idle bias has a gradient");
                let off = largest(&trace.wide(&format!("grad.{name}")));
                assert!(off < GRADIENT * scale, "grad.{name} of {what}: {off:e} beside {scale:e}");
            }
            None => assert_close(&format!("grad.{name} of {what}"), &found, expected, GRADIENT),
        }
    }
}
