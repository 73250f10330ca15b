//! `data` describes a data set, `info` the adapter.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use remixmatch::data::{DataSet, FORMATS, OpenOptions, check, contact_sheet, summary};
use serde_json::json;

use super::inputs::{ChoiceOptions, open_gpu, open_source};
use super::terminal::{Outcome, bytes_text, note, print};

#[derive(Args)]
#[command(after_help = formats_help())]
pub struct DataArguments {
    /// builtin:fashion, builtin:digits, builtin:shapes, or a path whose format is detected
    #[arg(value_name = "SRC")]
    source: String,
    /// Look for copies, contradicting labels, odd images and odd classes; the exit status is 3 if a finding is serious
    #[arg(long)]
    check: bool,
    /// Write a contact sheet with one row per class
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Side in pixels that a folder's images are resized to
    #[arg(long, value_name = "N")]
    image_size: Option<usize>,
    /// Refuse a folder whose images differ in size
    #[arg(long)]
    strict: bool,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Pixels of the contact sheet per image pixel, along each side.
const ZOOM: u32 = 2;
/// Images per class on the contact sheet.
const COLUMNS: usize = 12;

/// The formats of data sets, in the order of their detection.
fn formats_help() -> String {
    let formats: String = FORMATS.iter().map(|format| format!("\n  {}", format.description)).collect();
    format!("Formats, each also in a .zip, .tar or .tar.gz:{formats}")
}

/// Runs `data`.
pub fn data(arguments: DataArguments) -> anyhow::Result<Outcome> {
    let options = OpenOptions {
        strict: arguments.strict,
        skip_bad: arguments.skip_bad,
        image_size: arguments.image_size,
        choice: arguments.choice.choice(),
        ..OpenOptions::default()
    };
    let set = open_source(&arguments.source, &options)?;
    if arguments.check {
        return check_data(&arguments, &set);
    }
    let facts = summary(&set);
    if arguments.json {
        print(serde_json::to_string_pretty(&facts)?)?;
    } else {
        print(&facts)?;
    }
    if let Some(path) = arguments.sheet {
        contact_sheet(&set, COLUMNS, ZOOM)
            .save(&path)
            .with_context(|| format!("{}: writing the contact sheet failed", path.display()))?;
        note(format_args!("contact sheet: {}", path.display()));
    }
    Ok(Outcome::Done)
}

/// Checks a data set and prints the findings.
fn check_data(arguments: &DataArguments, set: &DataSet) -> anyhow::Result<Outcome> {
    let bar =
        ProgressBar::new(100).with_style(ProgressStyle::with_template("checking {bar:40} {percent} %")?);
    let report = check(set, |share| bar.set_position((100.0 * share) as u64));
    bar.finish_and_clear();
    if arguments.json {
        print(serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_serious() { Outcome::Serious } else { Outcome::Done })
}

#[derive(Args)]
pub struct InfoArguments {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `info`.
pub fn info(arguments: InfoArguments) -> anyhow::Result<Outcome> {
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
        if features.is_empty() { "no optional features".into() } else { features.join(", ") }
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
            "storage buffers per stage",
            used.max_storage_buffers_per_shader_stage,
            offered.max_storage_buffers_per_shader_stage,
        ),
        (
            "workgroup memory in bytes",
            used.max_compute_workgroup_storage_size,
            offered.max_compute_workgroup_storage_size,
        ),
        (
            "invocations per workgroup",
            used.max_compute_invocations_per_workgroup,
            offered.max_compute_invocations_per_workgroup,
        ),
        (
            "workgroups per dimension",
            used.max_compute_workgroups_per_dimension,
            offered.max_compute_workgroups_per_dimension,
        ),
    ] {
        row(name, used.to_string(), offered.to_string())?;
    }
    Ok(Outcome::Done)
}
