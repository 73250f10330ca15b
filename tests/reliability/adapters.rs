//! Every available adapter works, with no more than WebGPU's default limits.

use std::sync::Arc;

use pollster::block_on;
use remixmatch::data::SplitRule;
use remixmatch::gpu::{Gpu, GpuError, Kernel, PlanBuilder};
use remixmatch::train::{Capture, Config, Trainer};

use crate::small::{config, gpu, images, run, small_remixmatch};

fn instance() -> wgpu::Instance {
    wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle())
}

fn adapters() -> Vec<wgpu::Adapter> {
    let found = block_on(instance().enumerate_adapters(wgpu::Backends::all()));
    assert!(!found.is_empty(), "tests need an adapter");
    found
}

/// A device of the first adapter with these limits.
fn device_with(change: impl FnOnce(&mut wgpu::Limits)) -> Gpu {
    let adapter = adapters().swap_remove(0);
    let mut descriptor = Gpu::device_descriptor(&adapter);
    change(&mut descriptor.required_limits);
    let (device, queue) = block_on(adapter.request_device(&descriptor)).expect("a device");
    Gpu::adopt(&adapter, device, queue)
}

#[test]
fn devices_have_exactly_the_default_limits() {
    assert_eq!(gpu().limits(), wgpu::Limits::default());
}

#[test]
fn misaligned_bindings_are_errors() {
    let gpu = gpu();
    assert_eq!(gpu.limits().min_storage_buffer_offset_alignment, 256);
    let place = |word: usize| {
        let mut b = PlanBuilder::new();
        let [from, to] = ["from", "to"].map(|name| b.persistent(name, 256));
        let kernel = Kernel::new("nn/reduce", "sum_slices");
        b.dispatch(kernel, &[0u32, 16, 1, 0], &[from.slice(word, 64), to], [1, 1, 1]);
        b.build(&gpu).map(drop)
    };
    place(64).expect("a multiple of 256 bytes");
    // Most adapters allow it; a device with the default limits does not.
    let error = place(32).expect_err("128 bytes are not aligned");
    assert!(matches!(&error, GpuError::Adapter(text) if text.contains("256")), "{error}");
    // Every later wait reports the error.
    assert!(matches!(gpu.wait("later work"), Err(GpuError::Adapter(_))));
}

#[test]
fn coarser_alignment_is_a_named_error() {
    for change in [
        |limits: &mut wgpu::Limits| limits.min_storage_buffer_offset_alignment = 512,
        |limits: &mut wgpu::Limits| limits.min_uniform_buffer_offset_alignment = 512,
    ] {
        let gpu = device_with(change);
        let error = Trainer::new(Arc::new(gpu), config(small_remixmatch()), images(2, 40), Capture::State)
            .err()
            .expect("an error")
            .to_string();
        assert!(error.contains("multiples of 512 bytes") && error.contains("multiples of 256"), "{error}");
    }
}

/// Losses of the first step in the order x, u, u1, r, recorded on Mesa's software adapter.
const LOSSES: [f64; 4] = [0.671229, 0.693256, 0.753940, 1.934144];

/// Prints the available adapters, and trains on each that has the default limits. Only the first step is compared:
/// later ones amplify its rounding errors.
#[test]
fn every_adapter_gives_the_recorded_losses() {
    let mut trained = 0;
    for adapter in adapters() {
        let info = adapter.get_info();
        let name = format!("{:?}: {}", info.backend, info.name);
        match block_on(adapter.request_device(&Gpu::device_descriptor(&adapter))) {
            Err(error) => println!("{name}: no device with the default limits: {error}"),
            Ok((device, queue)) => {
                let gpu = Arc::new(Gpu::adopt(&adapter, device, queue));
                // The losses are those of the labelled images that this rule chooses.
                let split = SplitRule::Position;
                let first = Config { steps: 1, report_every: 1, split, ..config(small_remixmatch()) };
                let mut trainer = Trainer::new(gpu, first, images(2, 40), Capture::State)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                let losses =
                    run(&mut trainer).into_iter().flat_map(|report| report.losses.0.into_iter().flatten());
                let losses: Vec<f64> = losses.collect();
                println!("{name}: trained, losses {losses:.6?}");
                let near = losses.iter().zip(LOSSES).all(|(a, b)| (a - b).abs() <= 1e-4 * b.abs());
                assert!(losses.len() == LOSSES.len() && near, "{name}: {losses:?}, not {LOSSES:?}");
                trained += 1;
            }
        }
    }
    assert!(trained > 0, "no adapter has the default limits");
}
