//! `data` describes a data set, `info` the adapter.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use image::RgbImage;
use indicatif::{ProgressBar, ProgressStyle};
use remixmatch::data::{
    DataError, DataSet, FORMATS, Fit, ListFile, OpenOptions, Report, check, check_list_path, contact_sheet,
    sheet_key, summary, write_corrected_list,
};
use serde_json::json;

use super::inputs::{
    ChoiceOptions, only_tests_notice, open_gpu, open_quietly, print_layout, print_notices, resolve,
};
use super::options::named;
use super::outputs::{Output, check_outside, write_sheet};
use super::terminal::{Outcome, bytes_text, note, one_line, print};

#[derive(Args)]
#[command(after_help = formats_help())]
pub struct DataArguments {
    /// builtin:fashion, builtin:digits, builtin:shapes, or a path whose format is detected
    #[arg(value_name = "SRC")]
    source: String,
    /// Look for copies, contradicting labels, odd images and odd classes; the exit status is 3 if a finding is serious
    #[arg(long)]
    check: bool,
    /// Write a list of the images without copies, contradictions, and blank and raw images; no image is changed
    #[arg(long, value_name = "FILE.csv", requires = "check")]
    fix: Option<PathBuf>,
    /// Write a contact sheet with one row per class, or with the findings of the check
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Side in pixels that all images are resized to, 8 to 224
    #[arg(long, value_name = "N")]
    image_size: Option<usize>,
    /// How images that are not square become squares [default: crop]
    #[arg(long, value_parser = named::<Fit>())]
    fit: Option<Fit>,
    /// Refuse a folder whose images differ in size
    #[arg(long)]
    strict: bool,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// Print what each file and folder is read as, without reading the images
    #[arg(long, conflicts_with_all = ["check", "fix", "sheet"])]
    layout: bool,
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
        fit: arguments.fit.unwrap_or_default(),
        significant_bits: arguments.choice.significant_bits.unwrap_or_default(),
        choice: arguments.choice.choice(),
        ..OpenOptions::default()
    };
    if arguments.layout {
        print_layout(&arguments.source, &options, arguments.json)?;
        return Ok(Outcome::Done);
    }
    if let Some(path) = &arguments.sheet {
        check_outside(&resolve(&arguments.source)?, path)?;
        Output::Sheet.check_path(path)?;
    }
    if let Some(path) = &arguments.fix {
        check_list_path(&resolve(&arguments.source)?, path)?;
    }
    // The summary has the notices too, so that they are printed once.
    let set = open_to_describe(&arguments.source, &options)?;
    if arguments.check {
        print_notices(&set);
        return check_data(&arguments, &set);
    }
    let facts = summary(&set);
    if arguments.json {
        print(serde_json::to_string_pretty(&facts)?)?;
    } else {
        print(&facts)?;
    }
    if let Some(path) = &arguments.sheet {
        save_sheet(&contact_sheet(&set, COLUMNS, ZOOM), &set, path)?;
    }
    Ok(Outcome::Done)
}

/// Opens a set to describe it. Of a set that has nothing to train on, its test images are described, with a notice.
///
/// # Errors
/// When the set cannot be opened, or has images without classes alone.
fn open_to_describe(source: &str, options: &OpenOptions) -> anyhow::Result<DataSet> {
    let error = match open_quietly(source, options) {
        Ok(set) => return Ok(set),
        Err(error) => error,
    };
    match error.downcast_ref::<DataError>() {
        Some(reason) if reason.may_test() => {
            let tests = OpenOptions { only_tests: true, ..options.clone() };
            let Ok(mut set) = open_quietly(source, &tests) else {
                return Err(match reason {
                    DataError::NothingToTrain { .. } => with_predict(&error),
                    _ => error,
                });
            };
            // What `eval` tests on.
            if set.test.is_empty() {
                let labelled: Vec<usize> =
                    (0..set.train.len()).filter(|image| set.train_labels[*image].is_some()).collect();
                set.test = set.train.pick(&labelled);
                if let Some(failure) = set.train.take_failure() {
                    return Err(failure.into());
                }
                set.test_labels = set.train_labels.iter().copied().flatten().collect();
                set.test_ids = set.train_ids.pick(&labelled);
                set.train = set.train.pick(&[]);
                set.train_ids = set.train_ids.pick(&[]);
                set.train_labels.clear();
            }
            set.notices.insert(0, only_tests_notice(&error));
            Ok(set)
        }
        Some(DataError::Unclassed { .. }) => Err(with_predict(&error)),
        _ => Err(error),
    }
}

/// The error with what can be done with images that have no classes.
fn with_predict(error: &anyhow::Error) -> anyhow::Error {
    anyhow!("{}; predict classifies images without classes", one_line(error))
}

/// # Errors
/// When the sheet cannot be written, or a streamed image on it could not be read.
fn save_sheet(sheet: &RgbImage, set: &DataSet, path: &Path) -> anyhow::Result<()> {
    if let Some(failure) = set.train.take_failure() {
        return Err(failure.into());
    }
    write_sheet(sheet, path)?;
    note(format_args!("contact sheet: {}", path.display()));
    if let Some(key) = sheet_key(set) {
        note(format_args!("on the contact sheet: {key}"));
    }
    Ok(())
}

/// Writes the corrected list of a check.
///
/// # Errors
/// As [`write_corrected_list`].
fn write_list(source: &str, set: &DataSet, report: &Report, path: &Path) -> anyhow::Result<()> {
    let ListFile { summary, note: advice } = write_corrected_list(source, set, report, path)?;
    note(format_args!("list: {summary}"));
    if let Some(advice) = advice {
        note(format_args!("note: {advice}"));
    }
    Ok(())
}

/// Checks a data set and prints the findings.
fn check_data(arguments: &DataArguments, set: &DataSet) -> anyhow::Result<Outcome> {
    let bar =
        ProgressBar::new(100).with_style(ProgressStyle::with_template("checking {bar:40} {percent} %")?);
    let report = check(set, |share| bar.set_position((100.0 * share) as u64));
    bar.finish_and_clear();
    let report = report?;
    if arguments.json {
        print(serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report)?;
    }
    if let Some(path) = &arguments.sheet {
        save_sheet(&report.contact_sheet(set, ZOOM), set, path)?;
    }
    if let Some(path) = &arguments.fix {
        write_list(&resolve(&arguments.source)?, set, &report, path)?;
    }
    Ok(if report.is_serious() { Outcome::Serious } else { Outcome::Done })
}

#[derive(Args)]
pub struct InfoArguments {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// What to do about a driver that is known to be slow. Mesa 25.1 rewrote how its software adapter reads memory; measured
/// with the convolutions of this program, 26.1.6 does 1.2 to 3.4 times the work of 25.0.7 per CPU-second.
fn driver_advice(software: bool, driver_info: &str) -> Option<&'static str> {
    let version = driver_info.split_once("Mesa ")?.1;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next()?, numbers.next()?);
    (software && version < (25, 1)).then_some(
        "Mesa before 25.1 is slower on a processor: install Mesa 25.1 or later (Debian 13: backports)",
    )
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
            "advice": driver_advice(gpu.is_software(), &info.driver_info),
            "features": features,
            "limits": limits(&used),
            "adapter_limits": limits(offered),
        });
        print(serde_json::to_string_pretty(&all)?)?;
        return Ok(Outcome::Done);
    }
    print(format_args!("adapter   {} ({:?}, {})", info.name, info.device_type, info.backend))?;
    print(format_args!("driver    {} {}", info.driver, info.driver_info))?;
    if let Some(advice) = driver_advice(gpu.is_software(), &info.driver_info) {
        print(format_args!("          {advice}"))?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_software_drivers_have_advice() {
        for (software, driver, slow) in [
            (true, "Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6)", true),
            (true, "Mesa 22.3.6", true),
            (true, "Mesa 25.1.0-devel (git-1234)", false),
            (true, "Mesa 26.1.6", false),
            (false, "Mesa 24.0.1", false),
            (true, "SwiftShader 5.0.0", false),
            (true, "Mesa", false),
            (true, "Mesa x.y", false),
            (true, "", false),
        ] {
            assert_eq!(driver_advice(software, driver).is_some(), slow, "{driver}");
        }
    }
}
