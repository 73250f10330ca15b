//! Losses of rows and their gradients at the logits.

use bytemuck::Zeroable;
use pollster::block_on;
use remixmatch::augment::AssembleRow;
use remixmatch::ssl::{
    LOSS_TERMS, LossTables, LossTerm, Method, PassKind, PerTerm, StepBlock, TERMS, record_loss_terms,
};

use crate::oracle::compare::{assert_close, assert_close_wide};
use crate::oracle::difference::{central, every};
use crate::oracle::heads::{brier, brier_backward, cross_entropy, cross_entropy_backward};
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::{mutual_information, mutual_information_backward, rotation_targets};
use crate::trial::Trial;
use crate::{EXACT, remixmatch};

const BATCH: usize = 72;
/// Rows of the tables before those of a dispatch: their results are not to be touched.
const FIRST: usize = 5;
/// Largest deviation from central differences.
const DIFFERENCES: f64 = 1e-3;

/// The passes whose rows a case is of.
const MIXED: PassKind = PassKind::Mixed;
const PREMIXUP: PassKind = PassKind::FirstStrong;
const ROTATION: PassKind = PassKind::Rotated;

/// Weight of the mutual-information term, which only its own cases have.
const WEIGHT_MI: f32 = 0.7;

fn weight_of(term: &LossTerm) -> f32 {
    match term.name {
        "x" => 0.25,
        "u" => 3.0,
        "u1" => 0.5,
        "r" => 2.0,
        "mi" => WEIGHT_MI,
        other => panic!("no weight for term {other}"),
    }
}

fn step_block() -> StepBlock {
    StepBlock {
        learning_rate: f32::NAN,
        beta1: f32::NAN,
        beta2: f32::NAN,
        epsilon: f32::NAN,
        decay: f32::NAN,
        ema: f32::NAN,
        slot: 0,
        skipped: 0,
        weights: PerTerm::from_fn(weight_of).0,
    }
}

/// A dispatch of `count` rows of one kind of pass.
struct Case {
    method: Method,
    classes: usize,
    kind: PassKind,
    count: usize,
    logits: Vec<f32>,
    /// `[FIRST + count, classes]`
    targets: Vec<f32>,
}

impl Case {
    fn classes(&self) -> usize {
        if self.kind == ROTATION { 4 } else { self.classes }
    }

    /// The terms of the rows.
    fn terms(&self) -> Vec<&'static LossTerm> {
        let on = LOSS_TERMS.iter().filter(|term| term.rows.pass_kind() == self.kind);
        on.filter(|term| term.is_on(&self.method)).collect()
    }

    /// First image of a row: mixed rows alternate between labelled and unlabelled ones.
    fn image(&self, row: usize) -> usize {
        match self.kind {
            MIXED => row % 3 * BATCH + row % BATCH,
            _ => 2 * BATCH + row % BATCH,
        }
    }

    fn is_labelled(&self, local: usize) -> bool {
        self.kind == MIXED && self.image(FIRST + local) < BATCH
    }

    /// The term with a target that a row is of.
    fn term(&self, local: usize) -> &'static LossTerm {
        LossTerm::named(match self.kind {
            MIXED if self.is_labelled(local) => "x",
            MIXED => "u",
            PREMIXUP => "u1",
            ROTATION => "r",
        })
    }

    /// Gradients at the logits, and loss and hit of every row of the tables in every term, `[terms, rows, 2]`.
    fn run_terms(&self) -> [Vec<f32>; 2] {
        let mut t = Trial::new();
        let table: Vec<_> = (0..FIRST + self.count)
            .map(|row| AssembleRow { a: self.image(row) as u32, ..AssembleRow::zeroed() })
            .collect();
        let tables = LossTables {
            step_block: t.upload("step", &[step_block()]),
            rows: t.upload("rows", &table),
            targets: t.upload("targets", &self.targets),
            results: t.blank("results", TERMS * 2 * (FIRST + self.count)),
        };
        let logits = t.upload("logits", &self.logits);
        let rows = FIRST..FIRST + self.count;
        let d_logits = record_loss_terms(&mut t.b, &self.method, &self.terms(), tables, logits, rows, BATCH);
        let d_logits = t.keep(d_logits);
        let results = block_on(t.run());
        [results.get(d_logits), results.get(tables.results)]
    }

    /// Gradients at the logits, and loss and hit of every row of the tables in its term.
    fn run(&self) -> [Vec<f32>; 2] {
        let [d_logits, results] = self.run_terms();
        let rows = FIRST + self.count;
        let of_row = |row: usize| {
            let term = self.term(row.saturating_sub(FIRST)).index();
            // No other term has the row.
            for other in (0..TERMS).filter(|other| *other != term && LOSS_TERMS[*other].name != "mi") {
                assert!(results[2 * (other * rows + row)].is_nan(), "row {row} in term {other}");
            }
            results[2 * (term * rows + row)..][..2].to_vec()
        };
        [d_logits, (0..rows).flat_map(of_row).collect()]
    }

    fn local_targets(&self) -> Vec<f64> {
        match self.kind {
            ROTATION => rotation_targets(BATCH),
            _ => widen(&self.targets[FIRST * self.classes()..]),
        }
    }

    fn weight(&self, local: usize) -> f64 {
        weight_of(self.term(local)).into()
    }

    fn is_squared(&self, local: usize) -> bool {
        self.method.squared && self.term(local).name == "u"
    }

    /// Loss of a row, without its weight. A squared target of mass m counts m times its Brier score at full
    /// mass.
    fn loss(&self, local: usize, logits: &[f64], target: &[f64]) -> f64 {
        let classes = self.classes();
        match full_mass(target).filter(|_| self.is_squared(local)) {
            Some((mass, full)) => mass * brier(logits, &full, classes)[0],
            None => cross_entropy(logits, target, classes)[0],
        }
    }

    /// Gradient of [`Case::loss`].
    fn gradient(&self, local: usize, logits: &[f64], target: &[f64]) -> Vec<f64> {
        let classes = self.classes();
        match full_mass(target).filter(|_| self.is_squared(local)) {
            Some((mass, full)) => brier_backward(logits, &full, classes).iter().map(|d| mass * d).collect(),
            None => cross_entropy_backward(logits, target, classes),
        }
    }

    fn check(&self, name: &str) {
        let classes = self.classes();
        let [d_logits, results] = self.run();
        assert!(results[..2 * FIRST].iter().all(|r| r.is_nan()), "{name}: rows before the first");
        let (logits, targets) = (widen(&self.logits), self.local_targets());
        let (mut losses, mut d, mut differences) = (Vec::new(), Vec::new(), Vec::new());
        let mut hits = Vec::new();
        for local in 0..self.count {
            let part = local * classes..(local + 1) * classes;
            let (row, target) = (&logits[part.clone()], &targets[part]);
            let weight = self.weight(local);
            let loss = |l: &[f64]| weight * self.loss(local, l, target);
            losses.push(self.loss(local, row, target));
            d.extend(self.gradient(local, row, target).iter().map(|d| weight * d));
            differences.extend(central(row, &every(row), 1e-5, loss));
            hits.push(f32::from(u8::from(likely(row) == likely(target))));
        }
        let found = |offset: usize| results[2 * FIRST + offset..].iter().step_by(2).copied().collect();
        let found_losses: Vec<f32> = found(0);
        assert_close(&format!("{name}: losses"), &found_losses, &losses, EXACT);
        let found_hits: Vec<f32> = found(1);
        assert_eq!(found_hits, hits, "{name}: hits");
        assert_close(&format!("{name}: gradient"), &d_logits, &d, EXACT);
        assert_close(&format!("{name}: gradient by differences"), &d_logits, &differences, DIFFERENCES);
    }
}

/// A target's mass and the target scaled to mass 1; of a target of no mass either loss is nothing.
fn full_mass(target: &[f64]) -> Option<(f64, Vec<f64>)> {
    let mass: f64 = target.iter().sum();
    (mass > 0.0).then(|| (mass, target.iter().map(|t| t / mass).collect()))
}

/// The first of the largest.
fn likely(row: &[f64]) -> Option<usize> {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter().position(|v| *v == top)
}

fn case(kind: PassKind, classes: usize, squared: bool) -> Case {
    let mut random = Random::new(classes as u64 + 1);
    let method = Method { squared, ..remixmatch() };
    let count = if kind == MIXED { 2 * BATCH } else { BATCH };
    let outputs = if kind == ROTATION { 4 } else { classes };
    let logits = random.normal(count * outputs, 2.0);
    let mut targets = random.distributions(FIRST + count, classes);
    // Some targets of less than full mass, as guesses below the threshold leave them, and some of none.
    for (row, target) in targets.chunks_exact_mut(classes).enumerate() {
        let mass = [1.0, 1.0, 1.0, 0.75, 0.0][row % 5];
        target.iter_mut().for_each(|t| *t *= mass);
    }
    Case { method, classes, kind, count, logits, targets }
}

#[test]
fn losses_of_mixed_rows() {
    for classes in [1, 2, 10, 300] {
        case(MIXED, classes, false).check(&format!("{classes} classes"));
    }
}

#[test]
fn losses_of_squared_rows() {
    for classes in [2, 10, 300] {
        case(MIXED, classes, true).check(&format!("squared, {classes} classes"));
    }
}

#[test]
fn premixup_rows_always_take_cross_entropy() {
    for squared in [false, true] {
        case(PREMIXUP, 10, squared).check(&format!("pre-mixup, squared {squared}"));
    }
}

#[test]
fn losses_of_rotated_rows() {
    for squared in [false, true] {
        case(ROTATION, 10, squared).check(&format!("rotation, squared {squared}"));
    }
}

/// Logits of -80 and 80: losses up to 160, and gradients that neither overflow nor vanish.
#[test]
fn losses_of_extreme_logits() {
    for (kind, squared) in [(MIXED, false), (MIXED, true), (PREMIXUP, false), (ROTATION, false)] {
        let mut case = case(kind, 10, squared);
        case.logits.iter_mut().for_each(|l| *l = 80f32.copysign(*l));
        case.check(&format!("extreme {kind:?}, squared {squared}"));
    }
}

/// A non-finite logit or target shows in the loss of its row alone.
#[test]
fn non_finite_values_show_in_their_row() {
    const ROW: usize = 7;
    for (kind, squared) in [(MIXED, false), (MIXED, true), (PREMIXUP, false), (ROTATION, false)] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at_target in [false, true] {
                if at_target && kind == ROTATION {
                    continue;
                }
                let mut case = case(kind, 10, squared);
                // Full targets: a row of no mass asks for nothing.
                case.targets.chunks_exact_mut(10).for_each(|target| target.fill(0.1));
                let classes = case.classes();
                match at_target {
                    true => case.targets[(FIRST + ROW) * classes + 2] = value,
                    false => case.logits[ROW * classes + 2] = value,
                }
                let [_, results] = case.run();
                for (local, result) in results[2 * FIRST..].chunks_exact(2).enumerate() {
                    let name = format!("{kind:?} {squared} {value} {at_target}: row {local}");
                    // Softmax's squares take a class of probability 0 as it is.
                    let harmless = value == f32::NEG_INFINITY && !at_target && case.is_squared(local);
                    assert_eq!(result[0].is_finite(), local != ROW || harmless, "{name}: {}", result[0]);
                }
            }
        }
    }
}

/// One row by hand: p = (1/4, 3/4), t = (1, 0).
#[test]
fn loss_of_a_row_by_hand() {
    let mut case = case(MIXED, 2, true);
    case.count = 2;
    // Row 0 of the dispatch is unlabelled, row 1 labelled.
    assert_eq!([case.is_labelled(0), case.is_labelled(1)], [false, true]);
    let log_3 = 3f32.ln();
    case.logits = vec![0.0, log_3, 0.0, log_3];
    case.targets.truncate(2 * FIRST);
    case.targets.extend([1.0, 0.0, 1.0, 0.0]);
    let [d_logits, results] = case.run();
    let found: Vec<f64> = widen(&results[2 * FIRST..]);
    assert_close_wide("losses and hits", &found, &[0.5625, 0.0, 4f64.ln(), 0.0], EXACT);
    // Brier: (p_c - t_c) is (-3/4, 3/4), their mean under p 3/8; 2 / 2 x 1/4 x (-9/8) is -9/32.
    let expected = [3.0 * -9.0 / 32.0, 3.0 * 9.0 / 32.0, 0.25 * -0.75, 0.25 * 0.75];
    assert_close("gradients", &d_logits, &expected, EXACT);
}

/// The mutual-information term alone and beside the pre-mixup term, whose gradient it adds to.
#[test]
fn mutual_information_of_a_batch() {
    for classes in [1, 2, 10, 300] {
        for premixup in [false, true] {
            let mut case = case(PREMIXUP, classes, false);
            let plain = case.run()[0].clone();
            case.method = Method { premixup, weight_mi: WEIGHT_MI, ..case.method };
            let name = format!("{classes} classes, pre-mixup {premixup}");
            let [d_logits, results] = case.run_terms();
            let logits = widen(&case.logits);
            let weight = f64::from(WEIGHT_MI);
            // Weights are per row: the term is a mean over the batch.
            let loss = |l: &[f64]| -weight * BATCH as f64 * mutual_information(l, classes);
            let term = LossTerm::named("mi").index();
            let rows = &results[2 * (term * (FIRST + BATCH) + FIRST)..][..2 * BATCH];
            let found: f64 = widen(rows).iter().step_by(2).sum::<f64>() * weight;
            assert_close_wide(&format!("{name}: term"), &[1.0 + found], &[1.0 + loss(&logits)], EXACT);
            let gradient = mutual_information_backward(&logits, classes);
            let mut expected: Vec<f64> = gradient.iter().map(|d| -weight * BATCH as f64 * d).collect();
            let at = Random::new(5).indices(12, logits.len());
            let differences = central(&logits, &at, 1e-5, loss);
            let scale = expected.iter().fold(1e-3f64, |top, d| top.max(d.abs()));
            let share = |values: Vec<f64>| values.iter().map(|d| 1.0 + d / scale).collect::<Vec<_>>();
            let picked = at.iter().map(|i| expected[*i]).collect();
            assert_close_wide(&format!("{name}: by differences"), &share(picked), &share(differences), 1e-5);
            if premixup {
                expected.iter_mut().zip(&plain).for_each(|(d, plain)| *d += f64::from(*plain));
            }
            let found = share(widen(&d_logits));
            assert_close_wide(&format!("{name}: gradient"), &found, &share(expected), EXACT);
        }
    }
}

/// Predictions that are all alike, or as unsure as can be, tell nothing; sure and varied ones log C.
#[test]
fn mutual_information_at_its_ends() {
    const CLASSES: usize = 4;
    for (sure, varied, expected) in
        [(0.0, true, 0.0), (50.0, false, 0.0), (50.0, true, (CLASSES as f64).ln())]
    {
        let mut case = case(PREMIXUP, CLASSES, false);
        case.method = Method { premixup: false, weight_mi: WEIGHT_MI, ..case.method };
        for (row, logits) in case.logits.chunks_exact_mut(CLASSES).enumerate() {
            logits.fill(0.0);
            logits[if varied { row % CLASSES } else { 0 }] = sure;
        }
        let [d_logits, results] = case.run_terms();
        let term = LossTerm::named("mi").index();
        let rows = &results[2 * (term * (FIRST + BATCH) + FIRST)..][..2 * BATCH];
        let found = -widen(rows).iter().step_by(2).sum::<f64>() / BATCH as f64;
        assert!((found - expected).abs() < 1e-5, "{found} nats, expected {expected}");
        assert!(d_logits.iter().all(|d| d.is_finite() && d.abs() < 1e-5), "a stationary point");
    }
}
