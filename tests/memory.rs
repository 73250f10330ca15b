//! What a run takes on the adapter: planned before it is allocated, and nothing more while it trains.

use pollster::block_on;
use std::sync::Arc;

use remixmatch::data::{DataSet, OpenOptions, open};
use remixmatch::gpu::{Gpu, Sharing};
use remixmatch::ssl::Method;
use remixmatch::train::{Capture, Engine, EngineOptions, Trainer, preset};

fn gpu() -> Gpu {
    Gpu::new_blocking().expect("tests need a WebGPU adapter")
}

/// Bytes that the adapter's allocator holds.
fn reserved(gpu: &Gpu) -> u64 {
    gpu.wait("the allocator to settle").expect("an adapter without faults");
    gpu.device.generate_allocator_report().expect("this backend reports its allocations").total_reserved_bytes
}

#[test]
fn the_papers_step_needs_under_2_gib() {
    let gpu = gpu();
    let config = preset("paper-cifar10", None).expect("the preset exists").config;
    assert_eq!((config.batch, config.method.strong_views), (64, 8));
    let options = EngineOptions {
        architecture: config.architecture().expect("the paper's network"),
        image: [32, 32, 3],
        classes: 10,
        method: config.method,
        batch: config.batch,
        optimiser: config.optimiser,
        norm_momentum: config.norm_momentum,
        augment: config.augment,
        capture: Capture::State,
    };
    let before = reserved(&gpu);
    let (network, layout, recording) = Engine::plan(&gpu, &options).expect("a plan");
    assert_eq!(reserved(&gpu), before);
    assert_eq!(network.parameters.count(), 1_470_158);
    assert_eq!(layout.passes.len(), 12);
    let memory = recording.memory();
    assert!(memory.total() < 2 << 30, "{memory:?}");
    assert!(memory.transient_unshared > 4 * memory.transient, "slots are shared: {memory:?}");
}

#[test]
fn training_allocates_nothing_after_the_first_steps() {
    let gpu = Arc::new(gpu());
    let mut config = preset("digits", None).expect("the preset exists").config;
    config.batch = 4;
    config.method = Method { strong_views: 1, ..config.method };
    let data: Arc<DataSet> =
        Arc::new(open("builtin:digits", &OpenOptions::default()).expect("built-in data"));
    let mut trainer = Trainer::new(Arc::clone(&gpu), config, data, Capture::State).expect("a trainer");
    let mut train = |steps: u64| {
        for _ in 0..steps {
            block_on(trainer.step()).expect("a step");
        }
        block_on(trainer.drain()).expect("results");
    };
    train(4);
    let early = reserved(&gpu);
    train(40);
    assert_eq!(reserved(&gpu), early);
}

#[test]
fn subgroups_of_eight_decide_the_default_tile() {
    let gpu = gpu();
    assert_eq!(gpu.tiling.sharing == Sharing::Subgroup(8), gpu.has_subgroups_of(8));
    assert_eq!(gpu.tilings()[0], gpu.tiling);
}
