//! `remixmatch trace` as its reader sees it: every tensor of the contract, and the step replayed from the
//! file alone.

use assert_cmd::cargo::cargo_bin_cmd;
use remixmatch::train::Config;
use safetensors::Dtype;
use serde_json::Value;

use crate::compare::{compare_gradients, compare_passage, compare_state, inputs, settings, state_before};
use crate::oracle::compare::{assert_close, assert_close_wide};
use crate::oracle::heads::softmax;
use crate::oracle::optim::{Adam, Slot};
use crate::oracle::rotate::rotated_batch;
use crate::oracle::ssl::{
    Terms, align, interleave, mean_brier, mean_cross_entropy, ramp, rotation_targets, sharpen,
};
use crate::reference::{Settings, State};
use crate::traced::Traced;

const BATCH: usize = 4;
const CLASSES: usize = 10;
/// What one operation loses to f32.
const EXACT: f64 = 1e-5;

struct Case {
    trace: Traced,
    facts: Value,
    settings: Settings,
    state: State,
    image: [usize; 3],
    /// Strong views.
    k: usize,
}

/// Traces the second step of a small run by the program itself.
fn trace(source: &str, image: [usize; 3], k: usize, more: &[&str]) -> Case {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.safetensors");
    let [batch, k_text] = [BATCH.to_string(), k.to_string()];
    cargo_bin_cmd!("remixmatch")
        .args(["trace", "--data", source, "--preset", "digits", "--network", "wrn-10-1"])
        .args(["--batch", &batch, "--k", &k_text, "--steps", "2", "--seed", "3", "--labels", "20"])
        .args(more)
        .arg("--out")
        .arg(&path)
        .assert()
        .success()
        .stdout("");
    let trace = Traced::read(&path);
    let facts = trace.json("hyperparameters");
    let config: Config = serde_json::from_value(facts["config"].clone()).expect("a configuration");
    let settings = settings(&config, image, CLASSES);
    let p_data = trace.wide("before.align.label_distribution");
    let state = state_before(&trace, &settings, 1, &p_data);
    Case { trace, facts, settings, state, image, k }
}

impl Case {
    fn number(&self, pointer: &str) -> f64 {
        let found = self.facts.pointer(pointer).and_then(Value::as_f64);
        found.unwrap_or_else(|| panic!("the hyperparameters have no number {pointer}"))
    }

    #[track_caller]
    fn holds(&self, name: &str, dtype: Dtype, shape: &[usize]) {
        let entry = self.trace.entries.get(name).unwrap_or_else(|| panic!("the trace has no '{name}'"));
        assert_eq!((entry.dtype, &entry.shape[..]), (dtype, shape), "{name}");
        if dtype == Dtype::F32 {
            assert!(self.trace.f32(name).iter().all(|v| v.is_finite()), "{name} is finite");
        }
    }

    fn holds_inputs_and_guesses(&self) {
        let [h, w, c] = self.image;
        let (b, n) = (BATCH, (self.k + 2) * BATCH);
        for name in ["input.x", "input.u_weak", "rot.images", "probe.images"] {
            self.holds(name, Dtype::F32, &[b, h, w, c]);
        }
        self.holds("input.u_strong", Dtype::F32, &[self.k, b, h, w, c]);
        for name in ["input.labels", "input.u_hidden_labels", "rot.labels"] {
            self.holds(name, Dtype::I32, &[b]);
        }
        for name in ["guess.logits", "guess.probs", "guess.aligned", "guess.target", "logits.x", "logits.u1"]
        {
            self.holds(name, Dtype::F32, &[b, CLASSES]);
        }
        for name in ["align.p_data", "align.p_model", "before.align.label_distribution"] {
            self.holds(name, Dtype::F32, &[CLASSES]);
        }
        self.holds("mixup.lambda", Dtype::F32, &[n]);
        self.holds("mixup.perm", Dtype::I32, &[n]);
        self.holds("mixup.interleave", Dtype::I32, &[n]);
        self.holds("mixup.images", Dtype::F32, &[n, h, w, c]);
        self.holds("mixup.targets", Dtype::F32, &[n, CLASSES]);
        self.holds("logits.u", Dtype::F32, &[n - b, CLASSES]);
        self.holds("logits.rot", Dtype::F32, &[b, 4]);
        self.holds("probe.match", Dtype::F32, &[b]);
        for term in ["x", "u", "u1", "r"] {
            self.holds(&format!("loss.{term}"), Dtype::F32, &[]);
            self.holds(&format!("loss.weight.{term}"), Dtype::F32, &[]);
        }
        self.holds("loss.total", Dtype::F32, &[]);
    }

    fn holds_state(&self) {
        let shape = |name: &str, elements: usize| -> Vec<usize> {
            let shape = self.trace.shape(&format!("before.{name}")).to_vec();
            let rank = match name.rsplit_once('.') {
                Some(("classify" | "rotation", "kernel")) => 2,
                Some((_, "kernel")) => 4,
                _ => 1,
            };
            let count: usize = shape.iter().product();
            assert_eq!((shape.len(), count), (rank, elements), "before.{name}");
            if rank == 4 {
                let side = if name.contains("shortcut") { 1 } else { 3 };
                assert_eq!(shape[..2], [side, side], "before.{name}");
            }
            shape
        };
        for (name, elements) in self.settings.network.parameters() {
            let shape = shape(&name, elements);
            for group in [
                "grad",
                "before",
                "before.ema",
                "before.adam.m",
                "before.adam.v",
                "after",
                "after.ema",
                "after.adam.m",
                "after.adam.v",
            ] {
                self.holds(&format!("{group}.{name}"), Dtype::F32, &shape);
            }
        }
        for (name, channels) in self.settings.network.norms() {
            for part in ["before", "after"].map(|when| format!("{when}.bn.{name}")) {
                self.holds(&format!("{part}.mean"), Dtype::F32, &[channels]);
                self.holds(&format!("{part}.variance"), Dtype::F32, &[channels]);
            }
        }
        self.holds("before.align.history", Dtype::F32, &[128, CLASSES]);
        self.holds("after.align.history", Dtype::F32, &[128, CLASSES]);
    }

    fn says_its_layouts(&self) {
        let layouts = self.trace.json("layouts");
        for key in ["images", "input.u_strong", "rot.labels", "mixup", "mixup.interleave", "parameters"] {
            assert!(layouts[key].is_string(), "the layouts do not say '{key}'");
        }
    }

    /// p(y) of the labelled images, the mean of the history, alignment, sharpening.
    fn guesses(&self) {
        let t = &self.trace;
        let probs = softmax(&t.wide("guess.logits"), CLASSES);
        assert_close("guess.probs", &t.f32("guess.probs"), &probs, EXACT);
        // 20 labels, evenly over the classes.
        assert_close("align.p_data", &t.f32("align.p_data"), &[0.1; CLASSES], EXACT);
        let p_model = self.state.history.average();
        assert_close("align.p_model", &t.f32("align.p_model"), &p_model, EXACT);
        let aligned = align(&t.wide("guess.probs"), &t.wide("align.p_data"), &t.wide("align.p_model"));
        assert_close("guess.aligned", &t.f32("guess.aligned"), &aligned, EXACT);
        let temperature = self.number("/config/method/temperature");
        let target = sharpen(&t.wide("guess.aligned"), CLASSES, temperature);
        assert_close("guess.target", &t.f32("guess.target"), &target, EXACT);
    }

    fn mixes(&self) {
        let t = &self.trace;
        let n = (self.k + 2) * BATCH;
        let lambda = t.f32("mixup.lambda");
        assert!(lambda.iter().all(|l| (0.5..=1.0).contains(l)), "lambda {lambda:?}");
        let mut perm = t.indices("mixup.perm");
        perm.sort_unstable();
        assert_eq!(perm, (0..n).collect::<Vec<_>>(), "a permutation");
        let mixed = self.settings.mixed(&inputs(t), &t.wide("guess.target"));
        let images = mixed.images.concat().concat();
        assert_close("mixup.images", &t.f32("mixup.images"), &images, EXACT);
        assert_close("mixup.targets", &t.f32("mixup.targets"), &mixed.labels, EXACT);
        let blocks: Vec<Vec<usize>> =
            (0..n).collect::<Vec<_>>().chunks(BATCH).map(<[usize]>::to_vec).collect();
        assert_eq!(t.indices("mixup.interleave"), interleave(&blocks).concat());
        let rotated = rotated_batch(&t.maps("input.u_strong")[0]);
        assert_close("rot.images", &t.f32("rot.images"), &rotated.data, EXACT);
        assert_eq!(t.i32("rot.labels"), [0, 1, 2, 3]);
    }

    /// Each loss from its logits, its weight from the hyperparameters, and their sum.
    fn losses(&self, squared: bool) {
        let t = &self.trace;
        let wide = |name: &str| t.wide(name);
        let (x, u) = (wide("logits.x"), wide("logits.u"));
        let targets = wide("mixup.targets");
        let (labels, guesses) = targets.split_at(BATCH * CLASSES);
        let unlabelled = if squared { mean_brier } else { mean_cross_entropy };
        let terms = Terms {
            labelled: mean_cross_entropy(&x, labels, CLASSES).0,
            unlabelled: unlabelled(&u, guesses, CLASSES).0,
            premixup: mean_cross_entropy(&wide("logits.u1"), &wide("guess.target"), CLASSES).0,
            rotation: mean_cross_entropy(&wide("logits.rot"), &rotation_targets(BATCH), 4).0,
            mutual_information: 0.0,
        };
        let warmth = ramp(BATCH as f64, self.number("/config/warmup_images"));
        assert!(warmth > 0.0, "the second step's ramp");
        assert_close_wide("ramp", &[self.number("/ramp")], &[warmth], EXACT);
        let weight = |name: &str| self.number(&format!("/config/method/{name}"));
        let parts = [
            ("x", terms.labelled, 1.0),
            ("u", terms.unlabelled, warmth * weight("weight_u")),
            ("u1", terms.premixup, warmth * weight("weight_u1")),
            ("r", terms.rotation, weight("weight_r")),
        ];
        for (name, loss, weight) in parts {
            let found = [t.scalar(&format!("loss.{name}")), t.scalar(&format!("loss.weight.{name}"))];
            assert_close_wide(&format!("loss.{name}"), &found[..1], &[loss], EXACT);
            assert_close_wide(&format!("loss.weight.{name}"), &found[1..], &[weight], EXACT);
        }
        let total = terms.total(&self.settings.weights(1));
        assert_close_wide("loss.total", &[t.scalar("loss.total")], &[total], EXACT);
    }

    /// Adam, decay and EMA of every parameter from its gradient in the file.
    fn updates(&self) {
        let t = &self.trace;
        let adam = Adam {
            learning_rate: self.number("/config/learning_rate"),
            weight_decay: self.number("/config/weight_decay"),
            ema: self.number("/ema"),
            beta1: self.number("/adam/beta1"),
            beta2: self.number("/adam/beta2"),
            epsilon: self.number("/adam/epsilon"),
        };
        let size = self.number("/learning_rate_corrected");
        assert_close_wide("step size", &[size], &[adam.step_size(2)], EXACT);
        let decay = 1.0 - adam.learning_rate * adam.weight_decay;
        assert_close_wide("decay", &[1.0 - self.number("/decay_factor")], &[1.0 - decay], 1e-2);
        let decayed: Vec<&str> =
            self.facts["decayed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, slot) in &self.state.slots {
            assert_eq!(decayed.contains(&&name[..]), name.ends_with(".kernel"), "decay of {name}");
            let mut slot: Slot = slot.clone();
            let (weights, ema) = (slot.weights.clone(), slot.ema.clone());
            slot.update(&t.wide(&format!("grad.{name}")), &adam, 2, name.ends_with(".kernel"));
            let close = |group: &str, expected: &[f64]| {
                let name = format!("after.{group}{name}");
                assert_close(&name, &t.f32(&name), expected, EXACT);
            };
            close("", &slot.weights);
            close("ema.", &slot.ema);
            close("adam.m.", &slot.first);
            close("adam.v.", &slot.second);
            self.moves(&format!("after.{name}"), &weights, &slot.weights);
            self.moves(&format!("after.ema.{name}"), &ema, &slot.ema);
        }
    }

    /// A step is small beside the weights: what moved is compared on its own scale, as far as the weights'
    /// own rounding shows it.
    fn moves(&self, name: &str, before: &[f64], expected: &[f64]) {
        let difference = |after: &[f64]| after.iter().zip(before).map(|(a, b)| a - b).collect::<Vec<_>>();
        let largest = |values: &[f64]| values.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        let (found, expected) = (difference(&self.trace.wide(name)), difference(expected));
        if largest(&expected) == 0.0 {
            assert_eq!(found, expected, "{name} stays where it is");
            return;
        }
        let rounding = largest(before) * f64::from(f32::EPSILON) / largest(&expected);
        assert!(rounding < 0.5, "the movement of {name} drowns in rounding: {rounding}");
        assert_close_wide(&format!("movement of {name}"), &found, &expected, 1e-3 + rounding);
    }

    /// The batch's mean guess replaces one row of the history; the averages are those before it.
    fn pushes(&self) {
        let t = &self.trace;
        let slot = self.number("/history_slot") as usize;
        assert_eq!(slot, 1, "row of the second step");
        let probs = t.wide("guess.probs");
        let mut expected = t.wide("before.align.history");
        for c in 0..CLASSES {
            let sum: f64 = probs.iter().skip(c).step_by(CLASSES).sum();
            expected[slot * CLASSES + c] = sum / BATCH as f64;
        }
        assert_close("after.align.history", &t.f32("after.align.history"), &expected, EXACT);
        assert!(t.f32("before.align.history") != t.f32("after.align.history"), "the history moves");
    }

    /// The EMA weights before the step, with moving statistics, on the probes.
    fn probes(&self) {
        let t = &self.trace;
        let ema = self.state.slots.iter().map(|(name, slot)| (name.clone(), slot.ema.clone())).collect();
        let network = &self.settings.network;
        let embedding = network.inference(&ema, &self.state.moving, &t.maps("probe.images")[0]);
        let probabilities = softmax(&network.logits(&ema, "classify", &embedding), CLASSES);
        let labels = t.indices("input.labels");
        let expected: Vec<f64> =
            labels.iter().zip(probabilities.chunks_exact(CLASSES)).map(|(l, row)| row[*l]).collect();
        assert_close("probe.match", &t.f32("probe.match"), &expected, 1e-4);
        assert!(t.f32("probe.match").iter().all(|m| (0.0..=1.0).contains(m)), "matches are probabilities");
    }

    /// Everything between the inputs and the state after the step.
    fn replays(&self, what: &str) {
        let mut state = self.state.clone();
        let step = self.settings.step(&mut state, &inputs(&self.trace));
        compare_passage(what, &self.trace, &step);
        compare_gradients(what, &self.trace, &step.gradients);
        compare_state(what, &self.trace, &state);
    }

    fn check(&self, what: &str, squared: bool) {
        self.holds_inputs_and_guesses();
        self.holds_state();
        self.says_its_layouts();
        self.guesses();
        self.mixes();
        self.losses(squared);
        self.updates();
        self.pushes();
        self.probes();
        self.replays(what);
    }
}

#[test]
fn trace_of_digits() {
    trace("builtin:digits", [28, 28, 1], 2, &[]).check("digits", false);
}

#[test]
fn trace_of_shapes() {
    trace("builtin:shapes", [32, 32, 3], 1, &["--l2"]).check("shapes", true);
}

/// Without unlabelled images the file has neither guesses nor terms for them.
#[test]
fn trace_of_supervised_digits() {
    let case = trace("builtin:digits", [28, 28, 1], 1, &["--method", "supervised"]);
    for name in ["input.u_weak", "guess.target", "logits.u", "logits.rot", "probe.match"] {
        assert!(!case.trace.has(name), "{name}");
    }
    case.holds_state();
    case.updates();
    case.replays("supervised digits");
}
