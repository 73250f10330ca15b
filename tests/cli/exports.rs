//! `export` writes an ONNX file of a run, and names what is wrong otherwise.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use super::common::{done, misused, pictures, put, refused, remixmatch, str, train};

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn exports_have_classes_and_either_weights() {
    let outer = tempdir().expect("a temporary folder");
    let run = outer.path().join("run");
    done(&mut train(pictures().path(), 4, &run));
    let at = |name: &str| outer.path().join(name);
    let export = |model: &Path, out: &str, options: &[&str]| {
        done(remixmatch(&["export", "--model", str(model), "--out", str(&at(out))]).args(options));
        fs::read(at(out)).expect("a file")
    };
    let ema = export(&run, "ema.onnx", &[]);
    assert!(contains(&ema, r#"["left","top","wedge"]"#) && contains(&ema, "8x8 grey"));
    assert!(contains(&ema, "probabilities") && contains(&ema, "images"));
    assert_eq!(export(&run.join("model.safetensors"), "by-file.onnx", &["--weights", "ema"]), ema);
    let raw = export(&run, "raw.ONNX", &["--weights", "raw"]);
    assert_eq!(raw.len(), ema.len());
    assert_ne!(raw, ema);
    // An earlier export is replaced.
    assert_eq!(export(&run, "ema.onnx", &["--weights", "raw"]), raw);
}

#[test]
fn exports_replace_no_file_of_another_kind() {
    let outer = tempdir().expect("a temporary folder");
    let run = outer.path().join("run");
    done(&mut train(pictures().path(), 2, &run));
    let at = |name: &str| outer.path().join(name);
    // The start of a model of another program.
    put(&at("foreign.onnx"), b"\x08\x07\x12\x07pytorch");
    put(&at("words.onnx"), b"words");
    fs::create_dir(at("folder.onnx")).expect("a folder");
    for name in ["foreign.onnx", "words.onnx", "folder.onnx"] {
        let before = fs::read(at(name)).ok();
        let words = [name, "exists and is not an ONNX model of this program: choose another name"];
        refused(&mut remixmatch(&["export", "--model", str(&run), "--out", str(&at(name))]), &words);
        assert_eq!(fs::read(at(name)).ok(), before, "{name}");
    }
    let nowhere = at("nowhere").join("a.onnx");
    refused(
        &mut remixmatch(&["export", "--model", str(&run), "--out", str(&nowhere)]),
        &["nowhere", "writing into this folder failed"],
    );
    let model = run.join("model.safetensors");
    refused(
        &mut remixmatch(&["export", "--model", str(&run), "--out", str(&model)]),
        &["does not end with .onnx", "choose", "model.onnx"],
    );
}

#[test]
fn models_that_cannot_be_exported_are_named() {
    let outer = tempdir().expect("a temporary folder");
    let run = outer.path().join("run");
    done(&mut train(pictures().path(), 2, &run));
    let at = |name: &str| outer.path().join(name);
    let whole = fs::read(run.join("model.safetensors")).expect("a model");
    put(&at("empty.safetensors"), b"");
    put(&at("words.safetensors"), b"words");
    put(&at("cut.safetensors"), &whole[..whole.len() / 2]);
    let mut damaged = whole.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 0x10;
    put(&at("damaged.safetensors"), &damaged);
    fs::create_dir(at("folder")).expect("a folder");
    let cases: [(&str, &str); 7] = [
        ("missing.safetensors", "there is no file or folder"),
        ("empty.safetensors", "is not a remixmatch checkpoint: it is empty"),
        ("words.safetensors", "is not a remixmatch checkpoint: it is a text file"),
        ("cut.safetensors", "is not a remixmatch checkpoint"),
        ("damaged.safetensors", "is not a remixmatch checkpoint"),
        ("folder", "has no model.safetensors"),
        ("run/config.toml", "it is a config.toml"),
    ];
    for (name, why) in cases {
        let out = at("out.onnx");
        refused(
            &mut remixmatch(&["export", "--model", str(&at(name)), "--out", str(&out)]),
            &[name.rsplit('/').next().expect("a name"), why],
        );
        assert!(!out.exists(), "{name}");
    }
    let (model, out) = (str(&run).to_owned(), str(&at("out.onnx")).to_owned());
    misused(
        &mut remixmatch(&["export", "--model", &model, "--out", &out, "--weights", "best"]),
        &["ema", "raw"],
    );
    misused(&mut remixmatch(&["export", "--model", &model]), &["--out"]);
}
