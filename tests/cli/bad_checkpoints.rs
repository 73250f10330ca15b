//! Damaged checkpoints, and checkpoints of another network or data set, given to every command that reads one.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;

use super::common::{Run, pictures, put, refused, remixmatch, str};

/// Runs eval, predict and resume on a model file with this content, and expects `words` in each message.
fn all_refuse(run: &Run, content: &[u8], words: &[&str]) {
    let folder = run.beside("bad");
    let model = folder.join("model.safetensors");
    put(&model, content);
    let image = folder.join("image.png");
    super::common::png(&image, 0);
    refused(&mut remixmatch(&["eval", "--model", str(&model)]), words);
    refused(&mut remixmatch(&["predict", "--model", str(&model), str(&image)]), words);
    refused(&mut remixmatch(&["train", "--resume", str(&folder)]), words);
    assert_eq!(fs::read(&model).expect("the file"), content, "the file is unchanged");
    assert!(!folder.join("metrics.csv").exists());
}

/// The content of a checkpoint after a replacement in its metadata.
fn changed(model: &Path, key: &str, from: &str, to: &str) -> Vec<u8> {
    let bytes = fs::read(model).expect("the checkpoint");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("safetensors");
    let mut entries = metadata.metadata().clone().expect("metadata");
    let entry = entries.get_mut(key).expect("the entry");
    assert!(entry.contains(from), "'{from}' is missing in {entry}");
    *entry = entry.replace(from, to);
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    safetensors::serialize(file.iter(), Some(entries)).expect("safetensors")
}

#[test]
fn damaged_checkpoints_are_refused_by_name() {
    let run = Run::new(2);
    let no_checkpoint = ["model.safetensors is not a remixmatch checkpoint"];
    let whole = fs::read(run.model()).expect("the checkpoint");
    for content in [&b""[..], b"step,images\n", &whole[..whole.len() / 2], &whole[..100], &whole[1..]] {
        all_refuse(&run, content, &no_checkpoint);
    }
    let settings = fs::read(run.folder().join("config.toml")).expect("the settings");
    let longer = [&whole[..], b"more"].concat();
    let too_long = format!("has {} bytes, expected {}", longer.len(), whole.len());
    let reasons: [(&[u8], &str); 8] = [
        (b"", "it is empty"),
        (b"step,images\n", "it is a text file"),
        (&settings, "it is a config.toml, the settings of a run: give the model.safetensors"),
        (&whole[..whole.len() / 2], "the file is cut off"),
        (&[0xff, 1, 2, 3, 4], "the file is cut off: it ends after 5 bytes; copy it again"),
        (&longer, &too_long),
        (b"PK\x03\x04\x14\0\0\0\x08\0\xff", "it is a file as Keras, PyTorch and NumPy write them"),
        (b"\x89HDF\r\n\x1a\n\0\0\xff", "not a safetensors file"),
    ];
    for (content, reason) in reasons {
        all_refuse(&run, content, &[no_checkpoint[0], reason]);
    }
    let other = safetensors::serialize(Vec::<(&str, safetensors::tensor::TensorView<'_>)>::new(), None);
    all_refuse(&run, &other.expect("safetensors"), &["is not a remixmatch checkpoint", "'format'"]);
    let newer = changed(&run.model(), "format", "remixmatch-1", "remixmatch-9");
    all_refuse(&run, &newer, &["its format is 'remixmatch-9'"]);
    let odd = changed(&run.model(), "header", "[8,8,1]", "[8,8,7]");
    all_refuse(&run, &odd, &["is not a remixmatch checkpoint", "8x8"]);

    refused(
        &mut remixmatch(&["eval", "--model", "missing"]),
        &["there is no file or folder missing", "give the folder of a run"],
    );
    let empty = run.beside("empty");
    fs::create_dir(&empty).expect("a folder");
    refused(&mut remixmatch(&["train", "--resume", str(&empty)]), &["no run to resume", "model.safetensors"]);
}

#[test]
fn checkpoint_of_another_network_names_the_tensor() {
    let run = Run::new(2);
    let deeper = changed(&run.model(), "config", "wrn-10-1", "wrn-16-1");
    all_refuse(&run, &deeper, &["made by another network", "weights.scale0.block1"]);
    let wider = changed(&run.model(), "config", "wrn-10-1", "wrn-28-2");
    all_refuse(&run, &wider, &["made by another network", "weights.scale0.block0"]);
    let unknown = changed(&run.model(), "config", "wrn-10-1", "wrn-0-0");
    all_refuse(&run, &unknown, &["'wrn-0-0'", "wrn-28-2"]);
}

#[test]
fn checkpoint_of_other_data_names_both() {
    let run = Run::new(2);
    let model = run.model();
    let words = ["trained on other data", "8x8 grey images of 3 classes (0, 1, 2)"];
    let before = fs::read(&model).expect("the checkpoint");
    let pictures = pictures();
    for (data, found) in [
        ("builtin:shapes", "8x8 RGB images of 10 classes (arrow, "),
        (str(pictures.path()), "8x8 grey images of 3 classes (left, top, wedge)"),
    ] {
        let words = [&words[..], &[found]].concat();
        refused(&mut remixmatch(&["eval", "--model", str(&model), "--data", data]), &words);
        refused(&mut remixmatch(&["train", "--resume", str(&run.folder()), "--data", data]), &words);
    }
    assert_eq!(fs::read(&model).expect("the checkpoint"), before);
}

/// The content of a checkpoint with other values in its weights, as an earlier version wrote it: without a checksum.
fn refilled(model: &Path, group: &str, value: impl Fn(&str, usize) -> f32) -> Vec<u8> {
    let bytes = fs::read(model).expect("the checkpoint");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("safetensors");
    let mut entries = metadata.metadata().clone().expect("metadata");
    entries.remove("checksum").expect("a checksum");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let contents: Vec<(String, Vec<u8>)> = file
        .iter()
        .map(|(name, view)| {
            let bytes = view.data().to_vec();
            let values = (0..bytes.len() / 4).flat_map(|i| value(name, i).to_le_bytes()).collect();
            let is_meant = name.starts_with(group) && view.dtype() == safetensors::Dtype::F32;
            (name.to_owned(), if is_meant { values } else { bytes })
        })
        .collect();
    let views = contents.iter().map(|(name, content)| {
        let of = file.tensor(name).expect("a tensor");
        let view = safetensors::tensor::TensorView::new(of.dtype(), of.shape().to_vec(), content);
        (name.as_str(), view.expect("a tensor"))
    });
    safetensors::serialize(views, Some(entries)).expect("safetensors")
}

#[test]
fn wiped_weights_are_refused_by_name() {
    let run = Run::new(2);
    let model = run.model();
    let varied = |_: &str, i: usize| i as f32;
    for (case, content, words) in [
        ("all zeros", refilled(&model, "", |_, _| 0.0), &["its kernels are constant", "is 0 throughout"][..]),
        (
            "EMA weights of zeros",
            refilled(&model, "ema.", |_, _| 0.0),
            &["constant ('ema.", "is 0 throughout"],
        ),
        ("weights of zeros", refilled(&model, "weights.", |_, _| 0.0), &["constant ('weights.", "wiped"]),
        ("one value", refilled(&model, "ema.", |_, _| 0.25), &["is 0.25 throughout"]),
        ("a value each", refilled(&model, "ema.", |name, _| name.len() as f32), &["kernels are constant"]),
        ("NaN", refilled(&model, "ema.", |_, i| if i == 3 { f32::NAN } else { 0.5 }), &["'ema.", "NaN"]),
    ] {
        all_refuse(&run, &content, words);
        let path = run.beside("bad.safetensors");
        put(&path, &content);
        let mut start = super::common::train(run.data.path(), 2, &run.beside("new"));
        if words.iter().all(|word| !word.contains("weights.")) {
            refused(
                start.args(["--init", str(&path), "--network", "wrn-10-1"]),
                &["a run cannot start from"],
            );
        }
        let out = run.beside("out.onnx");
        refused(&mut remixmatch(&["export", "--model", str(&path), "--out", str(&out)]), words);
        assert!(!out.exists(), "{case}");
    }
    // Two values in one kernel are weights.
    let content = refilled(&model, "ema.", varied);
    let path = run.beside("varied.safetensors");
    put(&path, &content);
    super::common::done(&mut remixmatch(&["eval", "--model", str(&path), "--data", str(run.data.path())]));
}
