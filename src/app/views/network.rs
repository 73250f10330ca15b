//! Network: layers with their cost, the memory of a step, and the GPU times of a measured step.

use std::collections::HashMap;

use eframe::egui::{self, Button, Grid, RichText, Ui, vec2};

use super::view::{View, ViewContext, columns};
use crate::app::places::ViewId;
use crate::app::run::Run;
use crate::app::session::{Command, Phase, PlanFacts, Profile};
use crate::app::theme::Role;
use crate::app::widgets::{bytes_text, muted, nothing_yet, share_bar};
use crate::data::grouped;
use crate::gpu::Gpu;
use crate::nn::Layer;
use crate::ssl::PassKind;

/// Size of a share bar.
const BAR: egui::Vec2 = vec2(70.0, 9.0);
/// Minimum width for network and memory side by side.
const SIDE_BY_SIDE: f32 = 860.0;

#[derive(Default)]
pub struct NetworkView;

impl View for NetworkView {
    fn id(&self) -> ViewId {
        ViewId::new("Network")
    }

    fn title(&self) -> &'static str {
        "Network"
    }

    fn ui(&mut self, ui: &mut Ui, context: &mut ViewContext<'_>) {
        if context.runs.is_empty() {
            nothing_yet(ui, "Press Train: the network and the cost of a step appear here.");
            return;
        }
        measure(ui, context.runs, context.gpu);
        columns(ui, context.runs, "network", |ui, run| {
            let Some(plan) = &run.state.plan else {
                nothing_yet(ui, "Planning the step and compiling its shaders ...");
                return;
            };
            let profile = run.state.profile.as_deref();
            if ui.available_width() > SIDE_BY_SIDE {
                ui.horizontal_top(|ui| {
                    ui.vertical(|ui| network_facts(ui, run, plan));
                    ui.add_space(28.0);
                    ui.vertical(|ui| memory(ui, plan));
                });
            } else {
                network_facts(ui, run, plan);
                ui.separator();
                memory(ui, plan);
            }
            ui.separator();
            layers(ui, &plan.network.layers(), profile);
            if let Some(profile) = profile {
                ui.separator();
                kernels(ui, profile, step_operations(plan));
            }
        });
    }
}

/// The button that measures a step, and the state of the measurement.
fn measure(ui: &mut Ui, runs: &[Run], gpu: &Gpu) {
    let timestamps = gpu.features.contains(wgpu::Features::TIMESTAMP_QUERY);
    let can_step = |run: &&Run| matches!(run.state.phase, Phase::Paused | Phase::Running);
    let stepping: Vec<_> = runs.iter().filter(can_step).collect();
    ui.horizontal_wrapped(|ui| {
        let button = Button::new("Measure the next step");
        let button = ui
            .add_enabled(timestamps && !stepping.is_empty(), button)
            .on_hover_text("Measures the time of every dispatch of one step; a paused run executes that step")
            .on_disabled_hover_text(match timestamps {
                true => "All runs have finished",
                false => "This adapter does not support timestamp queries",
            });
        if button.clicked() {
            for run in &stepping {
                run.session.send(Command::Profile);
                if run.state.phase == Phase::Paused {
                    run.session.send(Command::Step);
                }
            }
        }
        let measuring = |phase: Phase| runs.iter().any(|run| run.state.measuring && run.state.phase == phase);
        if !timestamps {
            ui.label(format!(
                "{} does not support timestamp-query: kernel times cannot be measured.",
                gpu.info.name
            ));
        } else if measuring(Phase::Running) {
            ui.spinner();
            ui.label("measuring the step");
        } else if measuring(Phase::Paused) {
            ui.label("The next step will be measured.");
        } else if stepping.is_empty() {
            muted(ui, "All runs have finished: there is no step to measure.");
        } else {
            muted(ui, "Measures one dispatch per pass, so a measured step takes longer.");
        }
    });
}

fn network_facts(ui: &mut Ui, run: &Run, plan: &PlanFacts) {
    let (network, layout) = (&plan.network, &plan.layout);
    ui.label(RichText::new(&run.session.config.network).strong());
    let facts = [
        ("input", format!("{}×{}×{}", network.height, network.width, network.channels)),
        ("parameters", grouped(network.parameters.count() as u64)),
        ("MACs per image", format!("{}, to classify it", grouped(network.macs()))),
        ("passes per step", passes(plan)),
        ("passes per dispatch", format!("up to {}", plan.passes_per_dispatch)),
        ("operations per step", format!("{} dispatches, clears and copies", grouped(plan.operations as u64))),
        (
            "arithmetic per step",
            format!(
                "{:.2} GFLOP, forward and backward for {} images",
                step_operations(plan) / 1e9,
                layout.input_count()
            ),
        ),
    ];
    table(ui, "facts", &facts);
}

/// The forward and backward passes of a step by kind.
fn passes(plan: &PlanFacts) -> String {
    let layout = &plan.layout;
    let mut kinds = Vec::new();
    let mut add = |count: usize, name: &str| {
        if count > 0 {
            kinds.push(format!("{count} {name}"));
        }
    };
    for (kind, name) in
        [(PassKind::Rotated, "rotation"), (PassKind::FirstStrong, "pre-mixup"), (PassKind::Mixed, "mixed")]
    {
        add(layout.inputs_of(kind).len() / layout.batch, name);
    }
    format!("{} of {} images ({})", layout.passes.len(), layout.batch, kinds.join(", "))
}

/// Floating-point operations of the convolutions and the class head per step: forward and both gradients of
/// every pass, and the forward passes for guesses and the probe.
fn step_operations(plan: &PlanFacts) -> f64 {
    let (network, layout) = (&plan.network, &plan.layout);
    let layers = network.layers();
    let total: u64 = layers.iter().map(|layer| layer.macs).sum();
    // The stem has no input gradient.
    let stem = layers.first().map_or(0, |layer| layer.macs);
    let flops = |macs: u64, passes: usize| 2.0 * macs as f64 * (passes * layout.batch) as f64;
    flops(3 * total - stem, layout.passes.len()) + flops(total, layout.forward_only)
}

fn memory(ui: &mut Ui, plan: &PlanFacts) {
    let memory = &plan.memory;
    ui.label(RichText::new("GPU memory").strong());
    let facts = [
        ("persistent", bytes_text(memory.persistent)),
        ("transient, aliased", bytes_text(memory.transient)),
        ("transient without buffer aliasing", bytes_text(memory.transient_unshared)),
        ("uniform buffers", bytes_text(memory.uniforms)),
        ("total", bytes_text(memory.total())),
        ("largest tensor", format!("{}, {}", memory.largest.0, bytes_text(memory.largest.1))),
    ];
    table(ui, "memory", &facts);
    let unshared = memory.transient_unshared.max(1);
    let share = memory.transient as f32 / unshared as f32;
    ui.horizontal(|ui| {
        let colours = [Role::Strong.colour(ui), ui.visuals().extreme_bg_color];
        let text = format!(
            "Tensors with disjoint lifetimes share memory: {:.1} % of the size without aliasing",
            100.0 * share
        );
        share_bar(ui, &text, share, vec2(160.0, 9.0), colours);
        muted(ui, format!("{:.1} % of the size without buffer aliasing", 100.0 * share));
    });
}

/// A table with one name and value per row.
fn table(ui: &mut Ui, id: &str, rows: &[(&str, String)]) {
    Grid::new(id).num_columns(2).spacing(vec2(14.0, 3.0)).show(ui, |ui| {
        for (name, value) in rows {
            muted(ui, *name);
            ui.label(value);
            ui.end_row();
        }
    });
}

fn layers(ui: &mut Ui, layers: &[Layer], profile: Option<&Profile>) {
    ui.label(RichText::new("Layers").strong());
    let total_macs: u64 = layers.iter().map(|layer| layer.macs).sum();
    let times = profile.map(|profile| sum_times(profile, |part, _| part.map(str::to_owned)));
    let measured: f64 = profile.map_or(0.0, total);
    Grid::new("layers").num_columns(6).spacing(vec2(14.0, 3.0)).striped(true).show(ui, |ui| {
        for title in ["layer", "output", "parameters", "MACs", "share of MACs"] {
            muted(ui, title);
        }
        if times.is_some() {
            muted(ui, "time");
        }
        ui.end_row();
        for layer in layers {
            ui.label(&layer.name);
            ui.label(layer.output.iter().map(usize::to_string).collect::<Vec<_>>().join("×"));
            right(ui, &grouped(layer.parameters as u64));
            right(ui, &grouped(layer.macs));
            share(ui, "of the MACs", layer.macs as f64 / total_macs.max(1) as f64, Role::Strong);
            if let Some(times) = &times {
                let (_, time) = times.get(&layer.name).copied().unwrap_or_default();
                timed(ui, time, measured);
            }
            ui.end_row();
        }
    });
}

fn kernels(ui: &mut Ui, profile: &Profile, operations: f64) {
    let measured = total(profile);
    ui.label(RichText::new(format!("Kernels of step {}", profile.step)).strong());
    ui.label(format!(
        "{} in total, {:.1} GFLOP/s",
        milliseconds(measured),
        operations / (1e3 * measured.max(1e-3))
    ));
    let in_layers: f64 = profile.times.iter().filter(|t| t.section.is_some()).map(|t| t.microseconds).sum();
    muted(
        ui,
        format!(
            "{} in layers; the rest is augmentation, alignment, losses and the optimiser",
            milliseconds(in_layers)
        ),
    );
    let mut rows: Vec<_> = sum_times(profile, |_, kernel| Some(kernel.to_owned())).into_iter().collect();
    rows.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    Grid::new("kernels").num_columns(3).spacing(vec2(14.0, 3.0)).striped(true).show(ui, |ui| {
        for title in ["kernel", "calls", "time"] {
            muted(ui, title);
        }
        ui.end_row();
        for (kernel, (calls, time)) in rows {
            ui.label(&kernel);
            right(ui, &calls.to_string());
            timed(ui, time, measured);
            ui.end_row();
        }
    });
}

/// Sums calls and microseconds by `key(part, kernel)`; `None` leaves a time out.
fn sum_times(
    profile: &Profile,
    key: impl Fn(Option<&str>, &str) -> Option<String>,
) -> HashMap<String, (usize, f64)> {
    let mut sums: HashMap<String, (usize, f64)> = HashMap::new();
    for time in &profile.times {
        // Override constants follow the name; variants of a kernel are summed.
        let kernel = time.kernel.split(' ').next().unwrap_or(&time.kernel);
        if let Some(key) = key(time.section.as_deref(), kernel) {
            let sum = sums.entry(key).or_default();
            sum.0 += time.calls;
            sum.1 += time.microseconds;
        }
    }
    sums
}

fn total(profile: &Profile) -> f64 {
    profile.times.iter().map(|time| time.microseconds).sum()
}

/// A time as a share of the total; both in microseconds.
fn timed(ui: &mut Ui, time: f64, of: f64) {
    ui.horizontal(|ui| {
        share(ui, "of the measured time", time / of.max(1e-9), Role::Anchor);
        ui.small(milliseconds(time));
    });
}

fn share(ui: &mut Ui, what: &str, share: f64, role: Role) {
    let colours = [role.colour(ui), ui.visuals().extreme_bg_color];
    let percent = format!("{:.1} %", 100.0 * share);
    ui.horizontal(|ui| {
        share_bar(ui, &format!("{percent} {what}"), share as f32, BAR, colours);
        ui.small(percent);
    });
}

/// Right-aligned text.
fn right(ui: &mut Ui, text: &str) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| ui.label(text));
}

fn milliseconds(microseconds: f64) -> String {
    match microseconds / 1e3 {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::KernelTime;

    #[test]
    fn numbers_have_separators_and_units() {
        assert_eq!(
            [0, 999, 1_000, 78_158, 1_234_567].map(grouped),
            ["0", "999", "1,000", "78,158", "1,234,567"]
        );
        assert_eq!([1 << 9, 3 << 19, 5 << 29].map(bytes_text), ["0.5 KiB", "1.5 MiB", "2.50 GiB"]);
        assert_eq!([1_500.0, 25_000.0, 12e6].map(milliseconds), ["1.50 ms", "25 ms", "12.0 s"]);
    }

    #[test]
    fn times_are_summed_per_layer_and_kernel() {
        let time = |kernel: &str, part: Option<&str>, microseconds| KernelTime {
            kernel: kernel.into(),
            section: part.map(Into::into),
            calls: 2,
            microseconds,
        };
        let times = vec![
            time("nn/conv2d:forward GROUP=8", Some("stem"), 3.0),
            time("nn/conv2d:forward GROUP=64", Some("head"), 4.0),
            time("nn/reduce:sum_rows", Some("stem"), 5.0),
            time("optim/adam:step", None, 6.0),
        ];
        let profile = Profile { step: 1, times };
        let layers = sum_times(&profile, |part, _| part.map(str::to_owned));
        assert_eq!((layers.len(), layers["stem"], layers["head"]), (2, (4, 8.0), (2, 4.0)));
        let kernels = sum_times(&profile, |_, kernel| Some(kernel.to_owned()));
        assert_eq!((kernels.len(), kernels["nn/conv2d:forward"]), (3, (4, 7.0)));
        assert_eq!(total(&profile), 18.0);
    }
}
