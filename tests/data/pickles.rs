//! Pickles other than CIFAR's: hostile, damaged, or with other values. Nothing in them is ever executed.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use remixmatch::data::{DataError, DataSet, OpenOptions, open_files};
use tempfile::tempdir;

use super::common::{assert_refused, fixture};

fn read_batch(bytes: &[u8]) -> Result<DataSet, DataError> {
    open_files("set", [("data_batch_1".to_owned(), bytes.to_vec())], &OpenOptions::default())
}

/// The first batch of the fixture.
fn batch() -> Vec<u8> {
    let file = fs::File::open(fixture("cifar-10-python.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with("data_batch_1") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            return bytes;
        }
    }
    panic!("the fixture has a first batch");
}

#[test]
fn pickles_never_call_functions() {
    let folder = tempdir().unwrap();
    let made = folder.path().join("made");
    let command = format!("touch {}", made.display());
    let text = |text: &str| [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    for (call, name) in [
        ([b"\x80\x02cos\nsystem\n".as_slice(), &text(&command), b"\x85R."].concat(), "os.system"),
        ([b"\x80\x02cposix\nsystem\n".as_slice(), &text(&command), b"\x85R."].concat(), "posix.system"),
        (
            [b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93".as_slice(), &text(&command), b"\x85R."].concat(),
            "builtins.eval",
        ),
        ([b"\x80\x02cnumpy\nload\n".as_slice(), &text("evil.npy"), b"\x85R."].concat(), "numpy.load"),
        (b"\x80\x02c__builtin__\n\x1b[2Jeval\n.".to_vec(), "__builtin__"),
    ] {
        assert_refused(
            read_batch(&call),
            &["set/data_batch_1", "byte", name, "which is not called", "nothing in them"],
        );
    }
    // INST, OBJ, NEWOBJ, EXT1, PERSID, BINPERSID: other instructions that create objects.
    for code in [b"(ios\nsystem\n.".as_slice(), b"(o.", b"\x81.", b"\x82\x01.", b"Pid\n.", b"Q."] {
        let bytes = [b"\x80\x02", code].concat();
        assert_refused(read_batch(&bytes), &["an instruction that CIFAR's pickles use"]);
    }
    // NumPy's own names, combined differently.
    for bytes in [
        b"\x80\x02cnumpy\ndtype\nU\x02O8\x85R.".as_slice(),
        b"\x80\x02cnumpy\nndarray\n)R.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\n)U\x01b\x87R.",
        b"\x80\x02K\x01)R.",
    ] {
        assert_refused(read_batch(bytes), &["set/data_batch_1", "expected"]);
    }
    assert!(!made.exists());
}

#[test]
fn pickle_bombs_are_refused() {
    let deep = [b"\x80\x02".as_slice(), &b"]".repeat(100_000), &b"a".repeat(99_999), b"."].concat();
    assert_refused(read_batch(&deep), &["a list of plain values"]);
    let tuples = [b"\x80\x02)".as_slice(), &b"\x85".repeat(100_000), b"."].concat();
    assert_refused(read_batch(&tuples), &["a tuple of plain values"]);
    let dicts =
        [b"\x80\x02".as_slice(), &b"}U\x01a".repeat(50_000), b"N", &b"s".repeat(50_000), b"."].concat();
    assert_refused(read_batch(&dicts), &["strings as keys"]);
    let marks = [b"\x80\x02".as_slice(), &b"(".repeat(4_100_000)].concat();
    assert_refused(read_batch(&marks), &["at most 4000000 values", "found more"]);
    // A list that contains itself.
    assert_refused(read_batch(b"\x80\x02]q\x00h\x00a."), &["a memoised plain value", "a container"]);
    // A string that declares 2 GiB, with either sign.
    for length in [b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff"] {
        assert_refused(
            read_batch(&[b"\x80\x02T".as_slice(), length, b"abc."].concat()),
            &["bytes", "the end after 4"],
        );
    }
}

#[test]
fn truncated_pickles_are_refused() {
    let whole = batch();
    // The whole batch is read, but is too small to hold images out.
    assert_refused(read_batch(&whole), &["no test images"]);
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        assert_refused(read_batch(&whole[..cut]), &["set/data_batch_1"]);
    }
}

#[test]
fn pickles_with_other_values_are_refused() {
    for (bytes, words) in [
        (b"\x80\x02K\x01.".as_slice(), &["a dictionary", "a number"][..]),
        (b"\x80\x02}.", &["'labels'", "no such key"]),
        (b"\x80\x02}(U\x06labelsU\x01xU\x04dataNu.", &["'labels'", "a string"]),
        (b"\x80\x02}(U\x06labels](K\x01K\x0aeU\x04dataNu.", &["'labels'", "below 10", "the number 10"]),
        (b"\x80\x02}(U\x06labels](K\x01J\xff\xff\xff\xffeU\x04dataNu.", &["'labels'", "the number -1"]),
        (b"\x80\x02}(U\x06labels](K\x01K\x02eU\x04dataNu.", &["'data'", "2 rows", "3072 bytes", "None"]),
        (b"\x80\x02.", &["values for the instruction", "too few"]),
        (b"\x80\x02R.", &["too few"]),
        (b"\x80\x02(N.", &["a dictionary", "None"]),
        (b"\x80\x02N(.", &["too few"]),
        (b"\x80\x02h\x07.", &["key 7, which is not memoised"]),
    ] {
        assert_refused(read_batch(bytes), words);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// 200 bytes cannot hold a batch, so any of them are refused.
    #[test]
    fn random_instructions_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        assert_refused(read_batch(&[b"\x80\x02".as_slice(), &bytes].concat()), &["set"]);
    }

    /// Bytes that are mostly instructions reach deeper.
    #[test]
    fn random_known_instructions_are_refused(
        codes in prop::collection::vec(prop::sample::select(b"(N}])te.asubRqhKU\x85\x86\x87\x94\x93\x01\x00".to_vec()), 0..100)
    ) {
        assert_refused(read_batch(&[b"\x80\x02".as_slice(), &codes].concat()), &["set"]);
    }

    /// Undamaged or not, a single batch is too small to hold images out.
    #[test]
    fn damaged_batches_are_refused(changes in prop::collection::vec((0usize..400, any::<u8>()), 1..4)) {
        let mut bytes = batch();
        for (at, value) in changes {
            bytes[at] = value;
        }
        assert_refused(read_batch(&bytes), &["set"]);
    }
}
