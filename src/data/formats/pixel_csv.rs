//! Pixels in CSV files, as Kaggle distributes MNIST and Fashion-MNIST: `train.csv` and optionally `test.csv`, with a
//! header `label,pixel0,...` and one square grey image per row.

use csv::{Position, ReaderBuilder};

use crate::data::error::{DataError, excerpt};
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::limits::SIDES;
use crate::data::set::{self, DataSet, Labelled, OpenOptions, Parts};

pub const FORMAT: Format = Format {
    name: "CSV of pixels",
    description: "CSV files with a label and the pixels of an image per row",
    detect,
    explain: None,
    example,
    parsers: &[Parser::new("pixel_csv", "train.csv", example)],
};

/// How the header begins.
const HEADER: &[u8] = b"label,pixel";

fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let (mut train, mut test) = (None, None);
    for entry in folder.files.values() {
        let name = entry.name.to_lowercase();
        if name.ends_with(".csv") && entry.prefix(HEADER.len())? == HEADER {
            *(if name.contains("test") { &mut test } else { &mut train }) = Some(entry);
        }
    }
    let Some(train) = train else { return Ok(None) };
    Ok(Some(Box::new(move |options| load(folder, train, test, options))))
}

fn load(
    folder: &Folder,
    train: &Entry,
    test: Option<&Entry>,
    options: &OpenOptions,
) -> Result<DataSet, DataError> {
    let mut train = read(train)?;
    let mut test = test.map(read).transpose()?;
    if let Some(test) = test.as_ref().filter(|test| test.images.stride() != train.images.stride()) {
        let (width, height) = (test.images.width, test.images.height);
        return Err(DataError::ImageSize { path: folder.path.clone(), width, height });
    }
    let classes = set::classes_of_labels(&folder.path, &mut train, test.as_mut())?;
    // Grey images are mostly characters, which change their meaning when mirrored.
    Ok(Parts { format: FORMAT.name.to_owned(), classes, train, test, flip: false, shift: 2 }
        .assemble(options))
}

/// Reads the rows of a file.
///
/// # Errors
/// When the pixels of a row do not make a square of an accepted size, or a value is not an integer from 0 to 255.
fn read(entry: &Entry) -> Result<Labelled, DataError> {
    let error = |position: Option<&Position>, expected: &str, found: String| DataError::Line {
        path: entry.path.clone(),
        line: position.map_or(1, Position::line),
        expected: expected.to_owned(),
        found,
        advice: "correct the line or remove it",
    };
    let csv_error =
        |reason: csv::Error| error(reason.position(), "a row with a value per column", reason.to_string());
    let mut reader = ReaderBuilder::new().from_reader(entry.open()?);
    let pixels = reader.headers().map_err(csv_error)?.len() - 1;
    let side = pixels.isqrt();
    if side * side != pixels || !SIDES.contains(&side) {
        return Err(error(
            None,
            "columns for a square image of 8x8 to 96x96 pixels",
            format!("{pixels} of pixels"),
        ));
    }
    let mut part = Labelled::empty(side, 1);
    for record in reader.records() {
        let record = record.map_err(csv_error)?;
        let byte = |field: &str| {
            let wrong =
                |_| error(record.position(), "integers from 0 to 255", format!("'{}'", excerpt(field)));
            field.parse::<u8>().map_err(wrong)
        };
        let row = record.iter().map(byte).collect::<Result<Vec<u8>, DataError>>()?;
        part.labels.push(row[0].into());
        part.images.pixels.extend_from_slice(&row[1..]);
    }
    Ok(part)
}

/// Four images of 8x8 pixels in two classes.
fn example() -> SampleFiles {
    let header: String = (0..64).map(|i| format!(",pixel{i}")).collect();
    let rows: String = [0, 1, 0, 1].map(|label| format!("{label}{}\n", ",7".repeat(64))).concat();
    vec![("train.csv", format!("label{header}\n{rows}").into_bytes())]
}
