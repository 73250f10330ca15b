//! CIFAR-10 and CIFAR-100 in their binary layout: label bytes, then 32x32 planes of R, G and B.

use std::path::{Path, PathBuf};

use super::{DataError, Images};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;

/// The files of a set and how its records begin.
pub struct CifarFiles {
    pub train: Vec<PathBuf>,
    pub test: PathBuf,
    pub names: PathBuf,
    /// Label bytes before the pixels; the last is the one used (CIFAR-100: coarse, fine).
    pub label_bytes: usize,
    pub classes: usize,
}

impl CifarFiles {
    /// Finds the files by their usual names; `None` if any but the names is missing.
    pub fn find(folder: &Path) -> Option<Self> {
        let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        if let (Some(train), Some(test)) = (file("train.bin"), file("test.bin")) {
            let names = folder.join("fine_label_names.txt");
            return Some(Self { train: vec![train], test, names, label_bytes: 2, classes: 100 });
        }
        let train: Option<Vec<_>> = (1..=5).map(|i| file(&format!("data_batch_{i}.bin"))).collect();
        let names = folder.join("batches.meta.txt");
        Some(Self { train: train?, test: file("test_batch.bin")?, names, label_bytes: 1, classes: 10 })
    }

    /// Class names, or numbers where there is no file of names.
    pub fn class_names(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.names).unwrap_or_default();
        let names: Vec<_> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if names.len() == self.classes { names } else { (0..self.classes).map(|i| i.to_string()).collect() }
    }

    /// Images and labels of some files.
    ///
    /// # Errors
    /// A file that is no whole number of records, or a label out of range, with its place.
    pub fn read(&self, files: &[PathBuf]) -> Result<(Images, Vec<u32>), DataError> {
        let mut images = Images { height: SIDE, width: SIDE, channels: 3, pixels: Vec::new() };
        let mut labels = Vec::new();
        for path in files {
            let bytes = std::fs::read(path).map_err(DataError::file(path, "reading it"))?;
            self.read_records(path, &bytes, &mut images, &mut labels)?;
        }
        Ok((images, labels))
    }

    fn read_records(
        &self,
        path: &Path,
        bytes: &[u8],
        images: &mut Images,
        labels: &mut Vec<u32>,
    ) -> Result<(), DataError> {
        let record = self.label_bytes + 3 * PLANE;
        let corrupt = |offset, expected: String, found: String| DataError::Corrupt {
            path: path.to_owned(),
            offset,
            expected,
            found,
        };
        if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
            let expected = format!("records of {record} bytes");
            return Err(corrupt(bytes.len(), expected, format!("{} bytes in all", bytes.len())));
        }
        for (i, item) in bytes.chunks_exact(record).enumerate() {
            let label = item[self.label_bytes - 1];
            if usize::from(label) >= self.classes {
                let offset = i * record + self.label_bytes - 1;
                return Err(corrupt(offset, format!("a label below {}", self.classes), label.to_string()));
            }
            labels.push(u32::from(label));
            let planes = &item[self.label_bytes..];
            images
                .pixels
                .extend((0..PLANE).flat_map(|p| [planes[p], planes[PLANE + p], planes[2 * PLANE + p]]));
        }
        Ok(())
    }
}
