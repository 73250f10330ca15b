//! One training step in f64 as the specification tells it (sections 1.1 to 1.8), from the augmented images
//! and draws of the step. It carries its own state from step to step.

use std::collections::HashMap;

use remixmatch::ssl::{LabelPrior, Method};

use crate::oracle::norm::{Moments, moved_by};
use crate::oracle::optim::{Adam, Slot};
use crate::oracle::rotate::rotated_batch;
use crate::oracle::ssl::{
    History, Terms, Weights, align, expectation, interleave, mean_brier, mean_cross_entropy, mean_top, mixup,
    move_label_distribution, mutual_information, mutual_information_backward, ramp, rotation_targets,
    sharpen,
};
use crate::oracle::wide_resnet::{Forward, Network, Tensors};
use crate::oracle::{Map, heads};

/// What does not change from step to step.
pub struct Settings {
    pub network: Network,
    pub batch: usize,
    pub method: Method,
    pub adam: Adam,
    /// Whether the EMA's decay is at most t / (9 + t) in step t, from 1.
    pub ema_warmup: bool,
    pub norm_momentum: f64,
    pub warmup_images: f64,
}

#[derive(Clone)]
pub struct State {
    /// Steps done.
    pub step: i32,
    pub slots: HashMap<String, Slot>,
    pub moving: HashMap<String, Moments>,
    pub history: History,
    pub p_data: Vec<f64>,
}

impl State {
    pub fn weights(&self) -> Tensors {
        self.slots.iter().map(|(name, slot)| (name.clone(), slot.weights.clone())).collect()
    }
}

/// Augmented images and draws of one step.
pub struct Inputs {
    pub x: Map,
    pub labels: Vec<usize>,
    /// u_w, u_s1 .. u_sK; none where only labelled images are trained on.
    pub views: Vec<Map>,
    pub lambda: Vec<f64>,
    pub partner: Vec<usize>,
}

pub struct Guess {
    /// Of every view that the guess is made from.
    pub logits: Vec<Vec<f64>>,
    /// Of the labelled batch, where the guess is measured by them.
    pub labelled: Option<Vec<f64>>,
    pub p_data: Vec<f64>,
    pub p_model: Vec<f64>,
    pub probabilities: Vec<f64>,
    pub aligned: Vec<f64>,
    pub target: Vec<f64>,
}

/// A pass of a batch through the network, and the loss's gradient at its logits.
struct Pass {
    head: &'static str,
    forward: Forward,
    d_logits: Vec<f64>,
}

pub struct Losses {
    pub terms: Terms,
    pub total: f64,
    /// Logits by name: `x`, `u`, `u1`, `rot`.
    pub logits: HashMap<&'static str, Vec<f64>>,
    passes: Vec<Pass>,
}

/// Everything that one step computed.
pub struct Step {
    pub guess: Option<Guess>,
    pub losses: Losses,
    pub gradients: Tensors,
}

fn one_hot(labels: &[usize], classes: usize) -> Vec<f64> {
    labels.iter().flat_map(|l| (0..classes).map(move |c| f64::from(u8::from(c == *l)))).collect()
}

/// The most likely class where it is likely enough, nothing elsewhere.
fn hard(aligned: &[f64], classes: usize, threshold: f64) -> Vec<f64> {
    let row = |row: &[f64]| {
        let top = row.iter().copied().fold(0.0, f64::max);
        let likely = row.iter().position(|q| *q == top);
        (0..classes).map(|c| f64::from(u8::from(top >= threshold && likely == Some(c)))).collect::<Vec<_>>()
    };
    aligned.chunks_exact(classes).flat_map(row).collect()
}

/// Rows of `target` where the guess is likely enough, nothing elsewhere.
fn confident(aligned: &[f64], target: Vec<f64>, classes: usize, threshold: f64) -> Vec<f64> {
    let rows = aligned.chunks_exact(classes).zip(target.chunks_exact(classes));
    let kept = |(q, t): (&[f64], &[f64])| {
        let used = f64::from(u8::from(q.iter().copied().fold(0.0, f64::max) >= threshold));
        t.iter().map(|t| t * used).collect::<Vec<_>>()
    };
    rows.flat_map(kept).collect()
}

fn scaled(values: Vec<f64>, factor: f64) -> Vec<f64> {
    values.into_iter().map(|v| v * factor).collect()
}

/// Blocks of rows `width` wide.
fn rows_of(block: &[f64], width: usize) -> Vec<Vec<f64>> {
    block.chunks_exact(width).map(<[f64]>::to_vec).collect()
}

impl Settings {
    fn classes(&self) -> usize {
        self.network.classes
    }

    fn classify(&self, p: &Tensors, image: &Map) -> (Forward, Vec<f64>) {
        let forward = self.network.forward(p, image, 1);
        let logits = self.network.logits(p, "classify", &forward.embedding);
        (forward, logits)
    }

    /// Section 1.2: each view with its own batch statistics, then align, then sharpen. AdaMatch (arXiv
    /// 2106.04732, section 3): expectations over the two batches, and a threshold c_tau relative to the
    /// labelled one's confidence.
    pub fn guess(&self, p: &Tensors, state: &State, inputs: &Inputs) -> Guess {
        let classes = self.classes();
        let views = &inputs.views[..self.method.guess_views];
        let logits: Vec<_> = views.iter().map(|view| self.classify(p, view).1).collect();
        let softmaxes: Vec<_> = logits.iter().map(|l| heads::softmax(l, classes)).collect();
        let mean = |i: usize| softmaxes.iter().map(|s| s[i]).sum::<f64>() / softmaxes.len() as f64;
        let probabilities: Vec<f64> = (0..self.batch * classes).map(mean).collect();
        let from_batches = self.method.alignment && self.method.label_prior == LabelPrior::Predictions;
        let asked = from_batches || self.method.relative_threshold;
        let labelled = asked.then(|| self.classify(p, &inputs.x).1);
        let known = labelled.as_ref().map(|logits| heads::softmax(logits, classes)).unwrap_or_default();
        let total: f64 = state.p_data.iter().sum();
        let (p_data, p_model) = match from_batches {
            true => (expectation(&known, classes), expectation(&probabilities, classes)),
            false => (scaled(state.p_data.clone(), 1.0 / total), state.history.average()),
        };
        let aligned = match self.method.alignment {
            true => align(&probabilities, &p_data, &p_model),
            false => probabilities.clone(),
        };
        let threshold = self.method.threshold.map(|share| match self.method.relative_threshold {
            true => f64::from(share) * mean_top(&known, classes),
            false => f64::from(share),
        });
        let sharp = || sharpen(&aligned, classes, self.method.temperature.into());
        let target = match threshold {
            Some(threshold) if self.method.soft => confident(&aligned, sharp(), classes, threshold),
            Some(threshold) => hard(&aligned, classes, threshold),
            None => sharp(),
        };
        Guess { logits, labelled, p_data, p_model, probabilities, aligned, target }
    }

    pub fn weights(&self, step: i32) -> Weights {
        Weights {
            unlabelled: self.method.weight_u.into(),
            premixup: self.method.weight_u1.into(),
            rotation: self.method.weight_r.into(),
            mutual_information: self.method.weight_mi.into(),
            ramp: ramp(f64::from(step) * self.batch as f64, self.warmup_images),
        }
    }

    /// Sections 1.3 to 1.7 with the targets as given: no gradient flows through them.
    pub fn losses(&self, p: &Tensors, inputs: &Inputs, target: &[f64], step: i32) -> Losses {
        let weights = self.weights(step);
        let (method, classes) = (&self.method, self.classes());
        let mut found =
            Losses { terms: Terms::default(), total: 0.0, logits: HashMap::new(), passes: Vec::new() };
        if method.unlabelled && method.rotation {
            let forward = self.network.forward(p, &rotated_batch(&inputs.views[1]), 1);
            let logits = self.network.logits(p, "rotation", &forward.embedding);
            let (loss, d) = mean_cross_entropy(&logits, &rotation_targets(self.batch), 4);
            found.terms.rotation = loss;
            found.logits.insert("rot", logits);
            found.passes.push(Pass { head: "rotation", forward, d_logits: scaled(d, weights.rotation) });
        }
        let informed = method.weight_mi > 0.0;
        if method.unlabelled && (method.premixup || informed) {
            let (forward, logits) = self.classify(p, &inputs.views[1]);
            let mut d_logits = vec![0.0; logits.len()];
            let mut add = |d: Vec<f64>| d_logits.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
            if method.premixup {
                let (loss, d) = mean_cross_entropy(&logits, target, classes);
                found.terms.premixup = loss;
                add(scaled(d, weights.ramp * weights.premixup));
            }
            if informed {
                found.terms.mutual_information = -mutual_information(&logits, classes);
                add(scaled(mutual_information_backward(&logits, classes), -weights.mutual_information));
            }
            found.logits.insert("u1", logits);
            found.passes.push(Pass { head: "classify", forward, d_logits });
        }
        self.mixed_losses(p, inputs, target, &weights, &mut found);
        found.total = found.terms.total(&weights);
        found
    }

    /// MixUp, interleaving, and the two terms of the mixed images.
    fn mixed_losses(&self, p: &Tensors, inputs: &Inputs, target: &[f64], w: &Weights, found: &mut Losses) {
        let classes = self.classes();
        let blocks = self.mixed(inputs, target);
        let [_, height, width, channels] = inputs.x.shape;
        let traded = interleave(&blocks.images);
        let passes: Vec<_> = traded
            .iter()
            .map(|block| self.classify(p, &Map::new([self.batch, height, width, channels], block.concat())))
            .collect();
        let logits: Vec<_> = passes.iter().map(|(_, logits)| rows_of(logits, classes)).collect();
        let logits: Vec<f64> = interleave(&logits).into_iter().flatten().flatten().collect();
        let (logits_x, logits_u) = logits.split_at(self.batch * classes);
        let (labels_x, labels_u) = blocks.labels.split_at(self.batch * classes);
        let (loss, mut d) = mean_cross_entropy(logits_x, labels_x, classes);
        found.terms.labelled = loss;
        found.logits.insert("x", logits_x.to_vec());
        if !logits_u.is_empty() {
            let mean = if self.method.squared { mean_brier } else { mean_cross_entropy };
            let (loss, d_u) = mean(logits_u, labels_u, classes);
            found.terms.unlabelled = loss;
            found.logits.insert("u", logits_u.to_vec());
            d.extend(scaled(d_u, w.ramp * w.unlabelled));
        }
        let d: Vec<_> = d.chunks_exact(self.batch * classes).map(|block| rows_of(block, classes)).collect();
        for ((forward, _), d) in passes.into_iter().zip(interleave(&d)) {
            found.passes.push(Pass { head: "classify", forward, d_logits: d.concat() });
        }
    }

    /// Section 1.5: [x, u_w, u_s1 .. u_sK] (or without u_w) and their labels, mixed.
    pub fn mixed(&self, inputs: &Inputs, target: &[f64]) -> Mixed {
        let skipped = if self.method.train_on_anchor { 0 } else { 1 };
        let views: Vec<_> = inputs.views.iter().skip(skipped).collect();
        let width = inputs.x.data.len() / self.batch;
        let mut images = inputs.x.data.clone();
        let mut labels = one_hot(&inputs.labels, self.classes());
        for view in views {
            images.extend(&view.data);
            labels.extend(target);
        }
        let images = mixup(&images, width, &inputs.partner, &inputs.lambda);
        let labels = mixup(&labels, self.classes(), &inputs.partner, &inputs.lambda);
        let images = images.chunks_exact(self.batch * width).map(|block| rows_of(block, width)).collect();
        Mixed { images, labels }
    }

    pub fn gradients(&self, p: &Tensors, losses: &Losses) -> Tensors {
        // A head that no loss asks for has a gradient too: none.
        let mut d: Tensors = p.iter().map(|(name, values)| (name.clone(), vec![0.0; values.len()])).collect();
        for pass in &losses.passes {
            let embedding = &pass.forward.embedding;
            let d_embedding = self.network.logits_backward(p, pass.head, embedding, &pass.d_logits, &mut d);
            self.network.backward(p, &pass.forward, &d_embedding, &mut d);
        }
        d
    }

    /// The whole step: Adam, decay, EMA; moving statistics from the last mixed pass; histories last.
    pub fn step(&self, state: &mut State, inputs: &Inputs) -> Step {
        let p = state.weights();
        let guess = self.method.unlabelled.then(|| self.guess(&p, state, inputs));
        let target = guess.as_ref().map_or(&[][..], |g| &g.target);
        let losses = self.losses(&p, inputs, target, state.step);
        let gradients = self.gradients(&p, &losses);
        state.step += 1;
        let t = f64::from(state.step);
        let warm = if self.ema_warmup { t / (9.0 + t) } else { 1.0 };
        let adam = Adam { ema: self.adam.ema.min(warm), ..self.adam };
        for (name, slot) in &mut state.slots {
            slot.update(&gradients[name], &adam, state.step, name.ends_with(".kernel"));
        }
        if let Some(last) = losses.passes.last() {
            for (name, moments) in &last.forward.moments {
                let moving = moved_by(self.norm_momentum, &state.moving[name], &moments[0]);
                state.moving.insert(name.clone(), moving);
            }
        }
        if let Some(guess) = &guess {
            state.history.push(&guess.probabilities);
            if self.method.label_prior == LabelPrior::Running {
                state.p_data = move_label_distribution(&state.p_data, &inputs.labels);
            }
        }
        Step { guess, losses, gradients }
    }
}

/// Mixed images in blocks of rows, and their labels.
pub struct Mixed {
    pub images: Vec<Vec<Vec<f64>>>,
    pub labels: Vec<f64>,
}
