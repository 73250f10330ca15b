//! The runtime: planned memory, checks before any allocation, readback, single kernels.

mod harness;

use pollster::block_on;
use std::time::{Duration, Instant};

use harness::GPU;
use remixmatch::gpu::{
    Arg, GpuError, Kernel, Lifetime, PlanBuilder, Profiler, ReadbackRing, Tensor, assign_slots, groups_1d,
    groups_for_items, run_once, shader_source,
};

/// Records `to = from` by a sum over one slice.
fn pass_on(b: &mut PlanBuilder, from: Tensor, to: Tensor) {
    let vec4s = from.words() / 4;
    let groups = groups_for_items(vec4s, 64);
    b.dispatch(Kernel::new("nn/reduce", "sum_slices"), &[0, vec4s as u32, 1, 0], &[from, to], groups);
}

/// A chain of `length` copies through transient tensors: `(first, last)`, both persistent.
fn chain(b: &mut PlanBuilder, length: usize, words: usize) -> (Tensor, Tensor) {
    let first = b.persistent("first", words);
    let mut from = first;
    for i in 0..length {
        let to = b.tensor(format!("link {i}"), words);
        pass_on(b, from, to);
        from = to;
    }
    let last = b.persistent("last", words);
    pass_on(b, from, last);
    (first, last)
}

#[test]
fn tensors_with_disjoint_lifetimes_share_memory() {
    let life = |bytes, ops| Lifetime { bytes, ops };
    // The small one fits where the large one was; the one that meets both does not.
    let (slot, bytes) = assign_slots(&[life(4096, 0..=1), life(1024, 2..=3), life(2048, 1..=2)]);
    assert_eq!(slot[0], slot[1]);
    assert_ne!(slot[0], slot[2]);
    assert_eq!(bytes, [4096, 2048]);
    // Of two free slots the smaller one is taken.
    let (slot, bytes) = assign_slots(&[life(4096, 0..=1), life(1024, 0..=1), life(512, 2..=2)]);
    assert_eq!(slot[2], slot[1]);
    assert_eq!(bytes.iter().sum::<u64>(), 5120);
    assert_eq!(assign_slots(&[]), (vec![], vec![]));
}

#[test]
fn memory_is_planned_before_allocation() {
    const WORDS: usize = 1024;
    let mut b = PlanBuilder::new();
    b.tensor("never used", 1 << 20);
    let (first, last) = chain(&mut b, 10, WORDS);
    let planned = b.memory();
    assert_eq!(planned.persistent, 2 * WORDS as u64 * 4);
    assert_eq!(planned.transient, 2 * WORDS as u64 * 4, "a chain needs two slots");
    assert_eq!(planned.transient_unshared, 10 * WORDS as u64 * 4);
    assert_eq!(planned.uniforms, 11 * 256);
    assert_eq!(planned.total(), planned.persistent + planned.transient + planned.uniforms);
    let program = b.program(0);
    let plan = b.build(&GPU).unwrap();
    assert_eq!(*plan.memory(), planned);
    assert_eq!((program.len(), plan.dispatches(program)), (11, 11));
    let content: Vec<u32> = (0..WORDS as u32).map(|i| (i as f32).to_bits()).collect();
    plan.write(&GPU, first, &content);
    plan.run(&GPU, program);
    assert_eq!(plan.read::<u32>(&GPU, last).unwrap(), content);
}

#[test]
fn plans_beyond_the_limits_are_named_errors() {
    let mut b = PlanBuilder::new();
    let (_, _) = chain(&mut b, 3, 1 << 34);
    assert_eq!(b.memory().total(), 4 * (4 << 34) + 4 * 256);
    let text = b.check(&GPU).unwrap_err().to_string();
    for part in ["'first'", "68719476736", "134217728", "smaller"] {
        assert!(text.contains(part), "'{text}' lacks {part}");
    }
}

#[test]
fn new_memory_is_poisoned_on_request() {
    let mut b = PlanBuilder::new();
    b.poison_fresh_memory();
    let unwritten = b.tensor("unwritten", 64);
    let (cleared, copied) = (b.tensor("cleared", 64), b.persistent("copied", 64));
    let seen = b.persistent("seen", 64);
    b.copy(unwritten, seen);
    b.clear(cleared);
    b.copy(cleared, copied);
    let program = b.program(0);
    let plan = b.build(&GPU).unwrap();
    plan.run(&GPU, program);
    assert!(plan.read::<f32>(&GPU, seen).unwrap().iter().all(|v| v.is_nan()));
    assert!(plan.read::<f32>(&GPU, copied).unwrap().iter().all(|v| *v == 0.0));
}

#[test]
fn slices_are_written_copied_and_cleared_separately() {
    let mut b = PlanBuilder::new();
    let whole = b.persistent("whole", 256);
    let other = b.persistent("other", 64);
    b.copy(whole.slice(64, 64), other);
    b.clear(whole.slice(128, 64));
    let program = b.program(0);
    let plan = b.build(&GPU).unwrap();
    plan.write(&GPU, whole, &(0..256).collect::<Vec<u32>>());
    plan.write(&GPU, whole.slice(3, 1), &[77u32]);
    // Five bytes: a whole word and a part of one.
    plan.write(&GPU, whole.slice(192, 2), &[1u8, 0, 0, 0, 2]);
    plan.run(&GPU, program);
    let found: Vec<u32> = plan.read(&GPU, whole).unwrap();
    let expected = (0..256u32).map(|i| match i {
        3 => 77,
        128..192 => 0,
        192 => 1,
        193 => 2,
        _ => i,
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_eq!(plan.read::<u32>(&GPU, other).unwrap(), (64..128).collect::<Vec<_>>());
    assert_eq!(plan.read::<u32>(&GPU, whole.slice(200, 3)).unwrap(), [200, 201, 202]);
}

#[test]
#[should_panic(expected = "slice 200+64 of a tensor of 256 words")]
fn slices_outside_their_tensor_panic() {
    PlanBuilder::new().persistent("whole", 256).slice(200, 64);
}

#[test]
fn readbacks_arrive_in_order() {
    const DEPTH: usize = 3;
    let mut b = PlanBuilder::new();
    let (first, last) = chain(&mut b, 1, 64);
    let program = b.program(0);
    let plan = b.build(&GPU).unwrap();
    let mut ring = ReadbackRing::new(&GPU, DEPTH, 64 + 1);
    assert!(block_on(ring.next(&GPU)).unwrap().is_none());
    let send = |ring: &mut ReadbackRing, tag: u64| {
        plan.write(&GPU, first, &[tag as f32; 64]);
        plan.run(&GPU, program);
        ring.send(&GPU, &plan, tag, &[last, first.slice(0, 1)]);
    };
    let check = |(tag, words): (u64, Vec<u32>)| {
        assert_eq!(words, [(tag as f32).to_bits(); 65], "result {tag}");
        tag
    };
    let mut taken = Vec::new();
    for tag in 1..=10 {
        if !ring.has_room() {
            assert_eq!(ring.in_flight(), DEPTH);
            taken.push(check(block_on(ring.next(&GPU)).unwrap().expect("three are under way")));
        }
        send(&mut ring, tag);
    }
    let start = Instant::now();
    while ring.in_flight() > 0 {
        taken.extend(block_on(ring.next(&GPU)).unwrap().map(check));
        assert!(start.elapsed() < Duration::from_secs(60), "results never arrived");
    }
    assert_eq!(taken, (1..=10).collect::<Vec<_>>());
    assert!(ring.has_room());
}

#[test]
#[should_panic(expected = "takes results before it sends more")]
fn a_full_readback_ring_panics() {
    let mut b = PlanBuilder::new();
    let (first, _) = chain(&mut b, 1, 64);
    let plan = b.build(&GPU).unwrap();
    let mut ring = ReadbackRing::new(&GPU, 1, 64);
    ring.send(&GPU, &plan, 0, &[first]);
    assert!(!ring.has_room());
    ring.send(&GPU, &plan, 1, &[first]);
}

#[test]
fn run_once_reads_back_its_outputs() {
    let source = [1.0f32, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0];
    let old = [0.5f32; 4];
    let kernel = || Kernel::new("nn/reduce", "sum_slices");
    let floats = |words: &[u32]| -> Vec<f32> { words.iter().copied().map(f32::from_bits).collect() };
    let args = [Arg::input(&source), Arg::Out(8)];
    let out = run_once(&GPU, kernel(), &[0u32, 1, 2, 0], &args, [1, 1, 1]).unwrap();
    assert_eq!(out.len(), 1);
    assert_eq!(floats(&out[0])[..4], [11.0, 22.0, 33.0, 44.0]);
    assert!(floats(&out[0])[4..].iter().all(|v| v.is_nan()), "words that the kernel does not write stay NaN");
    let args = [Arg::input(&source), Arg::in_out(&old)];
    let out = run_once(&GPU, kernel(), &[0u32, 1, 2, 1], &args, [1, 1, 1]).unwrap();
    assert_eq!(floats(&out[0]), [11.5, 22.5, 33.5, 44.5]);
}

#[test]
fn the_profiler_names_kernels_and_sections() {
    let mut b = PlanBuilder::new();
    chain(&mut b, 3, 64);
    b.section("a layer", |b| {
        chain(b, 1, 64);
        b.section("a layer inside it", |b| chain(b, 0, 64));
        chain(b, 0, 64);
    });
    let program = b.program(0);
    let plan = b.build(&GPU).unwrap();
    let times = block_on(Profiler::run(&GPU, &plan, program)).unwrap();
    assert_eq!(times.is_some(), GPU.features.contains(wgpu::Features::TIMESTAMP_QUERY));
    let Some(times) = times else { return };
    let calls = |section: Option<&str>| {
        times.iter().filter(|time| time.section.as_deref() == section).map(|time| time.calls).sum::<usize>()
    };
    assert_eq!([calls(None), calls(Some("a layer")), calls(Some("a layer inside it"))], [4, 3, 1]);
    for time in &times {
        assert_eq!(time.kernel, "nn/reduce:sum_slices");
        assert!(time.microseconds >= 0.0);
    }
}

#[test]
fn excess_workgroups_and_bindings_are_named_errors() {
    let kernel = || Kernel::new("nn/reduce", "sum_slices");
    let mut b = PlanBuilder::new();
    let tensor = b.persistent("t", 64);
    b.dispatch(kernel(), &[0u32; 4], &[tensor, tensor], [1, 65_536, 1]);
    let error = b.check(&GPU).unwrap_err();
    assert!(matches!(error, GpuError::TooManyGroups { limit: 65_535, .. }), "{error}");
    assert!(error.to_string().contains("nn/reduce:sum_slices"), "{error}");

    let mut b = PlanBuilder::new();
    let tensors: Vec<_> = (0..9).map(|i| b.persistent(format!("t{i}"), 64)).collect();
    b.dispatch(kernel(), &[0u32; 4], &tensors, groups_1d(1));
    let error = b.check(&GPU).unwrap_err();
    assert!(matches!(error, GpuError::TooManyBindings { found: 9, limit: 8, .. }), "{error}");
}

#[test]
fn unknown_shaders_are_named_errors() {
    let error = shader_source("nn/nothing").unwrap_err();
    assert_eq!(error.to_string(), "no shader is named 'nn/nothing'");
    let mut b = PlanBuilder::new();
    b.dispatch(Kernel::new("nn/nothing", "main"), &[0u32; 4], &[], [1, 1, 1]);
    assert!(matches!(b.build(&GPU), Err(GpuError::UnknownShader(name)) if name == "nn/nothing"));
}

#[test]
fn missing_adapter_error_lists_drivers() {
    let text = GpuError::NoAdapter("none answered".into()).to_string();
    for part in ["none answered", "mesa-vulkan-drivers", "dnf install", "pacman -S", "Windows", "macOS"] {
        assert!(text.contains(part), "'{text}' lacks {part}");
    }
}

/// The device has WebGPU's default limits, even if the adapter's are higher.
#[test]
fn the_device_has_the_default_limits() {
    let (found, expected) = (GPU.limits(), wgpu::Limits::default());
    assert_eq!(found.max_storage_buffers_per_shader_stage, expected.max_storage_buffers_per_shader_stage);
    assert_eq!(found.max_storage_buffer_binding_size, 128 << 20);
    assert_eq!(found.max_compute_workgroup_storage_size, 16 << 10);
    assert_eq!(found.max_compute_invocations_per_workgroup, 256);
    assert_eq!(found.max_compute_workgroups_per_dimension, 65_535);
    GPU.check().expect("no fault so far");
}
