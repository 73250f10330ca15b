//! Every linked shader is valid WGSL within WebGPU's default limits.

mod layouts;
mod uniformity;

use std::collections::HashMap;

use naga::back::PipelineConstants;
use naga::back::pipeline_constants::process_overrides;
use naga::proc::Layouter;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, EntryPoint, Module};
use remixmatch::gpu::SHADERS;

const STORAGE_BUFFERS: usize = 8;
const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16 << 10;
/// Values that the host gives the `GROUP` constant of a shader.
const GROUPS: [u32; 4] = [8, 16, 64, 128];

/// Parses and validates a shader of `SHADERS`; only one that is named after them may use subgroups or f16.
fn validate(name: &str, source: &str) -> Result<(Module, ModuleInfo), String> {
    let subgroups = if name.contains("_subgroups") { Capabilities::SUBGROUP } else { Capabilities::empty() };
    let half = if name.ends_with("_half") { Capabilities::SHADER_FLOAT16 } else { Capabilities::empty() };
    let module = naga::front::wgsl::parse_str(source).map_err(|e| e.emit_to_string(source))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::default() | subgroups | half)
        .validate(&module)
        .map_err(|e| e.emit_to_string(source))?;
    Ok((module, info))
}

/// Calls `f(name, module, entry point, its index)` for every entry point, with each set of constants.
fn each_entry(mut f: impl FnMut(&str, &Module, &ModuleInfo, usize)) {
    for (shader, source) in SHADERS {
        let (module, info) = validate(shader, source).unwrap_or_else(|e| panic!("{shader}: {e}"));
        assert!(!module.entry_points.is_empty(), "{shader} has no entry point");
        for index in 0..module.entry_points.len() {
            let names: Vec<_> = module.overrides.iter().map(|(_, o)| o.name.as_deref()).collect();
            let sets: Vec<PipelineConstants> = match names[..] {
                [] => vec![PipelineConstants::default()],
                [Some("GROUP")] => GROUPS
                    .map(|g| HashMap::from([("GROUP".to_owned(), f64::from(g))]))
                    .map(constants)
                    .to_vec(),
                _ => panic!("{shader}: this test does not know what values {names:?} take"),
            };
            for set in sets {
                let name = format!("{shader}:{} {set:?}", module.entry_points[index].name);
                let (fixed, info) =
                    process_overrides(&module, &info, None, &set).unwrap_or_else(|e| panic!("{name}: {e}"));
                f(&name, &fixed, &info, index);
            }
        }
    }
}

fn constants(values: HashMap<String, f64>) -> PipelineConstants {
    values.into_iter().collect()
}

/// The globals that an entry point uses, itself or through functions.
fn used<'m>(module: &'m Module, info: &ModuleInfo, index: usize) -> Vec<&'m naga::GlobalVariable> {
    let function = info.get_entry_point(index);
    module
        .global_variables
        .iter()
        .filter(|(handle, _)| !function[*handle].is_empty())
        .map(|(_, v)| v)
        .collect()
}

fn invocations(entry: &EntryPoint) -> u32 {
    entry.workgroup_size.iter().product()
}

fn workgroup_bytes(module: &Module, info: &ModuleInfo, index: usize) -> u32 {
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).expect("the validator has seen every type");
    let shared = used(module, info, index);
    let shared = shared.iter().filter(|v| v.space == AddressSpace::WorkGroup);
    shared.map(|v| layouter[v.ty].size).sum()
}

fn is_storage(variable: &naga::GlobalVariable) -> bool {
    matches!(variable.space, AddressSpace::Storage { .. })
}

/// Types, layouts and calls, with no capability beyond WebGPU's own.
#[test]
fn every_shader_is_valid() {
    let names: Vec<_> = SHADERS.iter().map(|(name, _)| *name).collect();
    for expected in [
        "bench/gemm",
        "nn/batch_norm",
        "nn/batch_norm_relu6",
        "nn/batch_norm_linear",
        "nn/conv2d",
        "nn/conv2d_16",
        "nn/conv2d_32",
        "nn/conv2d_workgroup_8",
        "nn/conv2d_workgroup_16",
        "nn/conv2d_subgroups4_8",
        "nn/conv2d_subgroups4_16",
        "nn/conv2d_subgroups8_8",
        "nn/conv2d_subgroups8_16",
        "nn/conv2d_subgroups8_32",
        "nn/conv2d_block_128x64x16_8x8",
        "nn/weight_gradient_block_64_8x8",
        "nn/weight_gradient_rows_32",
        "nn/weight_gradient_rows_64",
        "nn/dense",
        "nn/conv2d_subgroups8_32_half",
        "nn/conv2d_block_128x64x16_8x8_half",
        "nn/depthwise_3",
        "nn/depthwise_5",
        "nn/depthwise_5_half",
        "nn/batch_norm_relu6",
        "nn/batch_norm_linear_half",
        "nn/pool",
        "nn/pool_half",
        "nn/reduce",
        "optim/adam",
    ] {
        assert!(names.contains(&expected), "{expected} is not linked");
    }
    for (name, source) in SHADERS {
        if let Err(error) = validate(name, source) {
            panic!("{name}: {error}");
        }
        assert!(!source.contains("import "), "{name} has imports left");
    }
}

#[test]
fn entry_points_are_within_the_default_limits() {
    let mut seen = 0;
    each_entry(|name, module, info, index| {
        seen += 1;
        let storage = used(module, info, index).iter().filter(|v| is_storage(v)).count();
        assert!((1..=STORAGE_BUFFERS).contains(&storage), "{name} binds {storage} storage buffers");
        let invocations = invocations(&module.entry_points[index]);
        assert!((1..=INVOCATIONS).contains(&invocations), "{name} has {invocations} invocations");
        let bytes = workgroup_bytes(module, info, index);
        assert!(bytes <= WORKGROUP_BYTES, "{name} takes {bytes} bytes of workgroup memory");
    });
    assert!(seen > 20, "only {seen} entry points");
}

/// Entry points of one file share binding numbers; within one they are distinct, in group 0, and start
/// with the parameters.
#[test]
fn entry_points_have_one_variable_per_binding() {
    each_entry(|name, module, info, index| {
        let globals = used(module, info, index);
        let mut numbers: Vec<_> =
            globals.iter().filter_map(|v| v.binding.map(|b| (b.group, b.binding))).collect();
        assert!(numbers.iter().all(|(group, _)| *group == 0), "{name} leaves group 0: {numbers:?}");
        numbers.sort();
        let count = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), count, "{name} has two variables at one of {numbers:?}");
        for v in globals.iter().filter(|v| v.space == AddressSpace::Uniform) {
            assert_eq!(v.binding.map(|b| b.binding), Some(0), "{name} has a uniform block elsewhere");
        }
        for v in globals.iter().filter(|v| is_storage(v)) {
            assert_ne!(v.binding.map(|b| b.binding), Some(0), "{name} has a buffer where the parameters go");
        }
    });
}

#[test]
fn barriers_are_in_uniform_control_flow() {
    let mut barriers = 0;
    for (name, source) in SHADERS {
        let (module, info) = validate(name, source).unwrap_or_else(|e| panic!("{name}: {e}"));
        barriers += source.matches("workgroupBarrier").count();
        let uneven = uniformity::uneven_barriers(&module, &info);
        assert!(uneven.is_empty(), "{name}: not every invocation may reach a barrier of {uneven:?}");
    }
    assert!(barriers > 0, "no shader has a barrier");
}

#[test]
fn divergent_barriers_are_found() {
    let uneven = |body: &str| {
        let source = format!(
            "struct Params {{ n: u32 }}
            @group(0) @binding(0) var<uniform> params: Params;
            @group(0) @binding(1) var<storage, read> known: array<u32>;
            @group(0) @binding(2) var<storage, read_write> result: array<u32>;
            var<workgroup> tile: array<u32, 64>;
            fn wait() {{ workgroupBarrier(); }}
            fn wait_if(n: u32) {{ if n > 3u {{ workgroupBarrier(); }} }}
            fn doubled(n: u32) -> u32 {{ return n * 2u; }}
            fn of_result() -> u32 {{ return result[0]; }}
            @compute @workgroup_size(64)
            fn f(@builtin(local_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {{ {body} }}"
        );
        let (module, info) = validate("case", &source).unwrap();
        !uniformity::uneven_barriers(&module, &info).is_empty()
    };
    for body in [
        "if id.x < params.n { workgroupBarrier(); }",
        "if id.x < params.n { wait(); }",
        "if id.x >= params.n { return; } workgroupBarrier();",
        "if result[0] == 1u { workgroupBarrier(); }",
        "tile[id.x] = 1u; if tile[0] == 1u { workgroupBarrier(); }",
        "var end = params.n; if id.x == 0u { end = 3u; } for (var i = 0u; i < end; i++) { workgroupBarrier(); }",
        "for (var i = id.x; i < 9u; i += 64u) { workgroupBarrier(); }",
        "for (var i = 0u; i < 9u; i++) { workgroupBarrier(); if i == id.x { break; } }",
        "for (var i = 0u; i < 9u; i++) { if i == id.x { continue; } workgroupBarrier(); }",
        "switch id.x { case 1u: { workgroupBarrier(); } default: {} }",
        "wait_if(id.x);",
        "wait_if(doubled(id.x));",
        "if doubled(id.x) > 3u { wait(); }",
        "if of_result() > 3u { wait(); }",
        "var n = 0u; if id.x == 1u { n = doubled(params.n); } wait_if(n);",
    ] {
        assert!(uneven(body), "accepted: {body}");
    }
    for body in [
        "if group.x < params.n { workgroupBarrier(); }",
        "if group.x >= params.n { return; } workgroupBarrier();",
        "if known[group.x] == 1u { wait(); }",
        "if id.x < params.n { tile[id.x] = 1u; } workgroupBarrier();",
        "for (var i = id.x; i < 9u; i += 64u) { tile[i % 64u] = i; } workgroupBarrier();",
        "for (var half = 32u; half > 0u; half /= 2u) { workgroupBarrier(); if id.x < half { tile[id.x] += 1u; } }",
        "wait_if(params.n);",
        "wait_if(doubled(group.x));",
        "if doubled(params.n) > 3u { wait(); }",
        "let n = doubled(id.x); tile[n % 64u] = 1u; wait();",
    ] {
        assert!(!uneven(body), "refused: {body}");
    }
}

/// The checks of this file find violations.
#[test]
fn invalid_and_oversized_shaders_are_found() {
    assert!(validate("case", "enable f16; var<private> h: f16;").is_err(), "f16 is an optional feature");
    assert!(validate("case", "fn f() -> u32 { return 1.5; }").is_err());

    let large = "var<workgroup> a: array<vec4<f32>, 1024>;
        var<workgroup> b: array<u32, 2>;
        var<workgroup> unused: array<u32, 512>;
        fn g() { b[0] = 1u; }
        @compute @workgroup_size(8, 8, 5) fn f() { a[0] = vec4<f32>(1.0); g(); }";
    let (module, info) = validate("case", large).unwrap();
    assert_eq!(workgroup_bytes(&module, &info, 0), WORKGROUP_BYTES + 8);
    assert_eq!(invocations(&module.entry_points[0]), 320);
}
