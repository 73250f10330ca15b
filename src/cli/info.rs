use clap::Args;
use serde_json::json;

use super::output::print;
use super::{Outcome, bytes_text, open_gpu};

#[derive(Args)]
pub struct InfoArguments {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: InfoArguments) -> anyhow::Result<Outcome> {
    let gpu = open_gpu()?;
    let (info, used, offered) = (&gpu.info, gpu.limits(), &gpu.adapter_limits);
    let features: Vec<_> = gpu.features.iter_names().map(|(name, _)| name).collect();
    if arguments.json {
        let limits = |limits: &wgpu::Limits| {
            json!({
                "max_storage_buffer_binding_size": limits.max_storage_buffer_binding_size,
                "max_buffer_size": limits.max_buffer_size,
                "max_storage_buffers_per_shader_stage": limits.max_storage_buffers_per_shader_stage,
                "max_compute_workgroup_storage_size": limits.max_compute_workgroup_storage_size,
                "max_compute_invocations_per_workgroup": limits.max_compute_invocations_per_workgroup,
                "max_compute_workgroups_per_dimension": limits.max_compute_workgroups_per_dimension,
            })
        };
        let all = json!({
            "adapter": info.name,
            "backend": info.backend.to_string(),
            "type": format!("{:?}", info.device_type),
            "driver": format!("{} {}", info.driver, info.driver_info).trim(),
            "features": features,
            "limits": limits(&used),
            "adapter_limits": limits(offered),
        });
        print(serde_json::to_string_pretty(&all)?)?;
        return Ok(Outcome::Done);
    }
    print(format_args!("adapter   {} ({:?}, {})", info.name, info.device_type, info.backend))?;
    print(format_args!("driver    {} {}", info.driver, info.driver_info))?;
    print(format_args!(
        "features  {}",
        if features.is_empty() { "none of the optional ones".into() } else { features.join(", ") }
    ))?;
    print("limits    in use / offered by the adapter")?;
    let row = |name: &str, used: String, offered: String| {
        print(format_args!("  {name:<28} {used:>12} / {offered}"))
    };
    row(
        "storage binding",
        bytes_text(used.max_storage_buffer_binding_size),
        bytes_text(offered.max_storage_buffer_binding_size),
    )?;
    row("buffer", bytes_text(used.max_buffer_size), bytes_text(offered.max_buffer_size))?;
    for (name, used, offered) in [
        (
            "storage buffers a stage",
            used.max_storage_buffers_per_shader_stage,
            offered.max_storage_buffers_per_shader_stage,
        ),
        (
            "workgroup memory in bytes",
            used.max_compute_workgroup_storage_size,
            offered.max_compute_workgroup_storage_size,
        ),
        (
            "invocations a workgroup",
            used.max_compute_invocations_per_workgroup,
            offered.max_compute_invocations_per_workgroup,
        ),
        (
            "workgroups a dimension",
            used.max_compute_workgroups_per_dimension,
            offered.max_compute_workgroups_per_dimension,
        ),
    ] {
        row(name, used.to_string(), offered.to_string())?;
    }
    Ok(Outcome::Done)
}
