//! `train` and `eval` on a folder that was labelled in the app.

use tempfile::tempdir;

use super::common::{done, png, put, refused, remixmatch, str, train};

#[test]
fn labelled_folder_reports_accuracy_on_its_labelled_images() {
    let (folder, out) = (tempdir().expect("a temporary folder"), tempdir().expect("a temporary folder"));
    (0..12).for_each(|n| png(&folder.path().join(format!("{n:02}.png")), n));
    let save = |rows: usize| {
        let row = |n: usize| format!("{n:02}.png,{}\n", ["left", "top"][n % 3]);
        let rows: String = (0..12).filter(|n| n % 3 < 2).take(rows).map(row).collect();
        put(&folder.path().join("labels.csv"), format!("file,label\n{rows}").as_bytes());
        put(&folder.path().join("classes.txt"), b"left\ntop\n");
    };
    save(6);
    let run = out.path().join("run");
    let (told, _) = done(&mut train(folder.path(), 2, &run));
    assert!(told.contains("6 labels: accuracy on the labelled images themselves "), "{told}");
    let model = run.join("model.safetensors");
    let (told, _) = done(&mut remixmatch(&["eval", "--model", str(&model)]));
    assert!(told.contains(" % of 6 labelled images, all of which were trained on\n"), "{told}");
    // Without a number of labels, all are used.
    let all = out.path().join("all");
    let mut command =
        remixmatch(&["train", "--data", str(folder.path()), "--steps", "1", "--batch", "4", "--k", "1"]);
    let (told, _) = done(command.args(["--report-every", "1", "--out", str(&all)]));
    assert!(told.contains("with 6 labels"), "{told}");
    // The run keeps its number of labels when the data set has fewer.
    save(5);
    refused(&mut remixmatch(&["train", "--resume", str(&run), "--steps", "4"]), &["ask for at most 5"]);
}
