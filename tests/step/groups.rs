//! Large steps do not fit one dispatch a layer: their passes run in groups, whose gradients are added up.

use remixmatch::augment::{AssembleRow, OpDraw, OpOptions, WeakDraw};
use remixmatch::gpu::Tensor;
use remixmatch::nn::initial_values;
use remixmatch::ssl::{Method, STATISTICS, StepBlock, ViewBlock};
use remixmatch::train::{Capture, Engine, Recording, RecordingOptions, engine_options};

use crate::compare::is_idle;
use crate::oracle::compare::assert_close;
use crate::oracle::random::{Random, widen};
use crate::pictures::{config, gpu, pictures};

/// What one step leaves behind.
struct Outcome {
    /// By parameter, those that only rounding moves left out.
    gradients: Vec<(String, Vec<f32>)>,
    moving: Vec<f32>,
    statistics: Vec<f32>,
    history: Vec<f32>,
}

fn step(network: &str, side: usize, passes_per_dispatch: usize) -> Outcome {
    let gpu = gpu();
    let mut config = config(Method { strong_views: 2, ..Method::remixmatch() }, 1);
    network.clone_into(&mut config.network);
    let data = pictures(side, 3);
    let options = engine_options(&config, &data, Capture::State).expect("a known network");
    let (network, layout, _) = Engine::plan(&gpu, &options).expect("the step fits");
    let mut recording = Recording::with_passes(
        &RecordingOptions {
            network: &network,
            method: &config.method,
            layout: &layout,
            optimiser: config.optimiser,
            augment: OpOptions::default(),
            capture: Capture::State,
        },
        passes_per_dispatch,
    );
    recording.builder.poison_fresh_memory();
    let (t, program) = (recording.tensors, recording.step);
    let plan = recording.builder.build(&gpu).expect("the step fits");

    let mut random = Random::new(9);
    let (b, views) = (layout.batch, layout.view_count());
    let noise = random.uniform(layout.source_count() * side * side * 3, 0.0, 255.0);
    let pixels: Vec<u32> = noise
        .chunks_exact(3)
        .map(|p| u32::from_le_bytes([p[0] as u8, p[1] as u8, p[2] as u8, 255]))
        .collect();
    plan.write(&gpu, t.sources, &pixels);
    let weak = |view| WeakDraw { source: layout.source_of(view) as u32, dx: view as i32 % 3, dy: 1, flip: 0 };
    plan.write(&gpu, t.weak_draws, &(0..views).map(weak).collect::<Vec<_>>());
    t.op_draws.iter().for_each(|draws| plan.write(&gpu, *draws, &vec![OpDraw::IDENTITY; views]));
    let plain = |view: usize, rotation: usize| AssembleRow {
        a: view as u32,
        b: view as u32,
        lambda: 1.0,
        rotation: rotation as u32,
    };
    let strong = layout.first_view(ViewBlock::Strong(1));
    let mut rows: Vec<_> = (0..b).map(|i| plain(strong + i, i / (b / 4))).collect();
    rows.extend((0..b).map(|i| plain(strong + i, 0)));
    let mixed = layout.mixed_images();
    rows.extend(layout.interleaved().into_iter().map(|m| AssembleRow {
        a: m as u32,
        b: (m * 5 % mixed) as u32,
        lambda: 0.75,
        rotation: 0,
    }));
    plan.write(&gpu, t.rows, &rows);
    plan.write(&gpu, t.view_rows, &(0..views).map(|view| plain(view, 0)).collect::<Vec<_>>());
    let labels: Vec<u32> = (0..b as u32).map(|i| i % 3).collect();
    plan.write(&gpu, t.labels, &labels);
    plan.write(&gpu, t.hidden, &labels);
    let block: StepBlock = config.schedule().block(2, &layout);
    plan.write(&gpu, t.step_block, &[block]);

    let values = initial_values(&network.parameters, 1);
    let weights = network.parameters.pack(values.iter().map(Vec::as_slice));
    let zeros = vec![0f32; weights.len()];
    let optimiser = t.optimiser;
    plan.write(&gpu, optimiser.decayed, &network.parameters.decay_blocks());
    let state = optimiser.state().map(|(_, tensor)| (tensor, &zeros));
    for (tensor, values) in
        [(optimiser.weights, &weights), (optimiser.ema, &weights)].into_iter().chain(state)
    {
        plan.write(&gpu, tensor, values);
    }
    let statistics = initial_values(&network.statistics, 1);
    plan.write(&gpu, t.moving, &network.statistics.pack(statistics.iter().map(Vec::as_slice)));
    plan.write(&gpu, t.alignment.history, &random.distributions(128, 3));
    plan.write(&gpu, t.alignment.label_distribution, &[0.5f32, 0.3, 0.2]);

    plan.run(&gpu, program);
    let read = |tensor: Tensor| plan.read::<f32>(&gpu, tensor).expect("the result comes back");
    let names = network.parameters.list.iter().map(|p| p.name.clone());
    let gradients = names.zip(network.parameters.unpack(&read(optimiser.gradients)));
    let gradients = gradients.filter(|(name, _)| !is_idle(name)).collect();
    let moving = network.statistics.unpack(&read(t.moving)).concat();
    let statistics = read(t.report.slice(0, STATISTICS));
    Outcome { gradients, moving, statistics, history: read(t.alignment.history) }
}

fn check(network: &str, side: usize, fewer: &[usize]) {
    // Rotation, pre-mixup and four mixed passes.
    let whole = step(network, side, 6);
    for passes_per_dispatch in fewer {
        let found = step(network, side, *passes_per_dispatch);
        let close = |name: &str, found: &[f32], expected: &[f32]| {
            assert_close(
                &format!("{name} of {network}, {passes_per_dispatch} passes per dispatch"),
                found,
                &widen(expected),
                1e-5,
            );
        };
        for ((name, found), (_, expected)) in found.gradients.iter().zip(&whole.gradients) {
            close(name, found, expected);
        }
        close("moving statistics", &found.moving, &whole.moving);
        close("statistics", &found.statistics, &whole.statistics);
        close("history", &found.history, &whole.history);
    }
}

#[test]
fn passes_per_dispatch_change_only_rounding() {
    check("wrn-10-1", 12, &[5, 4, 3, 2, 1]);
}

#[test]
fn passes_per_dispatch_of_lite0_change_only_rounding() {
    check("efficientnet-lite0", 32, &[4, 1]);
}
