//! A folder that two windows label at once, and whose files change between visits.

use std::fs;
use std::path::Path;

use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;
use image::{GrayImage, Luma};

use crate::common::{Window, says, short, wait_for, window};
use crate::labelling::{digits, label_three, labelling, make_classes, press};

fn labels_on_disk(folder: &Path) -> String {
    fs::read_to_string(folder.join("labels.csv")).unwrap_or_default()
}

fn wait_for_labels(window: &mut Window, folder: &Path, lines: &str) {
    let (path, expected) = (folder.to_owned(), format!("file,label\n{lines}"));
    wait_for(window, lines, move |_| labels_on_disk(&path) == expected);
}

fn rename_class(window: &mut Window, old: &str, new: &str) {
    window.get_by_label(&format!("rename {old}")).click();
    window.run_steps(3);
    window.key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::A);
    window.get_by_label("new name").type_text(new);
    press(window, Key::Enter);
}

fn remove_class(window: &mut Window, name: &str) {
    window.get_by_label(&format!("remove {name}")).click();
    window.run_steps(3);
    if let Some(button) = window.query_by_label("Remove") {
        button.click();
    }
    window.run_steps(3);
}

#[test]
fn classes_changed_in_another_window_are_told() {
    let folder = digits(9);
    let path = folder.path();
    let mut one = labelling(path);
    make_classes(&mut one, &["zero", "one", "seven"]);
    press(&mut one, Key::Num1);
    wait_for_labels(&mut one, path, "00-0.png,zero\n");
    let mut two = labelling(path);
    press(&mut two, Key::Num3);
    wait_for_labels(&mut two, path, "00-0.png,zero\n01-1.png,seven\n");
    // A question keeps its class where others move.
    two.get_by_label("remove seven").click();
    two.run_steps(3);
    assert!(says(&two, "Remove seven and its 1 label?"));
    wait_for(&mut one, "the label", |window| says(window, "9 images, 2 labelled"));
    rename_class(&mut one, "one", "uno");
    wait_for(&mut two, "the name", |window| says(window, "renamed one (now uno)"));
    remove_class(&mut one, "zero");
    wait_for_labels(&mut one, path, "01-1.png,seven\n");
    wait_for(&mut two, "the classes", |window| says(window, "removed zero; renamed one (now uno)"));
    assert!(says(&two, "Keys: 1 is uno (was zero), 2 is seven (was one), 3 has no class (was seven)."));
    assert!(says(&two, "1 class renamed (one is uno now)") && says(&two, "1 class removed (zero)"));
    assert!(says(&two, "Remove seven and its 1 label?"));
    press(&mut two, Key::Escape);
    // The image that was removed with its class is the first one without a label.
    two.get_by_label("02-7.png: no label").click();
    two.run_steps(3);
    for (key, before, now) in [(Key::Num2, "one", "seven"), (Key::Num1, "zero", "uno")] {
        let labels = labels_on_disk(path);
        press(&mut two, key);
        let told = format!(
            "This key was '{before}' before the classes were changed elsewhere: press it again for '{now}'."
        );
        assert!(says(&two, &told), "{told}");
        press(&mut two, key);
        assert!(!says(&two, &told));
        wait_for(&mut two, now, |_| labels_on_disk(path).len() > labels.len());
        assert!(labels_on_disk(path).ends_with(&format!(",{now}\n")));
    }
    two.get_by_label("Use these classes").click();
    two.run_steps(3);
    assert!(!says(&two, "changed elsewhere: removed zero"));
    // Both have the same keys.
    wait_for(&mut one, "the labels", |window| says(window, "9 images, 3 labelled"));
    assert_eq!(fs::read_to_string(path.join("classes.txt")).expect("a file"), "uno\nseven\n");
    assert!(!says(&one, "The classes were changed elsewhere"));
}

#[test]
fn undo_leaves_labels_of_another_window() {
    let folder = digits(6);
    let path = folder.path();
    let mut one = labelling(path);
    make_classes(&mut one, &["zero", "one"]);
    press(&mut one, Key::Num1);
    wait_for_labels(&mut one, path, "00-0.png,zero\n");
    let mut two = labelling(path);
    // Of an image without a label, and of one with a label of the other window.
    press(&mut two, Key::Backspace);
    assert!(says(&two, "There is nothing to undo"));
    press(&mut two, Key::Home);
    press(&mut two, Key::Backspace);
    assert!(says(&two, "Delete removes it"));
    press(&mut two, Key::End);
    press(&mut two, Key::Num2);
    wait_for_labels(&mut two, path, "00-0.png,zero\n05-7.png,one\n");
    wait_for(&mut one, "the label", |window| says(window, "6 images, 2 labelled"));
    for _ in 0..3 {
        press(&mut one, Key::Backspace);
    }
    wait_for_labels(&mut one, path, "05-7.png,one\n");
    // A label is removed on request, and is back.
    press(&mut one, Key::End);
    press(&mut one, Key::Delete);
    wait_for_labels(&mut one, path, "");
    press(&mut one, Key::Backspace);
    wait_for_labels(&mut one, path, "05-7.png,one\n");
    one.get_by_label("remove the label").click();
    one.run_steps(3);
    wait_for_labels(&mut one, path, "");
}

#[test]
fn labels_follow_pictures_that_are_renamed_or_replaced() {
    let folder = digits(12);
    let path = folder.path();
    let open = || {
        let mut window = labelling(path);
        wait_for(&mut window, "saved labels", |window| says(window, "saved in labels.csv"));
        window
    };
    let mut window = labelling(path);
    label_three(&mut window);
    wait_for_labels(&mut window, path, "00-0.png,zero\n01-1.png,one\n02-7.png,seven\n");
    // While the window is open: read again at Train.
    fs::rename(path.join("00-0.png"), path.join("zz.png")).expect("a move");
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    assert!(says(&window, "1 label follows its picture to another name (00-0.png is zz.png now: zero)"));
    assert!(says(&window, "12 images, 3 labelled"));
    wait_for(&mut window, "the file", |_| labels_on_disk(path).contains("zz.png,zero\n"));
    // What was done before can still be undone, but for the label that has moved.
    for labelled in [2, 1, 1] {
        press(&mut window, Key::Backspace);
        assert!(says(&window, &format!("12 images, {labelled} labelled")), "{labelled}");
    }
    wait_for_labels(&mut window, path, "zz.png,zero\n");
    for (image, key) in [("01-1.png", Key::Num2), ("02-7.png", Key::Num3)] {
        window.get_by_label(&format!("{image}: no label")).click();
        window.run_steps(3);
        press(&mut window, key);
    }
    wait_for_labels(&mut window, path, "zz.png,zero\n01-1.png,one\n02-7.png,seven\n");
    drop(window);
    // Between visits: two exchange their names, and one is another picture.
    let (one, seven) = (path.join("01-1.png"), path.join("02-7.png"));
    fs::rename(&one, path.join("x.png")).expect("a move");
    fs::rename(&seven, &one).expect("a move");
    fs::rename(path.join("x.png"), &seven).expect("a move");
    GrayImage::from_pixel(28, 28, Luma([9])).save(path.join("zz.png")).expect("a PNG");
    let window = open();
    let told = "2 labels follow their pictures to other names (01-1.png is 02-7.png now: one, 02-7.png is 01-1.png now: seven)";
    assert!(says(&window, told));
    let asked = "Another picture has the name of one that was labelled: zz.png (zero). Is its label right?";
    assert!(says(&window, asked) && says(&window, "12 images, 3 labelled"));
    let labels = labels_on_disk(path);
    assert!(labels.contains("02-7.png,one\n") && labels.contains("01-1.png,seven\n"), "{labels}");
    drop(window);
    // Asked until it is answered.
    let mut window = open();
    assert!(says(&window, asked) && !says(&window, told));
    window.get_by_label("Show").click();
    window.run_steps(3);
    assert!(says(&window, "current image: zz.png, zero"));
    window.get_by_label("Keep this label").click();
    window.run_steps(3);
    assert!(!says(&window, asked));
    drop(window);
    let window = open();
    assert!(!says(&window, asked) && says(&window, "12 images, 3 labelled"));
    drop(window);
    GrayImage::from_pixel(28, 28, Luma([77])).save(path.join("zz.png")).expect("a PNG");
    let mut window = open();
    assert!(says(&window, asked));
    window.get_by_label("Remove this label").click();
    window.run_steps(3);
    assert!(!says(&window, asked) && says(&window, "12 images, 2 labelled"));
}

#[test]
fn train_takes_labels_made_since_the_run_began() {
    let folder = digits(12);
    let options = remixmatch::app::AppOptions { steps: Some(100_000), ..short() };
    let mut window = window(options);
    window.state_mut().workspace.label_folder(folder.path().to_owned());
    wait_for(&mut window, "both", |window| {
        says(window, "Least confident first") && says(window, "training images, ")
    });
    label_three(&mut window);
    window.get_by_label("▶ Train on 3 labels").click();
    let step = |window: &Window| window.state().workspace.last_statistics(0).map_or(0, |last| last.step);
    let labels =
        |window: &Window| window.state().workspace.split_of(0).map_or(0, |split| split.labelled.len());
    let pause = |window: &mut Window, from: u64| {
        wait_for(window, "a step", |window| step(window) > from);
        window.get_by_label("Pause and guess").click();
        wait_for(window, "a pause", |window| says(window, "trained: step "));
    };
    pause(&mut window, 0);
    // The same labels: Train goes on.
    let told = "Train begins a run on the 4 labels of ";
    assert!(!says(&window, "Train begins a run on"));
    let before = step(&window);
    window.get_by_label("▶ Train").click();
    window.run_steps(3);
    pause(&mut window, before);
    assert_eq!(labels(&window), 3);
    press(&mut window, Key::Num1);
    assert!(says(&window, told) && says(&window, "which have changed since this run began, and ends it"));
    let before = step(&window);
    window.get_by_label("Continue on 3 labels of before").click();
    window.run_steps(3);
    pause(&mut window, before);
    assert_eq!(labels(&window), 3);
    // Undone and made again, the labels are those of now.
    press(&mut window, Key::Backspace);
    assert!(!says(&window, "Train begins a run on") && window.query_by_label("▶ Train again").is_some());
    press(&mut window, Key::Num1);
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "the new run", |window| labels(window) == 4);
    pause(&mut window, 0);
    assert!(!says(&window, "Train begins a run on"));
}

#[test]
fn line_below_the_image_is_shown_whole() {
    let folder = digits(6);
    let mut window = crate::common::window_of(short(), [1024.0, 640.0]);
    window.state_mut().workspace.label_folder(folder.path().to_owned());
    wait_for(&mut window, "both", |window| {
        says(window, "Least confident first") && says(window, "training images, ")
    });
    let is_whole = |window: &Window, part: &str| {
        let line = window.get_by_label_contains(part).rect();
        let strip = window.get_by_label_contains("01-1.png: ").rect();
        // Two lines of text or more.
        assert!(line.height() > 20.0 && line.bottom() <= strip.top(), "{part}: {line:?}, strip {strip:?}");
    };
    make_classes(&mut window, &["zero", "one"]);
    press(&mut window, Key::Num1);
    press(&mut window, Key::Num2);
    window.get_by_label("▶ Train on 2 labels").click();
    wait_for(&mut window, "guesses", |window| says(window, "Enter accepts the guess, "));
    is_whole(&window, "Delete removes the label");
    window.set_size(eframe::egui::vec2(800.0, 640.0));
    window.run_steps(3);
    // In red.
    (0..3).for_each(|_| press(&mut window, Key::Backspace));
    is_whole(&window, "There is nothing to undo");
}
