//! Labels and the disk: images that change meanwhile, labels that cannot be saved, and what is opened again.

use std::fs;
use std::path::Path;

use eframe::egui::{Key, ViewportCommand, ViewportEvent, ViewportId};
use egui_kittest::kittest::Queryable as _;
use image::{GrayImage, Luma};
use remixmatch::app::AppOptions;

use crate::common::{Window, says, short, wait_for, window};
use crate::labelling::{digits, labelling, make_classes, press};

/// A window with the first image of each class labelled.
fn labelled(folder: &Path) -> Window {
    let mut window = labelling(folder);
    label_three(&mut window);
    window
}

fn label_three(window: &mut Window) {
    make_classes(window, &["zero", "one", "seven"]);
    for key in [Key::Num1, Key::Num2, Key::Num3] {
        press(window, key);
    }
    wait_for(window, "saved labels", |window| says(window, "saved in labels.csv"));
}

fn picture(path: &Path, grey: u8) {
    GrayImage::from_pixel(28, 28, Luma([grey])).save(path).expect("a PNG");
}

/// The table of guesses, and the files in it.
fn guessed(window: &mut Window) -> Vec<String> {
    let out = tempfile::tempdir().expect("a folder");
    let table = out.path().join("predictions.csv");
    window.state_mut().workspace.export_predictions(table.clone());
    let mut rows = csv::Reader::from_path(table).expect("a table");
    rows.records().map(|row| row.expect("a row")[0].to_owned()).collect()
}

#[test]
fn changed_images_are_read_again_at_train() {
    for (case, told, files) in [
        ("added", "1 image added (99.png)", 13),
        ("changed", "1 image changed (04-1.png)", 12),
        ("removed", "1 image removed (05-7.png)", 11),
        ("all three", "1 image added (99.png); 1 image changed (04-1.png); 1 image removed (05-7.png)", 12),
    ] {
        let folder = digits(12);
        let path = folder.path();
        let mut window = labelled(path);
        window.get_by_label("Images may be mirrored").click();
        window.run_steps(2);
        let is = |what: &str| case == what || case == "all three";
        if is("added") {
            picture(&path.join("99.png"), 7);
        }
        if is("changed") {
            picture(&path.join("04-1.png"), 9);
        }
        if is("removed") {
            fs::remove_file(path.join("05-7.png")).expect("removed");
        }
        // The first time by the view's button, then by the left panel's.
        match case {
            "added" => window.get_by_label("▶ Train").click(),
            _ => window.get_by_label("▶ Train on 3 labels").click(),
        }
        wait_for(&mut window, case, |window| says(window, "trained: step 6 of 6"));
        assert!(says(&window, &format!("have changed on the disk, and are read again: {told}")), "{case}");
        assert!(says(&window, &format!("{files} images, 3 labelled")), "{case}");
        wait_for(&mut window, "guesses", |window| says(window, "Guesses are from step 6."));
        let guessed = guessed(&mut window);
        assert_eq!(guessed.len(), files, "{case}");
        assert_eq!(guessed.contains(&"99.png".to_owned()), is("added"), "{case}");
        assert_eq!(guessed.contains(&"05-7.png".to_owned()), !is("removed"), "{case}");
        // Nothing has changed since.
        window.get_by_label("▶ Train again").click();
        wait_for(&mut window, "another run", |window| !says(window, "trained: step 6 of 6"));
        wait_for(&mut window, "its end", |window| says(window, "trained: step 6 of 6"));
        assert_eq!(window.query_all_by_label_contains("have changed on the disk").count(), 1, "{case}");
    }
}

#[test]
fn removed_labelled_images_stop_training_with_a_reason() {
    let folder = digits(12);
    let mut window = labelled(folder.path());
    fs::remove_file(folder.path().join("01-1.png")).expect("removed");
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "the reason", |window| says(window, "no image of class 'one'"));
    assert!(says(&window, "11 images, 2 labelled") && says(&window, "1 image removed (01-1.png)"));
    // A folder that is gone.
    let gone = folder.path().with_extension("gone");
    fs::rename(folder.path(), &gone).expect("a move");
    window.get_by_label("remove one").click();
    window.run_steps(3);
    window.get_by_label("▶ Train on 2 labels").click();
    wait_for(&mut window, "the reason", |window| says(window, "cannot read"));
    fs::rename(gone, folder.path()).expect("a move");
}

/// Closes the window, and returns whether it may.
fn close(window: &mut Window) -> bool {
    let viewport = window.input_mut().viewports.entry(ViewportId::ROOT).or_default();
    viewport.events.push(ViewportEvent::Close);
    window.step();
    let viewport = window.input_mut().viewports.entry(ViewportId::ROOT).or_default();
    viewport.events.clear();
    let commands = &window.output().viewport_output[&ViewportId::ROOT].commands;
    let closes = !commands.contains(&ViewportCommand::CancelClose);
    window.run_steps(3);
    closes
}

#[test]
fn closing_keeps_labels_that_cannot_be_saved() {
    let (folder, kept) = (digits(6), tempfile::tempdir().expect("a folder"));
    let options = || AppOptions { kept_labels: Some(kept.path().join("labels")), ..short() };
    let open = || {
        let mut window = window(options());
        window.state_mut().workspace.label_folder(folder.path().to_owned());
        wait_for(&mut window, "the images", |window| says(window, "Least confident first"));
        window
    };
    let mut window = open();
    label_three(&mut window);
    assert!(close(&mut window), "labels that are saved need no question");
    // The folder is away, as a drive may be.
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).expect("a move");
    press(&mut window, Key::Num1);
    wait_for(&mut window, "the notice", |window| says(window, "labels not saved"));
    // Tried again every two seconds, and said once: in the header and in the log.
    for _ in 0..250 {
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(window.query_all_by_label_contains("labels not saved, they exist in").count(), 2);
    assert!(!says(&window, "it is written again"));
    assert!(!close(&mut window));
    assert!(says(&window, "Labels are not saved") && says(&window, "The 4 labels of "));
    assert!(says(&window, "They are kept in ") && window.query_by_label("Close").is_some());
    window.get_by_label("Stay").click();
    window.run_steps(3);
    assert!(!says(&window, "Labels are not saved"));
    drop(window);
    fs::rename(away, folder.path()).expect("a move");
    assert_eq!(fs::read_to_string(folder.path().join("labels.csv")).expect("a file").lines().count(), 4);

    let mut window = open();
    assert!(says(&window, "4 labels of an earlier visit, which could not be saved then, taken from "));
    assert!(says(&window, "6 images, 4 labelled"));
    wait_for(&mut window, "saved labels", |window| says(window, "saved in labels.csv"));
    let labels = folder.path().join("labels.csv");
    wait_for(&mut window, "the label", |_| {
        fs::read_to_string(&labels).is_ok_and(|text| text.lines().count() == 5)
    });
    let left = || fs::read_dir(kept.path().join("labels")).expect("a folder").count();
    wait_for(&mut window, "the end of the kept labels", |_| left() == 0);
    assert!(close(&mut window));
}

#[test]
fn closing_asks_where_labels_would_be_lost() {
    let folder = digits(6);
    let mut window = labelled(folder.path());
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).expect("a move");
    press(&mut window, Key::Num2);
    wait_for(&mut window, "the notice", |window| says(window, "labels not saved"));
    assert!(!close(&mut window));
    assert!(says(&window, "Closing the window loses them."));
    assert!(window.query_by_label("Close and lose them").is_some());
    // Another folder does not take the place of labels that would be lost.
    window.get_by_label("Stay").click();
    window.run_steps(3);
    let other = digits(3);
    window.state_mut().workspace.label_folder(other.path().to_owned());
    wait_for(&mut window, "the refusal", |window| says(window, "× not opened: the 4 labels of "));
    assert!(says(&window, "6 images, 4 labelled"));
    fs::rename(away, folder.path()).expect("a move");
    wait_for(&mut window, "saved labels", |window| says(window, "saved in labels.csv"));
    window.state_mut().workspace.label_folder(other.path().to_owned());
    wait_for(&mut window, "the folder", |window| says(window, "3 images, 0 labelled"));
}

#[test]
fn folder_opened_again_has_its_unsaved_labels() {
    let folder = digits(6);
    let mut window = labelled(folder.path());
    let classes = folder.path().join("classes.txt");
    fs::remove_file(&classes).expect("removed");
    fs::create_dir(&classes).expect("a folder in its place");
    press(&mut window, Key::Num1);
    wait_for(&mut window, "the notice", |window| says(window, "labels not saved"));
    window.state_mut().workspace.label_folder(folder.path().to_owned());
    window.run_steps(3);
    wait_for(&mut window, "the images", |window| !says(window, "reading the images in"));
    assert!(says(&window, "6 images, 4 labelled"));
}

#[test]
fn label_option_trains_its_folder() {
    let folder = digits(12);
    drop(labelled(folder.path()));
    let options = AppOptions { label: Some(folder.path().to_owned()), train: true, ..short() };
    let mut window = window(options);
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    assert_eq!(Path::new(&window.state().workspace.settings().config.data), folder.path());
    assert_eq!(window.state().workspace.split_of(0).expect("a split").labelled.len(), 3);
}

#[test]
fn run_goes_on_without_classes_that_it_does_not_have() {
    let (folder, runs) = (digits(12), tempfile::tempdir().expect("a folder"));
    let path = folder.path();
    let mut window = labelled(path);
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    let run = runs.path().join("run");
    window.state_mut().workspace.save_runs(run.clone());
    wait_for(&mut window, "the file", |window| says(window, "saved to "));
    // A class without labels, and one with a label, in another order.
    for name in ["bird", "ship"] {
        window.get_by_label("new class").focus();
        window.run_steps(2);
        make_classes(&mut window, &[name]);
    }
    press(&mut window, Key::Num5);
    wait_for(&mut window, "the label", |_| {
        fs::read_to_string(path.join("labels.csv")).is_ok_and(|text| text.contains("ship"))
    });
    drop(window);
    fs::write(path.join("classes.txt"), "ship\nseven\nbird\none\nzero\n").expect("a file");
    let mut window = self::window(AppOptions { run: Some(run), ..AppOptions::default() });
    wait_for(&mut window, "the run", |window| says(window, "finished, "));
    assert!(says(
        &window,
        "the run goes on without the classes that it does not have: ship (1 label), bird (0 labels)"
    ));
    crate::common::show(&mut window, "Label your own");
    wait_for(&mut window, "the labels", |window| says(window, "12 images, 4 labelled"));
    wait_for(&mut window, "guesses", |window| says(window, "guess: "));
}

#[test]
fn bare_class_in_labels_leads_to_labelling() {
    let folder = digits(6);
    fs::write(folder.path().join("labels.csv"), "file,label\n00-0.png,zero\n01-1.png,one\n").expect("a file");
    fs::write(folder.path().join("classes.txt"), "zero\none\nbird\n").expect("a file");
    let mut window = window(short());
    window.state_mut().workspace.open_data(folder.path().to_string_lossy().into_owned());
    wait_for(&mut window, "the refusal", |window| says(window, "no image of class 'bird'"));
    window.get_by_label("Label its images").click();
    wait_for(&mut window, "the images", |window| says(window, "6 images, 2 labelled"));
    assert!(says(&window, "Label an image of 'bird' first, or remove the class."));
}

/// Says yes to what zenity is to suggest.
#[cfg(target_os = "linux")]
const ZENITY: &str =
    "#!/bin/sh\nfor a in \"$@\"; do case \"$a\" in --filename=*) echo \"${a#--filename=}\";; esac; done\n";

#[cfg(target_os = "linux")]
#[test]
fn exports_are_suggested_beside_the_images() {
    use std::os::unix::fs::PermissionsExt as _;

    if std::env::var_os("WITH_ZENITY").is_none() {
        // Again in a process of its own, on a desktop without a portal for dialogs.
        let outer = tempfile::tempdir().expect("a folder");
        let zenity = outer.path().join("zenity");
        fs::write(&zenity, ZENITY).expect("a file");
        fs::set_permissions(&zenity, fs::Permissions::from_mode(0o755)).expect("its mode");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = [outer.path().to_owned()].into_iter().chain(std::env::split_paths(&path));
        let mut again = std::process::Command::new(std::env::current_exe().expect("a program"));
        again
            .args(["--exact", "labelling_disk::exports_are_suggested_beside_the_images"])
            .env("PATH", std::env::join_paths(places).expect("a path"))
            .env("WITH_ZENITY", "1")
            .env_remove("DBUS_SESSION_BUS_ADDRESS");
        let output = again.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("photos");
    fs::rename(digits(12).keep(), &folder).expect("a move");
    let mut window = labelled(&folder);
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "guesses", |window| says(window, "Guesses are from step 6."));
    for (button, place) in [
        ("Predictions ...", folder.join("predictions.csv")),
        ("Model ...", outer.path().join("model.safetensors")),
    ] {
        window.get_by_label(button).click();
        wait_for(&mut window, button, |window| says(window, &format!("written: {}", place.display())));
        assert!(place.exists(), "{button}");
    }
}
