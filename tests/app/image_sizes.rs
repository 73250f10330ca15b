//! Another network in the window: images are opened again at the size that it takes, and settings that fit no run are refused
//! before Train is pressed.

use std::fs;
use std::path::Path;

use eframe::egui::{Key, Role};
use egui_kittest::kittest::Queryable as _;
use remixmatch::nn::{Architecture, ConvTiling, Network};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::tempdir;

use crate::common::{Window, drop_on, ready, says, short, wait_for, window};
use crate::labelling::{digits, label_three, labelling, press};
use crate::opening::{config, folders, linked};

const LITE: &str = "efficientnet-lite0";

/// Chooses a network from the box under Training settings.
fn choose_network(window: &mut Window, name: &str) {
    let choose = |window: &mut Window, role: Role, label: &str| {
        window.get_by_role_and_label(role, label).focus();
        window.run_steps(2);
        window.key_press(Key::Enter);
        window.run_steps(12);
    };
    if window.query_by_role_and_label(Role::ComboBox, "Network").is_none() {
        window.get_by_label("Training settings").focus();
        window.run_steps(2);
        window.key_press(Key::Enter);
        window.run_steps(12);
    }
    // The list stays open when a choice is made with the keyboard.
    if window.query_by_role_and_label(Role::Button, name).is_none() {
        choose(window, Role::ComboBox, "Network");
    }
    choose(window, Role::Button, name);
}

/// Waits until the data are open at this size.
fn wait_for_size(window: &mut Window, what: &str, side: usize) {
    let size = format!(", {side}x{side}");
    wait_for(window, &format!("{what}: {size}"), |window| says(window, &size) && !says(window, "Opening "));
}

/// Weights with timm's names of a whole EfficientNet-Lite0; `change` sees each tensor's name, shape and values.
fn lite0(path: &Path, mut change: impl FnMut(&mut String, &mut Vec<usize>, &mut Vec<f32>)) {
    let architecture = Architecture::named(LITE).expect("a network");
    let network = Network::new(&architecture, [32, 32, 3], 2, ConvTiling::REGISTER).expect("a network");
    let tensors = network.backbone_parameters().iter().chain(&network.statistics.list).map(|parameter| {
        let (layer, tensor) = parameter.name.rsplit_once('.').expect("a layer");
        let tensor = match tensor {
            "kernel" | "gamma" => "weight",
            "beta" => "bias",
            "mean" => "running_mean",
            "variance" => "running_var",
            other => other,
        };
        let shape = match parameter.shape[..] {
            [height, width, channels, 1] => vec![channels, 1, height, width],
            [height, width, inputs, outputs] => vec![outputs, inputs, height, width],
            _ => parameter.shape.clone(),
        };
        let value = if tensor == "running_var" { 1.0 } else { 0.125 };
        // Kernels that are constant throughout are refused.
        let ripple = if shape.len() > 1 { 1.0 / 64.0 } else { 0.0 };
        let values = (0..shape.iter().product()).map(|i: usize| value + ripple * (i % 7) as f32);
        let (mut name, mut values) = (format!("{layer}.{tensor}"), values.collect::<Vec<f32>>());
        let mut shape = shape;
        change(&mut name, &mut shape, &mut values);
        (name, shape, bytemuck::cast_slice::<f32, u8>(&values).to_vec())
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, content)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), content).expect("a tensor"))
    });
    fs::write(path, safetensors::serialize(views, None).expect("safetensors")).expect("a file");
}

#[test]
fn network_changes_reopen_images_at_its_size() {
    let outer = tempdir().expect("a folder");
    let (data, weights) = (outer.path().join("toys"), outer.path().join("mine.safetensors"));
    folders(&data, &["ball", "cube"]);
    lite0(&weights, |_, _, _| ());
    type Change<'a> = &'a dyn Fn(&mut Window);
    type Changes<'a> = Vec<(Change<'a>, usize)>;
    let network = |name: &'static str| move |window: &mut Window| choose_network(window, name);
    let preset =
        |name: &'static str| move |window: &mut Window| window.state_mut().workspace.choose_preset(name);
    let (lite, wide, photos, small) =
        (network(LITE), network("wrn-10-1"), preset("photos"), preset("digits"));
    let drop_weights = |window: &mut Window| drop_on(window, &weights);
    // How the data are opened, at which size, what is changed one after another, and the sizes after that.
    let cases: [(&str, &str, usize, Changes<'_>); 5] = [
        ("a size that is set", "image_size=50", 50, vec![(&lite, 64), (&wide, 50)]),
        ("a size that was found", "", 16, vec![(&lite, 32), (&wide, 16)]),
        ("a preset", "", 16, vec![(&photos, 96), (&small, 16)]),
        ("first weights", "image_size=50", 50, vec![(&drop_weights, 64)]),
        ("a network in the link", "image_size=50&network=efficientnet-lite0", 64, vec![(&wide, 50)]),
    ];
    for (what, settings, side, changes) in cases {
        let mut window = window(linked(&data, settings));
        wait_for_size(&mut window, what, side);
        for (change, side) in changes {
            change(&mut window);
            wait_for_size(&mut window, what, side);
            let rounds = config(&window).network == LITE && side != 96;
            assert_eq!(
                says(&window, &format!("to {side}, a multiple of 32")),
                rounds,
                "{what}, {side} pixels"
            );
        }
    }
}

#[test]
fn images_of_a_run_stay_until_reset() {
    let outer = tempdir().expect("a folder");
    let data = outer.path().join("toys");
    folders(&data, &["ball", "cube"]);
    let mut window = ready(linked(&data, "labels=4&steps=2"));
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the run's end", |window| says(window, "finished"));
    choose_network(&mut window, LITE);
    window.run_steps(10);
    assert!(says(&window, ", 16x16") && says(&window, "finished"));
    window.state_mut().workspace.reset();
    wait_for_size(&mut window, "after Reset", 32);
}

#[test]
fn labelled_images_follow_the_network_with_their_labels() {
    let folder = digits(12);
    let mut window = labelling(folder.path());
    label_three(&mut window);
    let images = |window: &Window| window.state().workspace.labelled_size();
    assert_eq!(images(&window), Some(28));
    choose_network(&mut window, LITE);
    wait_for(&mut window, "larger images", |window| images(window) == Some(32));
    assert!(says(&window, "12 images, 3 labelled") && says(&window, "current image: 03-0.png, no label"));
    press(&mut window, Key::Backspace);
    assert!(says(&window, "12 images, 2 labelled"), "undo remembers what was done before");
    choose_network(&mut window, "wrn-10-1");
    wait_for(&mut window, "the images as they were", |window| images(window) == Some(28));
    assert!(says(&window, "12 images, 2 labelled"));
}

#[test]
fn settings_without_a_run_are_refused_before_training() {
    let outer = tempdir().expect("a folder");
    let (data, whole) = (outer.path().join("toys"), outer.path().join("whole.safetensors"));
    folders(&data, &["ball", "cube"]);
    lite0(&whole, |_, _, _| ());
    let frozen = format!("image_size=32&init={}&network={LITE}&freeze=blocks.9", whole.display());
    for (what, settings, expected) in [
        ("a network for smaller images", "image_size=128", "128x128 are outside the 8 to 96 pixels"),
        ("a stage that is not there", &frozen, "the network has no stage of that name: choose none, stem, "),
        ("a batch", "batch=6", "batch"),
        ("missing weights", "init=nowhere.safetensors", "nowhere.safetensors"),
    ] {
        let mut window = window(linked(&data, settings));
        wait_for(&mut window, what, |window| says(window, expected));
        assert!(
            window.get_by_label_contains(expected).rect().height() > 0.0 && !says(&window, "Ready"),
            "{what}"
        );
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_when_dropped() {
    let outer = tempdir().expect("a folder");
    let path = |name: &str| outer.path().join(name);
    let whole = path("whole.safetensors");
    lite0(&whole, |_, _, _| ());
    let bytes = fs::read(&whole).expect("a file");
    fs::write(path("cut.safetensors"), &bytes[..bytes.len() / 2]).expect("a file");
    fs::write(path("model.pth"), b"\x80\x02\x8a\x0al\xfc\x9cF\xf9").expect("a file");
    fs::write(path("text.safetensors"), "weights").expect("a file");
    lite0(&path("nan.safetensors"), |name, _, values| {
        if name == "bn2.bias" {
            values[7] = f32::NAN;
        }
    });
    lite0(&path("extra.safetensors"), |name, _, _| {
        if name == "bn2.bias" {
            *name = "bn9.bias".to_owned();
        }
    });
    lite0(&path("grey.safetensors"), |name, shape, values| {
        if name == "conv_stem.weight" {
            *shape = vec![32, 1, 3, 3];
            values.truncate(32 * 9);
        }
    });
    let mut window = ready(short());
    for (name, expected) in [
        ("cut.safetensors", "cut off"),
        ("model.pth", "it is a PyTorch file (.pth)"),
        ("text.safetensors", "it is a text file"),
        ("nan.safetensors", "'bn2.bias' has a value that is NaN or infinite"),
        ("extra.safetensors", "bn9.bias"),
        ("grey.safetensors", "it reads images with 1 channel"),
        ("whole.safetensors", "Ready: press Train. It takes"),
    ] {
        drop_on(&mut window, &path(name));
        wait_for(&mut window, name, |window| says(window, expected));
        let refused = name != "whole.safetensors";
        assert_eq!(says(&window, &format!("{name}: ")) && !says(&window, "Ready"), refused, "{name}");
    }
    // Grey images have three equal channels for this network.
    assert_eq!((config(&window).network.as_str(), config(&window).data.as_str()), (LITE, "builtin:digits"));
}
