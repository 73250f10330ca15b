//! What every format of the registry must do; a new format is tested here without a change.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use remixmatch::data::{DataError, DataSet, FORMATS, Format, OpenOptions, SampleFiles, open_files, parsers};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::common::{assert_refused, gzip};

fn open(files: SampleFiles) -> Result<DataSet, DataError> {
    let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    open_files("set", files, &OpenOptions::default())
}

/// Opens the example of a format.
fn open_example(format: &Format) -> DataSet {
    open((format.example)()).unwrap_or_else(|error| panic!("the example of {}: {error}", format.name))
}

fn assert_same(found: &DataSet, expected: &DataSet, what: &str) {
    assert_eq!((&found.format, &found.classes), (&expected.format, &expected.classes), "{what}");
    assert_eq!((&found.train, &found.train_labels), (&expected.train, &expected.train_labels), "{what}");
    assert_eq!((&found.test, &found.test_labels), (&expected.test, &expected.test_labels), "{what}");
}

#[test]
fn examples_open_in_their_own_format() {
    assert!(!FORMATS.is_empty());
    for format in FORMATS {
        let set = open_example(format);
        assert!(set.format.starts_with(format.name), "{} was detected as {}", format.name, set.format);
        assert!(set.train.len() > 1 && !set.test.is_empty() && set.classes.len() > 1, "{}", format.name);
        assert_eq!(set.train_labels.len(), set.train.len(), "{}", format.name);
        assert_eq!(set.test_labels.len(), set.test.len(), "{}", format.name);
        assert!(set.train_labels.iter().any(Option::is_some), "{}", format.name);
    }
}

#[test]
fn examples_open_in_subfolders_and_archives() {
    for format in FORMATS {
        let (files, expected) = ((format.example)(), open_example(format));
        let folder = files.iter().map(|(name, bytes)| (format!("around/{name}"), bytes.clone()));
        let in_folder = open_files("set", folder, &OpenOptions::default()).unwrap();
        assert_same(&in_folder, &expected, format.name);

        let mut tar = tar::Builder::new(Vec::new());
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in &files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        let tar = tar.into_inner().unwrap();
        let zip = zip.finish().unwrap().into_inner();
        for (archive, bytes) in [("a.tar.gz", gzip(&tar)), ("a.tar", tar), ("a.zip", zip)] {
            let set = open(vec![(archive, bytes)]).unwrap_or_else(|error| panic!("{}: {error}", format.name));
            assert_same(&set, &expected, &format!("{} in {archive}", format.name));
        }
    }
}

#[test]
fn unknown_folders_list_every_format() {
    let descriptions: Vec<&str> = FORMATS.iter().map(|format| format.description).collect();
    assert_refused(open(vec![("notes.txt", b"words".to_vec())]), &descriptions);
}

#[test]
fn names_of_formats_and_parsers_are_unique() {
    let formats: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(formats.len(), FORMATS.len());
    let all: Vec<&str> = parsers().map(|parser| parser.name).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
}

#[test]
fn every_format_has_a_parser_to_fuzz() {
    for format in FORMATS {
        assert!(!format.parsers.is_empty(), "{} has no parser", format.name);
        for parser in format.parsers {
            let (set, files) = ((parser.set)(), parser.files(b"input"));
            assert_eq!(files.len(), set.len(), "{}", parser.name);
            let replaced =
                files.iter().filter(|(name, bytes)| *name == parser.file && bytes == b"input").count();
            assert_eq!(replaced, 1, "{} is a file of the set of {}", parser.file, parser.name);
        }
    }
}

/// Cuts the file that a parser reads at 20 places: the set, if it is still accepted, can be trained on.
#[test]
fn truncated_examples_never_make_broken_sets() {
    let mut refused = 0;
    for parser in parsers() {
        let Some(seed) = parser.seed() else { continue };
        for part in 0..20 {
            let files = parser.files(&seed[..seed.len() * part / 20]);
            let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
            match open_files("set", files, &(parser.options)()) {
                Ok(set) => {
                    let counts = (set.train_labels.len(), set.test_labels.len());
                    assert_eq!(counts, (set.train.len(), set.test.len()), "{}, {part} / 20", parser.name);
                    assert!(set.classes.len() > 1, "{}, {part} / 20", parser.name);
                }
                Err(error) => {
                    refused += 1;
                    let message = error.to_string();
                    assert!(message.contains("set") && !message.contains('\n'), "{}: {message}", parser.name);
                }
            }
        }
    }
    assert!(refused > 100, "{refused} of the truncated examples were refused");
}
