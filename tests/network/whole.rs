//! The whole network, forward and backward, against the f64 reference.

use std::collections::HashMap;

use remixmatch::gpu::{Plan, PlanBuilder, Program, Tensor};
use remixmatch::nn::{Architecture, ConvTiling, Head, Network, Rows, StatGroups, WideResNet};

use crate::harness::GPU;
use crate::oracle::Map;
use crate::oracle::compare::{assert_close, assert_close_wide};
use crate::oracle::difference::{central, pick};
use crate::oracle::norm::{Moments, moved};
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::{mean_cross_entropy, rotation_targets};
use crate::oracle::wide_resnet::{Network as Reference, Tensors};

const FORWARD: f64 = 1e-5;
const GRADIENT: f64 = 1e-3;
/// Images of a pass; the first pass is rotated images, the second classified ones.
const BATCH: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Member {
    filters: usize,
    repeat: usize,
    scales: usize,
    stem_filters: usize,
    stem_stride: usize,
    image: [usize; 3],
    classes: usize,
}

/// A member with random weights, on the adapter and in the reference.
struct Case {
    member: Member,
    network: Network,
    reference: Reference,
    weights: Vec<Vec<f32>>,
    statistics: Vec<Vec<f32>>,
    images: Vec<f32>,
    targets: Vec<f32>,
}

impl Case {
    fn new(member: Member, seed: u64) -> Self {
        let Member { filters, repeat, scales, stem_filters, stem_stride, image, classes } = member;
        let settings = WideResNet { filters, repeat, scales: Some(scales), stem_filters, stem_stride };
        let architecture = Architecture::WideResNet(settings);
        let network = Network::new(&architecture, image, classes, ConvTiling::REGISTER).unwrap();
        let reference =
            Reference { stem_filters, stem_stride, filters, repeat, scales, channels: image[2], classes };
        let mut random = Random::new(seed);
        let weights = network.parameters.list.iter().map(|p| match p.shape[..] {
            [kh, kw, inputs, _] => random.normal(p.elements(), (1.5 / (kh * kw * inputs) as f64).sqrt()),
            [inputs, _] => random.normal(p.elements(), (1.0 / inputs as f64).sqrt()),
            _ if p.name.ends_with(".gamma") => random.uniform(p.elements(), 0.5, 1.5),
            _ => random.normal(p.elements(), 0.3),
        });
        let weights = weights.collect();
        let statistics = network.statistics.list.iter().map(|p| match p.name.ends_with(".mean") {
            true => random.normal(p.elements(), 0.5),
            false => random.uniform(p.elements(), 0.5, 2.0),
        });
        let statistics = statistics.collect();
        let images = random.uniform(2 * BATCH * image.iter().product::<usize>(), -1.0, 1.0);
        let targets = random.distributions(BATCH, classes);
        Self { member, network, reference, weights, statistics, images, targets }
    }

    fn tensors(&self) -> Tensors {
        let named = self.network.parameters.list.iter().zip(&self.weights);
        named.map(|(p, values)| (p.name.clone(), widen(values))).collect()
    }

    fn moving(&self) -> HashMap<String, Moments> {
        let of = |name: String| {
            let at = self.network.statistics.list.iter().position(|p| p.name == name);
            widen(&self.statistics[at.unwrap_or_else(|| panic!("no statistics {name}"))])
        };
        let both = |name: &String| Moments {
            mean: of(format!("{name}.mean")),
            variance: of(format!("{name}.variance")),
        };
        self.reference.norms().into_iter().map(|(name, _)| (name.clone(), both(&name))).collect()
    }

    fn map(&self) -> Map {
        let [height, width, channels] = self.member.image;
        Map::new([2 * BATCH, height, width, channels], widen(&self.images))
    }

    /// Both losses and, if asked, the gradients of everything.
    fn reference_loss(&self, p: &Tensors) -> f64 {
        let e = self.reference.forward(p, &self.map(), 2).embedding;
        let (rotated, classified) = e.split_at(e.len() / 2);
        let rotation = self.reference.logits(p, "rotation", rotated);
        let classes = self.reference.logits(p, "classify", classified);
        mean_cross_entropy(&rotation, &rotation_targets(BATCH), 4).0
            + mean_cross_entropy(&classes, &widen(&self.targets), self.member.classes).0
    }
}

/// The recorded network with its tensors.
struct Recorded {
    plan: Plan,
    forward: Program,
    backward: Program,
    inference: Program,
    gradients: Tensor,
    statistics: Tensor,
    embedding: Tensor,
    inferred: Tensor,
    logits: [Tensor; 2],
    d_logits: [Tensor; 2],
}

const ROTATED: Rows = Rows { first: 0, count: BATCH };
const CLASSIFIED: Rows = Rows { first: BATCH, count: BATCH };

fn record(case: &Case, accumulate: bool) -> Recorded {
    let n = &case.network;
    let mut b = PlanBuilder::new();
    b.poison_fresh_memory();
    let weights = b.persistent("weights", n.parameters.words());
    let gradients = b.persistent("gradients", n.parameters.words());
    let statistics = b.persistent("statistics", n.statistics.words());
    let mut input = n.input(&mut b, "input", 2 * BATCH);
    input.tensor = b.persistent("images", input.tensor.words());
    let heads = [(Head::Rotation, ROTATED, 4), (Head::Classify, CLASSIFIED, n.classes)];
    let keep = |b: &mut PlanBuilder, tensor: Tensor| {
        let kept = b.persistent("kept", tensor.words());
        b.copy(tensor, kept);
        kept
    };
    let d_logits = heads.map(|(_, rows, outputs)| b.persistent("d_logits", rows.count * outputs));

    let inferred = n.inference(&mut b, weights, statistics, input);
    let inferred = keep(&mut b, inferred);
    let inference = b.program(0);
    let mark = b.mark();
    let passes = StatGroups { count: 2, moving: Some(1) };
    let (pooled, tape) = n.forward(&mut b, weights, statistics, input, passes);
    let embedding = keep(&mut b, pooled);
    let logits = heads.map(|(head, rows, _)| {
        let logits = n.logits(&mut b, head, weights, pooled, rows);
        keep(&mut b, logits)
    });
    let forward = b.program(mark);
    let mark = b.mark();
    let d_embedding = b.tensor("d_embedding", 2 * BATCH * n.features);
    for ((head, rows, _), d) in heads.into_iter().zip(d_logits) {
        n.logits_backward(&mut b, head, [weights, gradients], pooled, d, rows, d_embedding, accumulate);
    }
    n.backward(&mut b, [weights, gradients, statistics], &tape, d_embedding, accumulate);
    let backward = b.program(mark);

    let plan = b.build(&GPU).unwrap();
    let packed =
        |set: &remixmatch::nn::ParameterSet, values: &[Vec<f32>]| set.pack(values.iter().map(Vec::as_slice));
    plan.write(&GPU, weights, &packed(&n.parameters, &case.weights));
    plan.write(&GPU, statistics, &packed(&n.statistics, &case.statistics));
    // With `accumulate` the gradients start at one, without they must not matter.
    let start = if accumulate { 1.0 } else { f32::NAN };
    plan.write(&GPU, gradients, &vec![start; n.parameters.words()]);
    let channels = case.member.image[2];
    let pixels = case.images.chunks_exact(channels);
    let padded: Vec<f32> = pixels.flat_map(|p| (0..4).map(|c| p.get(c).copied().unwrap_or(0.0))).collect();
    plan.write(&GPU, input.tensor, &padded);
    Recorded {
        plan,
        forward,
        backward,
        inference,
        gradients,
        statistics,
        embedding,
        inferred,
        logits,
        d_logits,
    }
}

impl Recorded {
    fn read(&self, tensor: Tensor) -> Vec<f32> {
        self.plan.read(&GPU, tensor).unwrap()
    }

    /// Runs forward, the losses on the host, and backward; the packed gradients.
    fn train(&self, case: &Case) -> Vec<f32> {
        self.plan.run(&GPU, self.forward);
        let targets = [(rotation_targets(BATCH), 4), (widen(&case.targets), case.member.classes)];
        for ((logits, d_logits), (targets, classes)) in self.logits.iter().zip(self.d_logits).zip(targets) {
            let (_, d) = mean_cross_entropy(&widen(&self.read(*logits)), &targets, classes);
            let d: Vec<f32> = d.into_iter().map(|d| d as f32).collect();
            self.plan.write(&GPU, d_logits, &d);
        }
        self.plan.run(&GPU, self.backward);
        self.read(self.gradients)
    }
}

fn check(member: Member, seed: u64) {
    let case = Case::new(member, seed);
    let name = |what: &str| format!("{what} of {member:?}");
    let p = case.tensors();
    let sizes: HashMap<String, usize> = p.iter().map(|(name, values)| (name.clone(), values.len())).collect();
    assert_eq!(sizes, case.reference.parameters(), "{}", name("names and sizes"));
    let r = record(&case, false);

    r.plan.run(&GPU, r.inference);
    let expected = case.reference.inference(&p, &case.moving(), &case.map());
    assert_close(&name("inference"), &r.read(r.inferred), &expected, FORWARD);

    let gradients = case.network.parameters.unpack(&r.train(&case));
    let f = case.reference.forward(&p, &case.map(), 2);
    assert_close(&name("embedding"), &r.read(r.embedding), &f.embedding, FORWARD);
    let statistics = case.network.statistics.unpack(&r.read(r.statistics));
    for (parameter, found) in case.network.statistics.list.iter().zip(statistics) {
        let (norm, part) = parameter.name.rsplit_once('.').unwrap();
        let expected = moved(&case.moving()[norm], &f.moments[norm][1]);
        let expected = if part == "mean" { expected.mean } else { expected.variance };
        assert_close(&name(&parameter.name), &found, &expected, FORWARD);
    }

    let (rotated, classified) = f.embedding.split_at(f.embedding.len() / 2);
    let mut d = Tensors::new();
    let mut d_embedding = Vec::new();
    let parts = [
        ("rotation", rotated, rotation_targets(BATCH), 4),
        ("classify", classified, widen(&case.targets), member.classes),
    ];
    for ((head, rows, targets, classes), found) in parts.into_iter().zip(r.logits) {
        let logits = case.reference.logits(&p, head, rows);
        assert_close(&name(head), &r.read(found), &logits, FORWARD);
        let (_, d_logits) = mean_cross_entropy(&logits, &targets, classes);
        d_embedding.extend(case.reference.logits_backward(&p, head, rows, &d_logits, &mut d));
    }
    case.reference.backward(&p, &f, &d_embedding, &mut d);
    for (parameter, found) in case.network.parameters.list.iter().zip(&gradients) {
        compare_gradient(&case, &name(&parameter.name), &parameter.name, found, &d);
    }

    // A few elements of every kind of tensor against differences of the loss itself.
    let mut random = Random::new(seed + 1);
    let first = "scale0.block0";
    let tensors = [
        "stem.kernel",
        &format!("{first}.bn1.gamma"),
        &format!("{first}.conv1.kernel"),
        "head.bn.beta",
        "classify.kernel",
        "rotation.bias",
    ];
    for tensor in tensors {
        let at = random.indices(2, p[tensor].len());
        let mut moved = p.clone();
        let differences = central(&p[tensor], &at, 1e-6, |v| {
            moved.insert(tensor.to_owned(), v.to_vec());
            case.reference_loss(&moved)
        });
        let position = case.network.parameters.list.iter().position(|q| q.name == tensor).unwrap();
        let scale = d[tensor].iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        let found: Vec<f64> =
            pick(&widen(&gradients[position]), &at).iter().map(|v| 1.0 + v / scale).collect();
        let expected: Vec<f64> = differences.iter().map(|v| 1.0 + v / scale).collect();
        assert_close_wide(&name(&format!("{tensor} by differences")), &found, &expected, GRADIENT);
    }
}

/// A bias straight before a batch norm has no effect: its gradient is rounding, measured against the
/// gradient of its kernel.
fn compare_gradient(case: &Case, name: &str, tensor: &str, found: &[f32], all: &Tensors) {
    let expected = &all[tensor];
    let largest = |values: &[f64]| values.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
    let kernel = tensor.strip_suffix(".bias").map(|layer| largest(&all[&format!("{layer}.kernel")]));
    match kernel {
        Some(scale) if largest(expected) < 1e-9 * scale => {
            let off = largest(&widen(found));
            assert!(
                off < GRADIENT * scale,
                "{name}: {off} where none is expected, seed of {:?}",
                case.member
            );
        }
        _ => assert_close(name, found, expected, GRADIENT),
    }
}

const SMALL: Member = Member {
    filters: 8,
    repeat: 1,
    scales: 2,
    stem_filters: 16,
    stem_stride: 1,
    image: [8, 8, 3],
    classes: 5,
};

#[test]
fn one_scale_of_one_block() {
    check(Member { scales: 1, ..SMALL }, 1);
}

#[test]
fn grey_images_of_odd_size() {
    check(Member { image: [9, 17, 1], ..SMALL }, 2);
}

#[test]
fn two_blocks_per_scale() {
    check(Member { repeat: 2, image: [11, 10, 3], classes: 10, ..SMALL }, 3);
}

#[test]
fn a_stem_of_stride_two() {
    check(Member { scales: 3, stem_stride: 2, image: [17, 16, 3], ..SMALL }, 4);
    check(Member { scales: 2, stem_stride: 2, image: [8, 9, 1], ..SMALL }, 5);
}

#[test]
fn three_scales() {
    check(Member { scales: 3, image: [17, 17, 3], ..SMALL }, 6);
}

/// Without a change of channels the very first block's shortcut is the activated input itself.
#[test]
fn a_first_block_without_a_shortcut_convolution() {
    check(Member { stem_filters: 8, repeat: 2, ..SMALL }, 7);
}

#[test]
fn accumulated_gradients_are_added() {
    let case = Case::new(SMALL, 8);
    let written = record(&case, false).train(&case);
    let added = record(&case, true).train(&case);
    for p in &case.network.parameters.list {
        let part = p.offset..p.offset + p.words;
        let expected: Vec<f64> = widen(&written[part.clone()]).iter().map(|g| g + 1.0).collect();
        assert_close(&p.name, &added[part], &expected, FORWARD);
    }
}

#[test]
fn equal_seeds_give_equal_bits() {
    let member = Member { scales: 3, image: [16, 17, 3], ..SMALL };
    let bits =
        |values: Vec<Vec<f32>>| -> Vec<u32> { values.into_iter().flatten().map(f32::to_bits).collect() };
    let gradient =
        |case: &Case, recorded: &Recorded| bits(case.network.parameters.unpack(&recorded.train(case)));
    let case = Case::new(member, 9);
    let recorded = record(&case, false);
    let first = gradient(&case, &recorded);
    assert!(first == gradient(&case, &recorded), "the same plan again");
    let again = Case::new(member, 9);
    assert!(first == gradient(&again, &record(&again, false)), "a new plan from the same seed");
    let other = Case::new(member, 10);
    assert!(first != gradient(&other, &record(&other, false)), "another seed");
}
