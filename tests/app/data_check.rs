//! The data check view: nothing found in a clean set, findings with their images in another one.

use std::fs;
use std::path::Path;

use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use image::{Rgb, RgbImage};
use remixmatch::app::AppOptions;
use tempfile::tempdir;

use crate::common::{Window, compare, ready, says, short, show, wait_for};
use crate::labelling::{digits, label_three, labelling};

/// A picture of its own for each number: smooth colours between 36 random ones.
fn picture(number: u32) -> RgbImage {
    let random = |at: u32| {
        let mut state = (number * 4_096 + at + 1).wrapping_mul(2_654_435_761);
        state ^= state >> 15;
        state = state.wrapping_mul(2_246_822_519);
        ((state >> 13) % 256) as f32
    };
    RgbImage::from_fn(32, 32, |x, y| {
        let (x, y) = (x as f32 * 5.0 / 32.0, y as f32 * 5.0 / 32.0);
        let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
        Rgb([0, 1, 2].map(|channel| {
            let at = |dx: u32, dy: u32| random(64 * channel + 6 * (y as u32 + dy) + x as u32 + dx);
            let (above, below) = (mix(at(0, 0), at(1, 0), x.fract()), mix(at(0, 1), at(1, 1), x.fract()));
            mix(above, below, y.fract()) as u8
        }))
    })
}

/// Two classes with copies, a wrong label and a blank image.
fn photos(folder: &Path) {
    let save = |image: &RgbImage, name: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        image.save(path).expect("writable");
    };
    for (class, first) in [("round", 0), ("pointed", 100)] {
        (0..12).for_each(|i| save(&picture(first + i), &format!("train/{class}/{i:02}.png")));
        (0..4).for_each(|i| save(&picture(first + 50 + i), &format!("test/{class}/{i}.png")));
    }
    save(&picture(3), "train/pointed/wrong.png");
    save(&picture(5), "test/round/copy.png");
    save(&picture(7), "train/round/copy.png");
    save(&RgbImage::from_pixel(32, 32, Rgb([250; 3])), "train/round/blank.png");
}

fn checked(folder: &Path, options: AppOptions) -> Window {
    let mut window = ready(options);
    show(&mut window, "Data check");
    wait_for(&mut window, "the first check", |window| says(window, "nothing found in 5000 images"));
    window.state_mut().workspace.open_data(folder.to_string_lossy().into_owned());
    wait_for(&mut window, "the second check", |window| says(window, "exact duplicates"));
    window
}

#[test]
fn findings_are_shown_with_their_images() {
    let folder = tempdir().expect("a folder");
    let photos_folder = folder.path().join("photos");
    photos(&photos_folder);
    let mut window = checked(&photos_folder, short());
    for text in [
        "contradicting labels: 2 copies in 1 group",
        "test images that are also trained on: 2 copies",
        "nearly uniform images: 1 image",
        "exact duplicates: 2 images in 1 group",
        "Corrected list",
        "train/pointed/wrong.png: pointed, training",
    ] {
        assert!(says(&window, text), "{text}");
    }
    for (theme, name) in [(egui::Theme::Dark, "data_check"), (egui::Theme::Light, "data_check_light")] {
        window.ctx.set_theme(theme);
        window.run_steps(3);
        // The path of the temporary folder differs in every run.
        let masked: Vec<_> = window.query_all_by_label("Source").map(|node| node.rect()).collect();
        masked.into_iter().for_each(|rect| window.mask(rect));
        compare(&mut window, name);
    }
}

#[test]
fn corrected_list_tells_its_result_and_opens() {
    let folder = tempdir().expect("a folder");
    let photos_folder = folder.path().join("photos");
    photos(&photos_folder);
    let mut window = checked(&photos_folder, short());
    // A place inside the data is refused.
    window.state_mut().workspace.write_corrected_list(photos_folder.join("clean.csv"));
    window.run_steps(3);
    assert!(says(&window, "× not written: ") && !says(&window, "Open this list"));
    assert!(!photos_folder.join("clean.csv").exists());
    let list = folder.path().join("clean.csv");
    window.state_mut().workspace.write_corrected_list(list.clone());
    window.run_steps(3);
    assert!(says(&window, "left out") && !says(&window, "× not written: "));
    let rows = fs::read_to_string(&list).expect("a list");
    for row in ["photos/train/round/blank.png,round,left out", "photos/train/round/07.png,round,train"] {
        assert!(rows.contains(row), "{rows}");
    }
    window.get_by_label("Open this list").click();
    // The result of other data is not shown.
    wait_for(&mut window, "the list", |window| !says(window, "Open this list"));
    assert!(says(&window, "clean.csv"), "the list is open");
}

#[test]
fn corrected_list_of_an_archive_opens_with_its_images() {
    let folder = tempdir().expect("a folder");
    photos(&folder.path().join("data/photos"));
    let archive = folder.path().join("photos.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).expect("a file"));
    tar.append_dir_all("photos", folder.path().join("data/photos")).expect("an archive");
    tar.finish().expect("an archive");
    fs::remove_dir_all(folder.path().join("data")).expect("removed");
    let mut window = checked(&archive, short());
    let list = folder.path().join("corrected.csv");
    window.state_mut().workspace.write_corrected_list(list);
    window.run_steps(3);
    assert!(says(&window, "left out") && !says(&window, "unpack"));
    window.get_by_label("Open this list").click();
    wait_for(&mut window, "the list", |window| !says(window, "Open this list"));
    assert!(says(&window, "corrected.csv names are those in ") && !says(&window, "× not opened"));
}

#[test]
fn labelled_folder_is_what_is_checked() {
    let outer = tempdir().expect("a folder");
    let folder = outer.path().join("photos");
    fs::rename(digits(12).keep(), &folder).expect("a move");
    fs::copy(folder.join("03-0.png"), folder.join("copy.png")).expect("a copy");
    let mut window = labelling(&folder);
    // Before there are classes.
    show(&mut window, "Data check");
    wait_for(&mut window, "the check", |window| says(window, "exact duplicates"));
    assert!(says(&window, "photos, which is being labelled") && says(&window, "13 images checked"));
    assert!(!says(&window, "Corrected list"));
    show(&mut window, "Label your own");
    window.get_by_label("new class").focus();
    window.run_steps(2);
    label_three(&mut window);
    show(&mut window, "Data check");
    assert!(says(&window, "The labels have changed since this check."));
    window.get_by_label("Check again").click();
    wait_for(&mut window, "the check", |window| says(window, "Corrected list"));
    assert!(!says(&window, "The labels have changed since this check."));
    // The other data are one click away, and are named.
    window.get_by_label_contains("the open data, ").click();
    wait_for(&mut window, "the other check", |window| says(window, "nothing found in 5000 images"));
    window.get_by_label_contains("which is being labelled").click();
    wait_for(&mut window, "the check", |window| says(window, "exact duplicates"));
    // One label of each class is too little to hold any out.
    let list = outer.path().join("clean.csv");
    window.state_mut().workspace.write_corrected_list(list);
    window.run_steps(3);
    assert!(says(&window, "clean.csv names 12 images, 1 is left out"));
    window.get_by_label("Open this list").click();
    wait_for(&mut window, "the list", |window| {
        says(window, "clean.csv: images listed in a CSV file, 12 training images")
    });
    assert!(says(
        &window,
        "there are no test images: accuracy is measured on the labelled images themselves"
    ));
    // Data that a person has opened since are what is checked.
    wait_for(&mut window, "its check", |window| says(window, "nothing found in 12 images"));
}
