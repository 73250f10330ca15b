//! Frozen layers: their bits, the gradients of the others, memory, and resumed runs.

use std::path::Path;
use std::sync::Arc;

use pollster::block_on;
use remixmatch::gpu::{Gpu, PlanBuilder};
use remixmatch::nn::{
    Architecture, ConvTiling, EfficientNetLite, Freeze, Head, LiteStage, Network, Rows, StatGroups,
    WideResNet, initial_values,
};
use remixmatch::train::{Capture, Checkpoint, Config, Precision, Trainer};

use crate::small::{config, gpu, images, small_remixmatch};

const BATCH: usize = 4;

/// Gradients of the trainable parameters by name, for statistics that are those of the batch, and the transient bytes.
fn gradients(gpu: &Gpu, architecture: &Architecture, freeze: &Freeze) -> (Vec<(String, Vec<f32>)>, u64) {
    let mut n = Network::new(architecture, [16, 16, 3], 3, ConvTiling::REGISTER).expect("a network");
    n.momentum = 0.0;
    let mut b = PlanBuilder::new();
    let weights = b.persistent("weights", n.parameters.words());
    let moving = b.persistent("statistics", n.statistics.words());
    let mut input = n.input(&mut b, "input", BATCH);
    input.tensor = b.persistent("images", input.tensor.words());
    let all = Rows { first: 0, count: BATCH };
    // Without memory of older values the moving statistics become those of the batch.
    n.forward(&mut b, weights, moving, input, StatGroups { count: 1, moving: Some(0) });
    let settle = b.program(0);
    n.freeze(freeze).expect("a stage");
    let packed = b.persistent("gradients", n.trainable.words());
    let d_logits = b.persistent("d_logits", BATCH * 3);
    let mark = b.mark();
    let (embedding, tape) = n.forward(&mut b, weights, moving, input, StatGroups { count: 1, moving: None });
    n.logits(&mut b, Head::Classify, weights, embedding, all);
    let d_embedding = b.tensor("d_embedding", BATCH * n.features);
    n.logits_backward(
        &mut b,
        Head::Classify,
        [weights, packed],
        embedding,
        d_logits,
        all,
        d_embedding,
        false,
    );
    n.backward(&mut b, [weights, packed, moving], &tape, d_embedding, false);
    let train = b.program(mark);
    let transient = b.memory().transient_unshared;
    let plan = b.build(gpu).expect("a plan");
    let values = initial_values(&n.parameters, 5);
    plan.write(gpu, weights, &n.parameters.pack(values.iter().map(Vec::as_slice)));
    let pixel = |i: usize| if i % 4 == 3 { 0.0 } else { ((i * 37 + i / 64 * 11) % 101) as f32 / 50.0 - 1.0 };
    plan.write(gpu, input.tensor, &(0..input.tensor.words()).map(pixel).collect::<Vec<_>>());
    plan.write(gpu, d_logits, &(0..BATCH * 3).map(|i| (i % 5) as f32 / 4.0 - 0.5).collect::<Vec<_>>());
    plan.run(gpu, settle);
    plan.run(gpu, train);
    let unpacked = n.trainable.unpack(&plan.read(gpu, packed).expect("gradients"));
    let names = n.trainable.list.iter().map(|p| p.name.clone());
    (names.zip(unpacked).filter(|(name, _)| !name.starts_with("rotation.")).collect(), transient)
}

#[test]
fn gradients_behind_frozen_layers_stay_the_same() {
    let gpu = gpu();
    let wide = WideResNet { filters: 8, repeat: 2, scales: Some(2), stem_filters: 8, stem_stride: 1 };
    let stage =
        |expand, filters, repeat, stride, kernel| LiteStage { expand, filters, repeat, stride, kernel };
    let stages = vec![stage(1, 16, 1, 1, 3), stage(2, 16, 2, 2, 5), stage(2, 16, 1, 1, 3)];
    let lite = EfficientNetLite { stem_filters: 8, stages, features: 32 };
    for architecture in [Architecture::WideResNet(wide), Architecture::EfficientNetLite(lite)] {
        let (expected, mut memory) = gradients(&gpu, &architecture, &Freeze::None);
        let stages = architecture.stages([16, 16, 3]);
        for freeze in stages.into_iter().map(Freeze::Stage).chain([Freeze::All]) {
            let (found, transient) = gradients(&gpu, &architecture, &freeze);
            assert!(found.len() < expected.len(), "{freeze}: frozen layers have no gradients");
            assert!(transient < memory, "{freeze}: {transient} bytes, {memory} before");
            memory = transient;
            for ((name, a), (other, b)) in found.iter().zip(&expected[expected.len() - found.len()..]) {
                assert_eq!(name, other, "{freeze}");
                let scale = b.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
                let error = a.iter().zip(b).fold(0f32, |most, (x, y)| most.max((x - y).abs()));
                assert!(error <= 1e-3 * scale, "{freeze}: {name} differs by {error} of {scale}");
            }
            let heads = found.iter().filter(|(name, _)| name.starts_with("classify."));
            assert!(
                heads.count() == 2
                    && found
                        .iter()
                        .all(|(name, g)| !name.ends_with(".kernel") || g.iter().any(|x| *x != 0.0)),
                "{freeze}"
            );
        }
    }
}

/// Trains four steps from `init`: the state after the first two, and at the end.
fn train(gpu: &Arc<Gpu>, config: &Config) -> (Trainer, Checkpoint) {
    let mut trainer =
        Trainer::new(Arc::clone(gpu), config.clone(), images(2, 40), Capture::State).expect("a trainer");
    let first = block_on(trainer.checkpoint()).expect("a checkpoint");
    for _ in 0..2 {
        block_on(trainer.step()).expect("a step");
    }
    (trainer, first)
}

fn go_on(trainer: &mut Trainer) -> Checkpoint {
    for _ in 0..2 {
        block_on(trainer.step()).expect("a step");
    }
    block_on(trainer.checkpoint()).expect("a checkpoint")
}

fn first_weights(gpu: &Arc<Gpu>, path: &Path) -> Option<String> {
    let config = config(small_remixmatch());
    let (mut trainer, _) = train(gpu, &config);
    block_on(trainer.save(path)).expect("a checkpoint");
    Some(path.to_string_lossy().into_owned())
}

#[test]
fn frozen_layers_keep_their_bits_when_resumed() {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let init = first_weights(&gpu, &folder.path().join("init.safetensors"));
    let cases = [("none", Precision::Single), ("stem", Precision::Single), ("scale0", Precision::Mixed)];
    for (freeze, precision) in
        cases.into_iter().chain([("all", Precision::Single), ("all", Precision::Mixed)])
    {
        if precision == Precision::Mixed && !gpu.features.contains(wgpu::Features::SHADER_F16) {
            continue;
        }
        let freeze: Freeze = freeze.parse().expect("any name is one");
        let config =
            Config { init: init.clone(), freeze: freeze.clone(), precision, ..config(small_remixmatch()) };
        let (mut unbroken, first) = train(&gpu, &config);
        let path = folder.path().join("model.safetensors");
        block_on(unbroken.save(&path)).expect("a checkpoint");
        let mut resumed =
            Trainer::resume(Arc::clone(&gpu), config.clone(), images(2, 40), &path, Capture::State)
                .expect("a resumed trainer");
        let (last, other) = (go_on(&mut unbroken), go_on(&mut resumed));
        assert_eq!((&last.weights, &last.ema), (&other.weights, &other.ema), "{freeze}");
        assert_eq!((&last.optimiser, &last.statistics), (&other.optimiser, &other.statistics), "{freeze}");
        let network = &unbroken.engine.network;
        let frozen = network.parameters.list.len() - network.trainable.list.len();
        assert_eq!(frozen == 0, freeze.is_none());
        assert_eq!(last.weights[..frozen], first.weights[..frozen], "{freeze}");
        assert_eq!(last.ema[..frozen], first.ema[..frozen], "{freeze}");
        for moments in &last.optimiser {
            assert_eq!(
                moments.len(),
                network.trainable.list.len(),
                "{freeze}: frozen weights have no moments"
            );
        }
        for (i, parameter) in network.parameters.list.iter().enumerate().skip(frozen) {
            let moved = last.weights[i] != first.weights[i];
            assert!(moved || !parameter.decay, "{freeze}: {}", parameter.name);
        }
        let norm = |name: &str| name.rsplit_once('.').map_or("", |(layer, _)| layer).to_owned();
        let trained: Vec<String> = network.trainable.list.iter().map(|p| norm(&p.name)).collect();
        for (i, statistic) in network.statistics.list.iter().enumerate() {
            let moves = trained.contains(&norm(&statistic.name));
            assert_eq!(last.statistics[i] != first.statistics[i], moves, "{freeze}: {}", statistic.name);
        }
    }
}
