//! What a run takes on the adapter: planned before it is allocated, and nothing more while it trains.

use pollster::block_on;
use std::sync::Arc;

use remixmatch::data::{DataSet, OpenOptions, open};
use remixmatch::gpu::{Gpu, GpuError, Sharing};
use remixmatch::ssl::Method;
use remixmatch::train::{Capture, Engine, EngineOptions, TrainError, Trainer, preset};

fn gpu() -> Gpu {
    Gpu::new_blocking().expect("tests need a WebGPU adapter")
}

/// Bytes that the adapter's allocator holds.
fn reserved(gpu: &Gpu) -> u64 {
    gpu.wait("the allocator to settle").expect("an adapter without faults");
    gpu.device.generate_allocator_report().expect("this backend reports its allocations").total_reserved_bytes
}

/// The engine of a preset for images `image` in ten classes.
fn options(name: &str, image: [usize; 3]) -> EngineOptions {
    let config = preset(name, None).expect("the preset exists").config;
    EngineOptions {
        architecture: config.architecture().expect("the preset's network"),
        image,
        classes: 10,
        method: config.method,
        batch: config.batch,
        optimiser: config.optimiser,
        norm_momentum: config.norm_momentum,
        precision: config.precision,
        freeze: config.freeze,
        augment: config.augment,
        capture: Capture::State,
    }
}

#[test]
fn the_papers_step_needs_under_2_gib() {
    let gpu = gpu();
    let options = options("paper-cifar10", [32, 32, 3]);
    assert_eq!((options.batch, options.method.strong_views), (64, 8));
    let before = reserved(&gpu);
    let (network, layout, recording) = Engine::plan(&gpu, &options).expect("a plan");
    assert_eq!(reserved(&gpu), before);
    assert_eq!(network.parameters.count(), 1_470_158);
    assert_eq!(layout.passes.len(), 12);
    let memory = recording.memory();
    assert!(memory.total() < 2 << 30, "{memory:?}");
    assert!(memory.transient_unshared > 4 * memory.transient, "slots are shared: {memory:?}");
}

/// Where the memory is too small for a plan, fewer passes share a dispatch; below one, the error says what to do.
#[test]
fn missing_memory_halves_the_passes() {
    let mut options = options("digits", [8, 8, 1]);
    options.method.strong_views = 8;
    let whole = Engine::new(&gpu(), &options).expect("an engine");
    let passes = whole.passes_per_dispatch;
    assert_eq!(passes, 12);
    let mut limit = whole.memory().total();
    for expected in [6, 3, 2, 1] {
        let engine = Engine::new(&gpu().with_memory_limit(limit - 1), &options).expect("an engine");
        assert_eq!(engine.passes_per_dispatch, expected, "below {limit} bytes");
        limit = engine.memory().total();
    }
    let error = Engine::new(&gpu().with_memory_limit(limit - 1), &options).err().expect("an error");
    assert!(matches!(error, TrainError::Gpu(GpuError::OutOfMemory { .. })), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("{limit} bytes")) && text.contains("smaller batch"), "{text}");
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
