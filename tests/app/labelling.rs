//! The labelling view, from a folder of images to an exported model, used through keyboard and pointer.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use eframe::egui::{Key, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use image::{GrayImage, Luma};
use pollster::block_on;
use remixmatch::data::{LabellingFolder, OpenOptions, open};
use remixmatch::gpu::Gpu;
use remixmatch::train::{Model, most_likely};
use tempfile::TempDir;

use crate::common::{STEPS, Window, compare, says, short, wait_for, window, window_of};

/// The classes of the built-in digits in the test folders.
const DIGITS: [u32; 3] = [0, 1, 7];

/// A folder of `count` built-in digits, `NUMBER-DIGIT.png`, cycling through 0, 1 and 7.
pub fn digits(count: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_digits(folder.path(), count);
    folder
}

fn write_digits(folder: &Path, count: usize) {
    let set = open("builtin:digits", &OpenOptions::default()).expect("built in");
    let labels = &set.train_labels;
    let mut streams =
        DIGITS.map(|digit| (0..labels.len()).filter(move |image| labels[*image] == Some(digit)));
    for number in 0..count {
        let digit = number % DIGITS.len();
        let image = streams[digit].next().expect("enough images of the digit");
        let pixels = set.train.image(image);
        let picture = GrayImage::from_fn(28, 28, |x, y| Luma([pixels[(y * 28 + x) as usize]]));
        picture.save(folder.join(format!("{number:02}-{}.png", DIGITS[digit]))).expect("a PNG");
    }
}

/// A window with a folder open in the labelling view.
pub fn labelling(folder: &Path) -> Window {
    let mut window = window(short());
    window.state_mut().workspace.label_folder(folder.to_owned());
    wait_for(&mut window, "the images", |window| says(window, "Least confident first"));
    wait_for(&mut window, "the digits", |window| says(window, "training images, "));
    window
}

pub fn press(window: &mut Window, key: Key) {
    window.key_press(key);
    window.run_steps(3);
}

/// Types class names into the focused field, and leaves it.
pub fn make_classes(window: &mut Window, names: &[&str]) {
    for name in names {
        window.get_by_label("new class").type_text(name);
        press(window, Key::Enter);
    }
    press(window, Key::Escape);
}

/// Makes the classes of the digits, and gives each to an image: the first three are one of each.
pub fn label_three(window: &mut Window) {
    make_classes(window, &["zero", "one", "seven"]);
    for key in [Key::Num1, Key::Num2, Key::Num3] {
        press(window, key);
    }
}

fn labels_on_disk(folder: &Path) -> String {
    fs::read_to_string(folder.join("labels.csv")).unwrap_or_default()
}

/// Waits until `labels.csv` has these lines below its header.
fn wait_for_labels(window: &mut Window, folder: &Path, lines: &[&str]) {
    let expected =
        format!("file,label\n{}", lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    let path = folder.to_owned();
    wait_for(window, "the labels on disk", move |_| labels_on_disk(&path) == expected);
}

/// Waits until `classes.txt` has these lines.
fn wait_for_classes(window: &mut Window, folder: &Path, lines: &str) {
    let path = folder.join("classes.txt");
    wait_for(window, "the classes on disk", move |_| {
        fs::read_to_string(&path).is_ok_and(|text| text == lines)
    });
}

/// The full text that contains `part`.
fn text_with(window: &Window, part: &str) -> String {
    let node = window.get_by_label_contains(part).accesskit_node();
    node.label().or(node.value()).expect("a text")
}

/// The accessible text of the current image.
fn current(window: &Window) -> String {
    text_with(window, "current image: ").trim_start_matches("current image: ").to_owned()
}

#[test]
fn folder_is_labelled_trained_reviewed_and_exported() {
    let (folder, out) = (digits(12), tempfile::tempdir().expect("a folder"));
    let mut window = labelling(folder.path());
    let path = folder.path();
    make_classes(&mut window, &["zero", "one", "seven"]);
    assert!(says(&window, "12 images, 0 labelled"));
    assert!(says(&window, "Label an image of 'zero' first"));

    // Each label is on disk before the next key.
    press(&mut window, Key::Num1);
    wait_for_labels(&mut window, path, &["00-0.png,zero"]);
    press(&mut window, Key::Num3);
    wait_for_labels(&mut window, path, &["00-0.png,zero", "01-1.png,seven"]);
    press(&mut window, Key::Backspace);
    wait_for_labels(&mut window, path, &["00-0.png,zero"]);
    assert_eq!(current(&window), "01-1.png, no label");
    press(&mut window, Key::Num2);
    press(&mut window, Key::Space);
    assert_eq!(current(&window), "03-0.png, no label");
    press(&mut window, Key::ArrowLeft);
    press(&mut window, Key::Num3);
    wait_for_labels(&mut window, path, &["00-0.png,zero", "01-1.png,one", "02-7.png,seven"]);
    assert_eq!(fs::read_to_string(path.join("classes.txt")).expect("a file"), "zero\none\nseven\n");
    press(&mut window, Key::Num9);
    assert!(says(&window, "No class has this key."));

    window.get_by_label("Images may be mirrored").click();
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    wait_for(&mut window, "guesses", |window| says(window, "guess: "));
    assert!(says(&window, "accuracy on the labelled images themselves"));
    assert!(!says(&window, "test accuracy"));

    // Review: the first guess is accepted, the second corrected.
    window.get_by_label("Least confident first").click();
    window.run_steps(3);
    let first = current(&window);
    assert!(first.ends_with(", no label"), "{first}");
    press(&mut window, Key::Enter);
    let second = current(&window);
    assert_ne!(first, second);
    press(&mut window, Key::Num2);
    let file = |text: &str| text.split(',').next().expect("a name").to_owned();
    let corrected = format!("{},one", file(&second));
    let accepted = file(&first);
    let disk = path.to_owned();
    wait_for(&mut window, "the labels", move |_| labels_on_disk(&disk).ends_with(&format!("{corrected}\n")));
    assert!(labels_on_disk(path).contains(&format!("\n{accepted},")));

    // The exported table and model agree.
    let (table, model) = (out.path().join("predictions.csv"), out.path().join("model.safetensors"));
    window.state_mut().workspace.export_predictions(table.clone());
    window.state_mut().workspace.export_model(model.clone());
    wait_for(&mut window, "the model", |window| says(window, "model written: "));
    check_export(path, &table, &model);
    let onnx = out.path().join("model.onnx");
    window.state_mut().workspace.export_model(onnx.clone());
    wait_for(&mut window, "the ONNX file", |window| says(window, "model.onnx"));
    assert!(remixmatch::onnx::is_export(&fs::read(onnx).expect("a file")));

    // More labels, and another run.
    window.get_by_label("▶ Train on 5 labels").click();
    wait_for(&mut window, "the second run", |window| says(window, "training: step"));
    wait_for(&mut window, "its end", |window| says(window, "trained: step 6 of 6"));

    // A new window reads the labels.
    let before = labels_on_disk(path);
    drop(window);
    let window = labelling(path);
    assert!(says(&window, "12 images, 5 labelled"));
    assert_eq!(labels_on_disk(path), before);
}

/// Asserts that each row of the table has the probabilities of the exported model.
fn check_export(folder: &Path, table: &Path, model: &Path) {
    let gpu = Arc::new(Gpu::new_blocking().expect("an adapter"));
    let mut model = Model::load(gpu, model).expect("a model");
    assert_eq!(model.header.classes, ["zero", "one", "seven"]);
    assert_eq!((model.config.labels, model.config.flip), (3, Some(false)));
    let own = LabellingFolder::open(folder, &OpenOptions::default()).expect("images");
    let expected = block_on(model.probabilities(&own.images)).expect("probabilities");
    let mut rows = csv::Reader::from_path(table).expect("a table");
    assert_eq!(rows.headers().expect("a header"), vec!["file", "class", "zero", "one", "seven", "by_hand"]);
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), own.files.len());
    for ((row, file), expected) in rows.iter().zip(&own.files).zip(expected.chunks_exact(3)) {
        assert_eq!(&row[0], file);
        assert_eq!(row[1], model.header.classes[most_likely(expected)]);
        for (value, expected) in row.iter().skip(2).zip(expected) {
            let value: f32 = value.parse().expect("a number");
            assert!((value - expected).abs() < 1e-5, "{file}: {value}, not {expected}");
        }
    }
}

#[test]
fn every_fifth_label_is_held_out() {
    let folder = digits(16);
    let mut window = labelling(folder.path());
    make_classes(&mut window, &["zero", "one", "seven"]);
    for key in [Key::Num1, Key::Num2, Key::Num3].into_iter().cycle().take(15) {
        press(&mut window, key);
    }
    assert!(says(&window, "3 labels are held out to measure accuracy"));
    window.get_by_label("▶ Train on 15 labels").click();
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    assert!(says(&window, "accuracy on the labels held out"));
    let split = window.state().workspace.split_of(0).expect("a split");
    assert_eq!((split.labelled.len(), split.unlabelled.len()), (12, 16));
    // Opening the folder again reads its labels again.
    let labels = labels_on_disk(folder.path());
    let last = labels.trim_end().rfind('\n').expect("several lines") + 1;
    fs::write(folder.path().join("labels.csv"), &labels[..last]).expect("a file");
    window.state_mut().workspace.label_folder(folder.path().to_owned());
    wait_for(&mut window, "the folder", |window| says(window, "16 images, 14 labelled"));
}

#[test]
fn pointer_does_what_keys_do() {
    let folder = digits(9);
    let path = folder.path();
    let mut window = labelling(path);
    make_classes(&mut window, &["zero", "one"]);
    window.get_by_label("one").click();
    wait_for_labels(&mut window, path, &["00-0.png,one"]);
    window.get_by_label("05-7.png: no label").click();
    window.run_steps(3);
    assert_eq!(current(&window), "05-7.png, no label");
    // With the image focused, arrow keys move between images, not between widgets.
    window.get_by_label_contains("current image: ").click();
    window.run_steps(3);
    press(&mut window, Key::ArrowRight);
    press(&mut window, Key::ArrowRight);
    assert_eq!(current(&window), "07-1.png, no label");
    press(&mut window, Key::Home);
    assert_eq!(current(&window), "00-0.png, one");
    press(&mut window, Key::U);
    wait_for_labels(&mut window, path, &[]);
    // With a button focused, Enter presses the button and digits label the image.
    window.get_by_label("Images may be mirrored").focus();
    window.run_steps(2);
    press(&mut window, Key::Enter);
    assert!(!says(&window, "There is no guess to accept"));
    press(&mut window, Key::Num1);
    wait_for_labels(&mut window, path, &["00-0.png,zero"]);
}

#[test]
fn images_are_guessed_during_training_and_on_pause() {
    let folder = digits(12);
    let mut window = window(remixmatch::app::AppOptions { steps: Some(100_000), ..short() });
    window.state_mut().workspace.label_folder(folder.path().to_owned());
    wait_for(&mut window, "both", |window| {
        says(window, "Least confident first") && says(window, "training images, ")
    });
    label_three(&mut window);
    window.get_by_label("▶ Train on 3 labels").click();
    let step = |window: &Window| window.state().workspace.last_statistics(0).map_or(0, |last| last.step);
    wait_for(&mut window, "a step", |window| step(window) >= 1);
    assert!(!says(&window, "guess: "));
    window.get_by_label("Guess now").click();
    wait_for(&mut window, "guesses", |window| says(window, "guess: "));
    let before = step(&window);
    wait_for(&mut window, "further steps", |window| step(window) > before);
    window.get_by_label("Pause and guess").click();
    wait_for(&mut window, "a pause", |window| says(window, "trained: step "));
    let text = text_with(&window, "trained: step ");
    let step = text.split(' ').nth(2).expect("a number");
    let reached = format!("Guesses are from step {step}.");
    wait_for(&mut window, "guesses of the last step", |window| says(window, &reached));
}

#[test]
fn classes_are_added_renamed_and_removed() {
    let folder = digits(6);
    let path = folder.path();
    let mut window = labelling(path);
    make_classes(&mut window, &["zero", "one"]);
    press(&mut window, Key::Num1);
    press(&mut window, Key::Num2);
    window.get_by_label("new class").focus();
    window.run_steps(2);
    make_classes(&mut window, &["one"]);
    assert!(says(&window, "a class 'one' already exists"));

    window.get_by_label("rename zero").click();
    window.run_steps(3);
    window.get_by_label("new name").type_text(" round ");
    press(&mut window, Key::Enter);
    wait_for_labels(&mut window, path, &["00-0.png,zero round", "01-1.png,one"]);

    // A class with labels needs a second click.
    window.get_by_label("remove zero round").click();
    window.run_steps(3);
    assert_eq!(labels_on_disk(path).lines().count(), 3);
    window.get_by_label("remove zero round").click();
    window.run_steps(3);
    wait_for_labels(&mut window, path, &["01-1.png,one"]);
    // The second class now has the first key.
    press(&mut window, Key::Num1);
    wait_for_labels(&mut window, path, &["01-1.png,one", "02-7.png,one"]);
}

/// Adds a class with the field, which keeps the focus.
fn add_class(window: &mut Window, name: &str) {
    window.get_by_label("new class").focus();
    window.run_steps(2);
    window.get_by_label("new class").type_text(name);
    press(window, Key::Enter);
}

#[test]
fn spellings_of_one_class_are_asked_about() {
    let folder = digits(6);
    let path = folder.path();
    let mut window = labelling(path);
    make_classes(&mut window, &["Haus", "Auto"]);
    press(&mut window, Key::Num1);
    add_class(&mut window, "haus");
    assert!(says(&window, "haus and Haus differ in their spelling alone"));
    window.get_by_label("Use Haus").click();
    window.run_steps(3);
    wait_for_classes(&mut window, path, "Haus\nAuto\n");
    add_class(&mut window, "HAUS");
    window.get_by_label("Add HAUS too").click();
    press(&mut window, Key::Escape);
    press(&mut window, Key::Num3);
    wait_for_labels(&mut window, path, &["00-0.png,Haus", "01-1.png,HAUS"]);
    // Renaming to the name of another class merges the two.
    window.get_by_label("rename HAUS").click();
    window.run_steps(3);
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::A);
    window.get_by_label("new name").type_text("Haus");
    press(&mut window, Key::Enter);
    assert!(says(&window, "Merge HAUS (1 label) into Haus?"));
    window.get_by_label("Merge").click();
    window.run_steps(3);
    wait_for_labels(&mut window, path, &["00-0.png,Haus", "01-1.png,Haus"]);
    wait_for_classes(&mut window, path, "Haus\nAuto\n");
}

#[test]
fn questions_about_classes_end_with_escape() {
    let folder = digits(6);
    let path = folder.path();
    let mut window = labelling(path);
    make_classes(&mut window, &["zero", "one"]);
    press(&mut window, Key::Num1);
    window.get_by_label("remove zero").click();
    window.run_steps(3);
    assert!(says(&window, "Remove zero and its 1 label?") && window.query_by_label("zero").is_some());
    press(&mut window, Key::Escape);
    assert!(!says(&window, "Remove zero and its"));
    wait_for_labels(&mut window, path, &["00-0.png,zero"]);
    // A message about a name goes with the next action.
    add_class(&mut window, "one");
    assert!(says(&window, "a class 'one' already exists"));
    press(&mut window, Key::Escape);
    press(&mut window, Key::Num2);
    assert!(!says(&window, "already exists"));
    window.get_by_label("remove zero").click();
    window.run_steps(3);
    window.get_by_label("Remove").click();
    window.run_steps(3);
    wait_for_labels(&mut window, path, &["01-1.png,one"]);
}

#[test]
fn train_button_trains_what_is_labelled() {
    let folder = digits(12);
    let mut window = labelling(folder.path());
    let is_enabled = |window: &Window| !window.get_by_label("▶ Train").accesskit_node().is_disabled();
    assert!(!is_enabled(&window) && says(&window, "Training needs at least two classes"));
    label_three(&mut window);
    assert!(says(&window, "Train begins a run on the 3 labels of "));
    press(&mut window, Key::F5);
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    let source = &window.state().workspace.settings().config.data;
    assert_eq!(Path::new(source), folder.path());
    // In another view Train is that of the run, which is finished.
    crate::common::show(&mut window, "Anchors");
    assert!(!is_enabled(&window) && says(&window, "6 / 6 steps"));
}

#[test]
fn opened_run_brings_its_labels_back() {
    let (folder, runs) = (digits(12), tempfile::tempdir().expect("a folder"));
    let mut window = labelling(folder.path());
    label_three(&mut window);
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    let run = runs.path().join("run");
    window.state_mut().workspace.save_runs(run.clone());
    wait_for(&mut window, "the file", |window| says(window, "saved to "));
    drop(window);
    let mut window = self::window(remixmatch::app::AppOptions { run: Some(run), ..Default::default() });
    wait_for(&mut window, "the run", |window| says(window, "finished, "));
    crate::common::show(&mut window, "Label your own");
    wait_for(&mut window, "the labels", |window| says(window, "12 images, 3 labelled"));
    wait_for(&mut window, "guesses", |window| says(window, "guess: "));
}

#[test]
fn archives_are_not_labelled_and_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("camera.zip");
    fs::write(&archive, "PK").expect("a file");
    let mut window = window(short());
    window.state_mut().workspace.label_folder(archive);
    wait_for(&mut window, "the reason", |window| says(window, "unpack it, and open the folder"));
    // A folder that holds an archive alone, as a page has it where an archive is dropped.
    window.state_mut().workspace.label_folder(folder.path().to_owned());
    wait_for(&mut window, "the reason", |window| {
        says(window, "unpack camera.zip, and open or drop the folder")
    });
}

#[test]
fn train_button_stays_in_sight_below_classes() {
    let folder = digits(3);
    let mut window = window_of(short(), [1024.0, 640.0]);
    window.state_mut().workspace.label_folder(folder.path().to_owned());
    wait_for(&mut window, "the images", |window| says(window, "Least confident first"));
    let names: Vec<String> = (0..12).map(|class| format!("class {class}")).collect();
    make_classes(&mut window, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let train = window.get_by_label_contains("Train on").rect();
    let below = window.get_by_role_and_label(Role::Button, "Curves").rect();
    assert!(train.bottom() <= below.top(), "{train:?} is not above {below:?}");
}

#[test]
fn labelling_view_is_drawn_with_guesses() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("photos");
    fs::create_dir(&folder).expect("a folder");
    write_digits(&folder, 30);
    let mut window = labelling(&folder);
    label_three(&mut window);
    wait_for(&mut window, "saved labels", |window| says(window, "saved in labels.csv"));
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "guesses", |window| says(window, &format!("Guesses are from step {STEPS}.")));
    // The path of the temporary folder differs in every run.
    let masked: Vec<_> = window.query_all_by_label("Source").map(|node| node.rect()).collect();
    masked.into_iter().for_each(|rect| window.mask(rect));
    compare(&mut window, "labelling");
}

#[test]
fn labels_of_others_are_taken_over() {
    let folder = digits(6);
    let path = folder.path();
    let mut window = labelling(path);
    make_classes(&mut window, &["zero", "one"]);
    press(&mut window, Key::Num1);
    wait_for_labels(&mut window, path, &["00-0.png,zero"]);
    let with_line =
        |line: &str| fs::write(path.join("labels.csv"), labels_on_disk(path) + line).expect("a file");
    // A key is pressed before the window looks at the file.
    with_line("04-1.png,one\n");
    press(&mut window, Key::Num2);
    wait_for_labels(&mut window, path, &["04-1.png,one", "00-0.png,zero", "01-1.png,one"]);
    wait_for(&mut window, "the message", |window| {
        says(window, "labels.csv was changed elsewhere: 1 label added (04-1.png: one)")
    });
    assert!(says(&window, "6 images, 3 labelled"));
    // Without a key, the window takes it over within seconds.
    with_line("05-7.png,seven\n");
    wait_for(&mut window, "the label", |window| says(window, "6 images, 4 labelled"));
    assert!(window.query_by_label("remove seven").is_some() && says(&window, "saved in labels.csv"));
    wait_for_classes(&mut window, path, "zero\none\nseven\n");
}

/// Digits in a folder for each of two days, and one beside them.
fn write_days(folder: &Path) {
    for day in ["Tag1", "Übung"] {
        fs::create_dir_all(folder.join(day)).expect("a folder");
        write_digits(&folder.join(day), 6);
    }
    fs::rename(folder.join("Tag1/00-0.png"), folder.join("loose.png")).expect("a move");
}

#[test]
fn folders_become_classes_only_when_asked() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = &outer.path().join("photos");
    write_days(folder);
    let mut window = labelling(folder);
    assert!(says(&window, "12 images, 0 labelled") && !says(&window, "saved in labels.csv"));
    assert!(says(&window, "Images are in the folders Tag1 (5), Übung (6). Are these their classes?"));
    crate::common::compare(&mut window, "labelling_folders");
    window.get_by_label("Begin without labels").click();
    window.run_steps(3);
    assert!(!says(&window, "Are these their classes?") && says(&window, "12 images, 0 labelled"));
    // Asked again in a new window, as nothing was saved; images that have a label keep it.
    drop(window);
    let mut window = labelling(folder);
    window.get_by_label("These folders are classes").click();
    window.run_steps(3);
    assert!(says(&window, "12 images, 11 labelled") && says(&window, "no labels.csv yet"));
    assert!(!folder.join("labels.csv").exists());
    assert!(says(&window, "11 labels are taken from the folders"));
    press(&mut window, Key::Num1);
    wait_for(&mut window, "the file", |window| says(window, "saved in labels.csv"));
    assert_eq!(labels_on_disk(folder).lines().count(), 13);
    drop(window);
    let window = labelling(folder);
    assert!(says(&window, "12 images, 12 labelled") && !says(&window, "Are these their classes?"));
}

#[test]
fn guesses_follow_removed_and_renamed_classes() {
    let folder = digits(12);
    let mut window = labelling(folder.path());
    label_three(&mut window);
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "guesses", |window| says(window, &format!("Guesses are from step {STEPS}.")));
    crate::common::show(&mut window, "Confusion");
    assert!(says(&window, "of 3 labelled images correct") && says(&window, "the run was trained on them"));
    assert!(says(&window, "Click a cell to see its labelled images"));
    crate::common::show(&mut window, "Label your own");
    window.get_by_label("remove zero").click();
    window.run_steps(3);
    window.get_by_label("Remove").click();
    window.run_steps(3);
    let out = tempfile::tempdir().expect("a folder");
    let table = out.path().join("predictions.csv");
    window.state_mut().workspace.export_predictions(table.clone());
    let mut rows = csv::Reader::from_path(table).expect("a table");
    for row in rows.records() {
        let row = row.expect("a row");
        // The window and the table have one guess.
        let image = format!("{}: ", &row[0]);
        window.get_all_by_label_contains(&image).next().expect("the image").click();
        window.run_steps(3);
        let p = row.iter().skip(2).take(2).map(|p| p.parse::<f32>().expect("a number")).fold(0.0, f32::max);
        let guess = format!("guess: {} {:.0} %", &row[1], 100.0 * p);
        assert!(says(&window, &guess), "{guess}: {}", text_with(&window, "guess: "));
    }
    press(&mut window, Key::Enter);
    assert!(!says(&window, "no longer exists"));
}

#[test]
fn labels_of_missing_files_are_told() {
    let folder = digits(6);
    fs::write(folder.path().join("classes.txt"), "zero\none\n").expect("a file");
    fs::write(folder.path().join("labels.csv"), "file,label\n00-0.png,zero\ngone.png,one\n").expect("a file");
    let window = labelling(folder.path());
    assert!(says(&window, "1 of 2 labels in labels.csv names no file here: 'gone.png'"));
}

#[test]
fn exports_tell_how_classes_have_changed() {
    let (folder, out) = (digits(12), tempfile::tempdir().expect("a folder"));
    let mut window = labelling(folder.path());
    label_three(&mut window);
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "guesses", |window| says(window, &format!("Guesses are from step {STEPS}.")));
    assert!(!says(&window, "The classes have changed since the run began"));
    for (button, confirm, told) in [
        ("remove seven", Some("Remove"), "removed seven"),
        ("rename one", None, "removed seven; renamed one (now oneround)"),
    ] {
        window.get_by_label(button).click();
        window.run_steps(3);
        match confirm {
            Some(confirm) => window.get_by_label(confirm).click(),
            None => {
                window.get_by_label("new name").type_text("round");
                press(&mut window, Key::Enter);
            }
        }
        window.run_steps(3);
        assert!(says(&window, &format!("The classes have changed since the run began ({told}).")), "{told}");
        let (table, model) = (out.path().join("p.csv"), out.path().join("m.safetensors"));
        window.state_mut().workspace.export_predictions(table.clone());
        window.state_mut().workspace.export_model(model);
        window.run_steps(3);
        let since = format!("the classes have changed since the model was trained ({told})");
        assert!(says(&window, &format!("{since}: the predictions are of those that are left")), "{told}");
        assert!(says(&window, &format!("{since}: the model has those of its run")), "{told}");
        assert!(!fs::read_to_string(table).expect("a table").contains("seven"));
    }
    // Once they are back, nothing is left to be said.
    window.get_by_label("rename oneround").click();
    window.run_steps(3);
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::A);
    window.get_by_label("new name").type_text("one");
    press(&mut window, Key::Enter);
    press(&mut window, Key::Backspace);
    assert!(window.query_by_label("remove seven").is_some());
    assert!(!says(&window, "The classes have changed since the run began"));
}

#[test]
fn first_weights_are_told_beside_train() {
    let folder = digits(6);
    let mut window = labelling(folder.path());
    make_classes(&mut window, &["zero", "one"]);
    press(&mut window, Key::Num1);
    press(&mut window, Key::Num2);
    assert_eq!(window.query_all_by_label_contains("Starts from random weights.").count(), 2);
    crate::common::drop_on(&mut window, Path::new("birds.safetensors"));
    window.run_steps(3);
    let told = "Starts from birds.safetensors; frozen layers: none.";
    assert_eq!(window.query_all_by_label_contains(told).count(), 2);
}

#[test]
fn orders_stay_on_one_line_at_any_width() {
    let folder = digits(6);
    fs::write(folder.path().join("broken.png"), "not an image").expect("a file");
    let mut window = labelling(folder.path());
    assert!(says(&window, "1 more cannot be read"));
    make_classes(&mut window, &["zero", "one"]);
    press(&mut window, Key::Num1);
    wait_for(&mut window, "saved labels", |window| says(window, "saved in labels.csv"));
    for width in (640..1280).step_by(16) {
        window.set_size(eframe::egui::vec2(width as f32, 640.0));
        window.run_steps(3);
        if let Some(button) = window.query_by_label("Least confident first") {
            assert!(button.rect().height() < 30.0, "{width}: {:?}", button.rect());
        }
    }
}
