//! Unusable input is reported in words, and the run continues.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use eframe::egui::Key;
use egui_kittest::kittest::Queryable as _;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use crate::common::{Window, drop_on, ready, says, short, wait_for};
use crate::labelling::{digits, label_three, labelling, make_classes, press};

/// A window in which a long run trains.
fn training() -> Window {
    let mut window = ready(remixmatch::app::AppOptions { steps: Some(100_000), ..short() });
    window.get_by_label("▶ Train").click();
    wait_for(&mut window, "a step", |window| step(window) >= 1);
    window
}

fn step(window: &Window) -> u64 {
    window.state().workspace.last_statistics(0).map_or(0, |last| last.step)
}

/// Asserts that the run continues on its own data, and that the data panel and the log report `words`.
fn assert_reported_while_training(window: &mut Window, words: &[&str]) {
    for word in words {
        wait_for(window, word, |window| says(window, word));
    }
    assert!(window.query_all_by_label_contains("not opened: ").count() >= 2, "in the log and at the data");
    let before = step(window);
    wait_for(window, "further steps", |window| step(window) > before);
    assert_eq!(window.state().workspace.settings().config.data, "builtin:digits");
    assert!(says(window, "training, "));
}

/// Writes a PNG of 20,000 x 20,000 black pixels with one bit each.
fn huge(path: &Path) {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = [0u8; 1 + 20_000 / 8];
    (0..20_000).for_each(|_| rows.write_all(&row).expect("memory"));
    let pixels = rows.finish().expect("memory");
    let mut header = Vec::new();
    header.extend(20_000u32.to_be_bytes());
    header.extend(20_000u32.to_be_bytes());
    header.extend([1, 0, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", &header), (b"IDAT", &pixels), (b"IEND", &Vec::new())] {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(content);
        file.extend((content.len() as u32).to_be_bytes());
        file.extend(kind);
        file.extend(content);
        file.extend(sum.sum().to_be_bytes());
    }
    fs::write(path, file).expect("a file");
}

#[test]
fn unusable_drops_leave_the_run_training() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("notes.txt"), "words").expect("a file");
    huge(&path("huge.png"));
    fs::create_dir(path("empty")).expect("a folder");
    fs::create_dir(path("texts")).expect("a folder");
    fs::write(path("texts/more.txt"), "words").expect("a file");
    let mut window = training();
    for (name, words) in [
        ("notes.txt", &["notes.txt is not a data set", "a single file: give a folder"][..]),
        ("empty", &["empty is not a data set", "found an empty folder"]),
        ("texts", &["more.txt is not a data set", "a single file: give a folder"]),
        ("gone", &["cannot read ", "gone: "]),
    ] {
        drop_on(&mut window, &path(name));
        assert_reported_while_training(&mut window, words);
    }
    assert!(window.query_by_label("Label its images").is_none());
    // A trained run classifies an image that is dropped on it.
    drop_on(&mut window, &path("huge.png"));
    wait_for(&mut window, "the refusal", |window| says(window, "not classified: "));
    let before = step(&window);
    wait_for(&mut window, "further steps", |window| step(window) > before);
}

#[test]
fn folder_without_classes_can_be_labelled() {
    let folder = digits(4);
    let mut window = training();
    drop_on(&mut window, folder.path());
    assert_reported_while_training(&mut window, &["is not a data set in a known format"]);
    window.get_by_label("Label its images").click();
    wait_for(&mut window, "the images", |window| says(window, "4 images, 0 labelled"));
    assert!(says(&window, "training, "));
}

#[test]
fn folder_without_images_keeps_the_last_one_open() {
    let (folder, texts) = (digits(4), tempfile::tempdir().expect("a folder"));
    fs::write(texts.path().join("notes.txt"), "words").expect("a file");
    let mut window = labelling(folder.path());
    drop_on(&mut window, texts.path());
    wait_for(&mut window, "the notice", |window| says(window, "contains no images"));
    assert!(says(&window, "4 images, 0 labelled"));
}

#[test]
fn huge_image_is_skipped() {
    let folder = digits(4);
    huge(&folder.path().join("huge.png"));
    let window = labelling(folder.path());
    assert!(says(&window, "4 images, 0 labelled"));
    assert!(says(&window, "huge.png is 20000x20000 pixels, the limit is 64 million pixels"));
}

#[test]
fn labels_stay_when_their_folder_is_deleted() {
    let folder = digits(8);
    let mut window = labelling(folder.path());
    label_three(&mut window);
    wait_for(&mut window, "saved labels", |window| says(window, "saved in labels.csv"));
    window.get_by_label("▶ Train on 3 labels").click();
    wait_for(&mut window, "a step", |window| step(window) >= 1);
    fs::remove_dir_all(folder.path()).expect("the folder goes");
    press(&mut window, Key::End);
    wait_for(&mut window, "the lost file", |window| {
        says(window, "shown at the network's resolution: cannot read")
    });
    press(&mut window, Key::Num2);
    wait_for(&mut window, "the notice", |window| {
        says(window, "labels not saved, they exist in this window only: ")
    });
    assert!(
        says(&window, "× labels not saved, they exist in this window only") && says(&window, "4 labelled")
    );
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));
    wait_for(&mut window, "guesses", |window| says(window, "guess: "));
}

#[test]
fn labels_of_another_program_are_not_overwritten() {
    let folder = digits(4);
    let others = "image;class;by\n00-0.png;zero;me\n";
    fs::write(folder.path().join("labels.csv"), others).expect("a file");
    let mut window = labelling(folder.path());
    wait_for(&mut window, "the notice", |window| says(window, "was not written by this program"));
    make_classes(&mut window, &["zero", "one"]);
    press(&mut window, Key::Num1);
    assert!(says(&window, "4 images, 1 labelled"));
    drop(window);
    assert_eq!(fs::read_to_string(folder.path().join("labels.csv")).expect("a file"), others);
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions are set");
}

/// The superuser may write to read-only folders: the test runs itself again as the user nobody.
#[cfg(unix)]
#[test]
fn read_only_folders_are_reported() {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65_534;
    let outer = tempfile::tempdir().expect("a folder");
    if fs::metadata(outer.path()).expect("the folder").uid() == 0 {
        set_mode(outer.path(), 0o755);
        let copy = outer.path().join("tests");
        fs::copy(std::env::current_exe().expect("this program"), &copy).expect("a copy that anybody may run");
        let name = "bad_input::read_only_folders_are_reported";
        let mut again = std::process::Command::new(copy);
        again.args(["--exact", name]).current_dir(outer.path()).env_remove("HOME").uid(NOBODY).gid(NOBODY);
        let output = again.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let folder = digits(6);
    let mut window = labelling(folder.path());
    make_classes(&mut window, &["zero", "one"]);
    wait_for(&mut window, "the classes", |_| folder.path().join("classes.txt").exists());
    set_mode(folder.path(), 0o555);
    for key in [Key::Num1, Key::Num2] {
        press(&mut window, key);
    }
    wait_for(&mut window, "the notice", |window| says(window, "Permission denied"));
    assert!(
        says(&window, "× labels not saved, they exist in this window only") && says(&window, "2 labelled")
    );
    window.get_by_label("▶ Train on 2 labels").click();
    wait_for(&mut window, "the run's end", |window| says(window, "trained: step 6 of 6"));

    let inside = folder.path().to_owned();
    window.state_mut().workspace.save_runs(inside.join("run"));
    wait_for(&mut window, "the notice", |window| says(window, "not saved: "));
    window.state_mut().workspace.export_model(inside.join("model.safetensors"));
    wait_for(&mut window, "the notice", |window| says(window, "model not written: "));
    window.state_mut().workspace.export_predictions(inside.join("predictions.csv"));
    wait_for(&mut window, "the notice", |window| says(window, "predictions.csv: not written: "));

    // The next change saves all labels.
    set_mode(folder.path(), 0o755);
    press(&mut window, Key::Num1);
    wait_for(&mut window, "saved labels", |window| says(window, "saved in labels.csv"));
    let saved = fs::read_to_string(inside.join("labels.csv")).expect("a file");
    assert_eq!(saved.lines().count(), 4, "{saved}");
}
