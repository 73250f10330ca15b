//! A file is records of a class byte (CIFAR-100: a coarse and a fine one) and 3,072 bytes of pixels: the red, the
//! green and the blue plane, each 32x32, row by row.

use super::{Files, PLANE, SIDE, Version, parts};
use crate::data::files::{Entry, Folder};
use crate::data::records::Records;
use crate::data::set::{Labelled, Parts};
use crate::data::{DataError, OpenOptions, names};

/// The two layouts of a record.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    format: &'static str,
    /// How many values each class byte has, and the file that names them.
    classes: &'static [(u8, &'static str)],
}

const CIFAR_10: Layout = Layout { format: "CIFAR-10 (binary)", classes: &[(10, "batches.meta.txt")] };
const CIFAR_100: Layout = Layout {
    format: "CIFAR-100 (binary)",
    classes: &[(20, "coarse_label_names.txt"), (100, "fine_label_names.txt")],
};

impl Layout {
    /// Hands the class bytes and the planes of every record to `each`.
    fn read(self, entry: &Entry, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), DataError> {
        let size = self.classes.len() + 3 * PLANE;
        let mut records = Records::open(entry, size, self.format.to_owned())?;
        while let Some(record) = records.next()? {
            let (classes, planes) = record.split_at(self.classes.len());
            let wrong = classes.iter().zip(self.classes).position(|(class, (count, _))| class >= count);
            if let Some(byte) = wrong {
                let (found, expected) = (classes[byte], format!("a class below {}", self.classes[byte].0));
                return Err(records.flaw(byte, expected, found.to_string()));
            }
            each(classes, planes);
        }
        Ok(())
    }

    fn fits(self, entry: &Entry) -> bool {
        self.read(entry, |_, _| ()).is_ok()
    }
}

pub(super) fn find(folder: &Folder) -> Option<Files> {
    let named = |test: fn(&str) -> bool| -> Vec<Entry> {
        let files = folder.files.values();
        files.filter(|entry| entry.name.ends_with(".bin") && test(&entry.name)).cloned().collect()
    };
    let train = named(|name| name.starts_with("data_batch") || name == "train.bin");
    let test = named(|name| name == "test_batch.bin" || name == "test.bin");
    let batches = train.iter().any(|entry| entry.name.starts_with("data_batch"));
    let by_name = if batches { CIFAR_10 } else { CIFAR_100 };
    let any = !train.is_empty() || !test.is_empty();
    any.then_some(Files { train, test, version: Version::Binary { by_name } })
}

pub(super) fn read(
    folder: &Folder,
    files: &Files,
    by_name: Layout,
    options: &OpenOptions,
) -> Result<Parts, DataError> {
    // Content decides; a file that fits neither layout is reported as what its name says it is.
    let layout = [CIFAR_10, CIFAR_100].into_iter().find(|l| l.fits(&files.train[0])).unwrap_or(by_name);
    let byte = if options.choice.coarse { 0 } else { layout.classes.len() - 1 };
    let part = |entries: &[Entry]| -> Result<Labelled, DataError> {
        let mut part = Labelled::empty(SIDE, 3);
        for entry in entries {
            layout.read(entry, |classes, planes| {
                part.labels.push(u32::from(classes[byte]));
                part.images.push_planes(planes, false);
            })?;
        }
        Ok(part)
    };
    let (count, file) = layout.classes[byte];
    let classes = names::read(folder, file, usize::from(count))?;
    Ok(parts(layout.format.to_owned(), classes, part(&files.train)?, Some(part(&files.test)?)))
}
