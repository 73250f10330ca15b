//! A small EfficientNet-Lite, forward and backward, against the f64 reference and central differences. The loss is the embedding
//! times random numbers: the heads are those of the Wide ResNet.

use std::collections::HashMap;

use remixmatch::gpu::{Plan, PlanBuilder, Program, Tensor};
use remixmatch::nn::{
    Architecture, ConvTiling, EfficientNetLite, LiteStage, Network, ParameterSet, StatGroups,
};

use crate::harness::GPU;
use crate::oracle::Map;
use crate::oracle::compare::{assert_close, assert_close_wide};
use crate::oracle::difference::{central, dot, pick};
use crate::oracle::efficientnet_lite::{Network as Reference, Stage};
use crate::oracle::norm::{Moments, moved};
use crate::oracle::random::{Random, widen};
use crate::oracle::wide_resnet::Tensors;

const FORWARD: f64 = 1e-5;
const GRADIENT: f64 = 1e-3;
/// Images of a pass, of which there are two.
const BATCH: usize = 4;

/// A network with random weights, on the adapter and in the reference.
struct Case {
    network: Network,
    reference: Reference,
    weights: Vec<Vec<f32>>,
    statistics: Vec<Vec<f32>>,
    images: Vec<f32>,
    d_embedding: Vec<f32>,
}

impl Case {
    fn new(stages: &[Stage], [height, width]: [usize; 2], tiling: ConvTiling, seed: u64) -> Self {
        let of = |s: &Stage| LiteStage {
            expand: s.expand,
            filters: s.filters,
            repeat: s.repeat,
            stride: s.stride,
            kernel: s.kernel,
        };
        let settings =
            EfficientNetLite { stem_filters: 8, stages: stages.iter().map(of).collect(), features: 24 };
        let architecture = Architecture::EfficientNetLite(settings);
        let network = Network::new(&architecture, [height, width, 3], 5, tiling).unwrap();
        let reference = Reference { stem_filters: 8, stages: stages.to_vec(), features: 24 };
        let mut random = Random::new(seed);
        let weights = network.parameters.list.iter().map(|p| match p.shape[..] {
            [kh, kw, inputs, 1] => random.normal(kh * kw * inputs, (1.5 / (kh * kw) as f64).sqrt()),
            [kh, kw, inputs, _] => random.normal(p.elements(), (1.5 / (kh * kw * inputs) as f64).sqrt()),
            _ if p.name.ends_with(".gamma") => random.uniform(p.elements(), 0.5, 2.5),
            _ => random.normal(p.elements(), 0.5),
        });
        let weights = weights.collect();
        let statistics = network.statistics.list.iter().map(|p| match p.name.ends_with(".mean") {
            true => random.normal(p.elements(), 0.5),
            false => random.uniform(p.elements(), 0.5, 2.0),
        });
        let statistics = statistics.collect();
        let images = random.uniform(2 * BATCH * height * width * 3, -1.0, 1.0);
        let d_embedding = random.normal(2 * BATCH * network.features, 1.0);
        Self { network, reference, weights, statistics, images, d_embedding }
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
        self.reference.norms().into_iter().map(|name| (name.clone(), both(&name))).collect()
    }

    fn map(&self) -> Map {
        Map::new([2 * BATCH, self.network.height, self.network.width, 3], widen(&self.images))
    }

    fn loss(&self, p: &Tensors) -> f64 {
        dot(&self.reference.forward(p, &self.map(), 2).embedding, &widen(&self.d_embedding))
    }
}

/// The recorded network with its tensors.
struct Recorded {
    plan: Plan,
    inference: Program,
    training: Program,
    gradients: Tensor,
    statistics: Tensor,
    embedding: Tensor,
    inferred: Tensor,
}

impl Recorded {
    fn new(case: &Case, accumulate: bool) -> Self {
        let n = &case.network;
        let mut b = PlanBuilder::new();
        b.poison_fresh_memory();
        let weights = b.persistent("weights", n.parameters.words());
        let gradients = b.persistent("gradients", n.parameters.words());
        let statistics = b.persistent("statistics", n.statistics.words());
        let mut input = n.input(&mut b, "input", 2 * BATCH);
        input.tensor = b.persistent("images", input.tensor.words());
        let d_embedding = b.persistent("d_embedding", case.d_embedding.len());
        let keep = |b: &mut PlanBuilder, tensor: Tensor| {
            let kept = b.persistent("kept", tensor.words());
            b.copy(tensor, kept);
            kept
        };
        let inferred = n.inference(&mut b, weights, statistics, input);
        let inferred = keep(&mut b, inferred);
        let inference = b.program(0);
        let mark = b.mark();
        let groups = StatGroups { count: 2, moving: Some(1) };
        let (pooled, tape) = n.forward(&mut b, weights, statistics, input, groups);
        let embedding = keep(&mut b, pooled);
        n.backward(&mut b, [weights, gradients, statistics], &tape, d_embedding, accumulate);
        let training = b.program(mark);

        let plan = b.build(&GPU).unwrap();
        let packed = |set: &ParameterSet, values: &[Vec<f32>]| set.pack(values.iter().map(Vec::as_slice));
        plan.write(&GPU, weights, &packed(&n.parameters, &case.weights));
        plan.write(&GPU, statistics, &packed(&n.statistics, &case.statistics));
        // With `accumulate` the gradients start at one, without they must not matter.
        let start = if accumulate { 1.0 } else { f32::NAN };
        plan.write(&GPU, gradients, &vec![start; n.parameters.words()]);
        let pixels = case.images.as_chunks::<3>().0.iter();
        let padded: Vec<f32> = pixels.flat_map(|[r, g, b]| [*r, *g, *b, 0.0]).collect();
        plan.write(&GPU, input.tensor, &padded);
        plan.write(&GPU, d_embedding, &case.d_embedding);
        Self { plan, inference, training, gradients, statistics, embedding, inferred }
    }

    fn run(&self, program: Program, tensor: Tensor) -> Vec<f32> {
        self.plan.run(&GPU, program);
        self.plan.read(&GPU, tensor).unwrap()
    }
}

fn is_head(name: &str) -> bool {
    name.starts_with("classify.") || name.starts_with("rotation.")
}

fn check(stages: &[Stage], size: [usize; 2], seed: u64) {
    let case = Case::new(stages, size, ConvTiling::REGISTER, seed);
    let name = |what: &str| format!("{what} of {stages:?} on {size:?}");
    let p = case.tensors();
    let sizes: HashMap<String, usize> = p
        .iter()
        .filter(|(name, _)| !is_head(name))
        .map(|(name, values)| (name.clone(), values.len()))
        .collect();
    assert_eq!(sizes, case.reference.parameters(), "{}", name("names and sizes"));
    let r = Recorded::new(&case, false);
    let expected = case.reference.inference(&p, &case.moving(), &case.map());
    assert_close(&name("inference"), &r.run(r.inference, r.inferred), &expected, FORWARD);

    let f = case.reference.forward(&p, &case.map(), 2);
    let gradients = case.network.parameters.unpack(&r.run(r.training, r.gradients));
    let embedding = r.plan.read::<f32>(&GPU, r.embedding).unwrap();
    assert_close(&name("embedding"), &embedding, &f.embedding, FORWARD);
    let statistics = case.network.statistics.unpack(&r.plan.read(&GPU, r.statistics).unwrap());
    for (parameter, found) in case.network.statistics.list.iter().zip(statistics) {
        let (norm, part) = parameter.name.rsplit_once('.').unwrap();
        let expected = moved(&case.moving()[norm], &f.moments[norm][1]);
        let expected = if part == "mean" { expected.mean } else { expected.variance };
        assert_close(&name(&parameter.name), &found, &expected, FORWARD);
    }
    let d = case.reference.backward(&p, &f, &widen(&case.d_embedding));
    let found: HashMap<&str, &Vec<f32>> =
        case.network.parameters.list.iter().map(|p| p.name.as_str()).zip(&gradients).collect();
    for (parameter, expected) in &d {
        let found = found[parameter.as_str()];
        let largest = |values: &[f64]| values.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        // A shift before a 1x1 convolution and a batch norm has no effect: its gradient is rounding, measured against that of
        // the scale beside it.
        let beside = parameter.strip_suffix(".beta").map(|norm| largest(&d[&format!("{norm}.gamma")]));
        match beside {
            Some(scale) if largest(expected) < 1e-9 * scale => {
                let off = largest(&widen(found));
                assert!(off < GRADIENT * scale, "{}: {off} where none is expected", name(parameter));
            }
            _ => assert_close(&name(parameter), found, expected, GRADIENT),
        }
    }

    // A few elements of every kind of tensor against differences of the loss itself.
    let mut random = Random::new(seed + 1);
    for tensor in [
        "conv_stem.kernel",
        "bn1.gamma",
        "blocks.0.0.conv_dw.kernel",
        "blocks.0.0.bn1.beta",
        "blocks.1.0.conv_pw.kernel",
        "blocks.1.0.conv_dw.kernel",
        "blocks.1.0.conv_pwl.kernel",
        "blocks.1.0.bn3.gamma",
        "conv_head.kernel",
        "bn2.beta",
    ] {
        let at = random.indices(2, p[tensor].len());
        let mut moved = p.clone();
        let differences = central(&p[tensor], &at, 1e-6, |v| {
            moved.insert(tensor.to_owned(), v.to_vec());
            case.loss(&moved)
        });
        let scale = d[tensor].iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        let shifted = |values: Vec<f64>| values.iter().map(|v| 1.0 + v / scale).collect::<Vec<f64>>();
        let found = shifted(pick(&widen(found[tensor]), &at));
        let name = name(&format!("{tensor} by differences"));
        assert_close_wide(&name, &found, &shifted(differences), GRADIENT);
    }
}

const fn stage([expand, filters, repeat, stride, kernel]: [usize; 5]) -> Stage {
    Stage { expand, filters, repeat, stride, kernel }
}

/// Every kind of block: without expansion, with a residual, and both kernels at both strides.
const STAGES: [Stage; 4] =
    [stage([1, 16, 1, 1, 3]), stage([3, 16, 2, 2, 5]), stage([2, 16, 1, 1, 3]), stage([2, 24, 2, 2, 3])];

#[test]
fn a_small_network_matches_the_reference() {
    check(&STAGES[..2], [16, 16], 1);
    check(&STAGES, [32, 32], 2);
}

#[test]
fn odd_sizes_match_the_reference() {
    check(&STAGES[..3], [17, 9], 3);
    check(&[stage([1, 16, 1, 2, 5]), stage([6, 16, 2, 1, 5])], [8, 21], 4);
}

#[test]
fn gradients_of_several_dispatches_are_added() {
    let case = Case::new(&STAGES, [16, 18], ConvTiling::REGISTER, 5);
    let [written, added] = [false, true].map(|accumulate| {
        let recorded = Recorded::new(&case, accumulate);
        recorded.run(recorded.training, recorded.gradients)
    });
    for p in case.network.parameters.list.iter().filter(|p| !is_head(&p.name)) {
        let part = p.offset..p.offset + p.words;
        let expected: Vec<f64> = widen(&written[part.clone()]).iter().map(|g| g + 1.0).collect();
        assert_close(&p.name, &added[part], &expected, FORWARD);
    }
}

#[test]
fn smaller_dispatches_give_the_same_bits() {
    let whole = Case::new(&STAGES, [32, 32], ConvTiling::REGISTER, 6);
    let tiling = ConvTiling { macs_at_once: Some(20_000), ..ConvTiling::REGISTER };
    let small = Case::new(&STAGES, [32, 32], tiling, 6);
    let [(whole_count, whole), (small_count, small)] = [whole, small].map(|case| {
        let r = Recorded::new(&case, false);
        let inferred = r.run(r.inference, r.inferred);
        let gradients = case.network.parameters.unpack(&r.run(r.training, r.gradients));
        let named = case.network.parameters.list.iter().zip(gradients);
        let of_layers = named.filter(|(p, _)| !is_head(&p.name)).flat_map(|(_, values)| values);
        let found: Vec<f32> = inferred.into_iter().chain(of_layers).collect();
        (r.plan.dispatches(r.training), found.into_iter().map(f32::to_bits).collect::<Vec<_>>())
    });
    assert!(small_count > whole_count + 20, "{small_count} dispatches for {whole_count}");
    assert!(whole == small);
}
