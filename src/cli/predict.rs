//! `predict` classifies image files with a trained model.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use pollster::block_on;
use remixmatch::data::{
    Images, SignificantBits, counted, counted_of, is_image_file, left_out_folder, read_images, shown,
    shown_name, significant_bits_of,
};
use remixmatch::train::{Model, PredictionTable, most_likely};
use serde_json::json;

use super::inputs::{OpeningBar, model_file, open_gpu};
use super::terminal::{Outcome, note, print};
use super::training::note_other_run;

#[derive(Args)]
pub struct PredictArguments {
    /// model.safetensors of a run, or the run's folder
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Image files, and folders of them, resized to the size of the model's input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    /// Significant bits of 16-bit images, 8 to 16, or auto [default: those of the run]
    #[arg(long, value_name = "BITS")]
    significant_bits: Option<SignificantBits>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Print the result as CSV: file, class, and the probability of each class
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Most likely classes in the text output.
const SHOWN: usize = 3;
/// Images that are classified at once.
const BATCH: usize = 256;
/// Images that are decoded between two reports of progress.
const DECODED: usize = 32;

/// Runs `predict`: images in the order of the arguments, those of a folder by path. Images that cannot be read, and folders
/// without images, are reported, the others classified.
pub fn run(arguments: PredictArguments) -> anyhow::Result<Outcome> {
    let Inputs { files, failures } = Inputs::list(&arguments.images);
    if let ([], [failure]) = (&files[..], &failures[..]) {
        bail!("{failure}");
    }
    failures.iter().for_each(|failure| note(format_args!("notice: {failure}")));
    if files.is_empty() {
        bail!("none of the arguments is an image, or a folder with images");
    }
    let path = model_file(&arguments.model)?;
    note_other_run(&path);
    let mut model = Model::load(open_gpu()?, &path)?;
    let [side, _, channels] = model.header.image;
    let (bits, deep) =
        significant_bits_of(&files, arguments.significant_bits.unwrap_or(model.config.significant_bits));
    if deep > 0 {
        note(format_args!(
            "notice: {} read as {bits} bits, which the brightest value among these files needs: beside other files they may be \
             read otherwise; --significant-bits sets the bits",
            counted(deep, "16-bit image is", "16-bit images are")
        ));
    }
    let mut results = Vec::new();
    let mut table = PredictionTable::new(&model.header.classes);
    let (mut bad, mut first_error) = (0, None);
    let (bar, mut done) = (OpeningBar::default(), 0);
    for batch in files.chunks(BATCH) {
        let mut images = Images::new(side, side, channels, Vec::new());
        let mut read = Vec::new();
        let decoded = batch.chunks(DECODED).flat_map(|paths| {
            let decoded = read_images(paths, side, channels, bits, model.config.fit);
            done += paths.len();
            bar.show(done, files.len());
            decoded
        });
        for (path, decoded) in batch.iter().zip(decoded) {
            match decoded {
                Ok(pixels) => {
                    images.pixels.extend(pixels);
                    read.push(path);
                }
                Err(error) => {
                    bad += 1;
                    if arguments.skip_bad || files.len() > 1 {
                        bar.suspend(|| note(format_args!("notice: skipped: {}", error.problem())));
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        let probabilities = block_on(model.probabilities(&images))?;
        let classes = &model.header.classes;
        for (path, row) in read.into_iter().zip(probabilities.chunks_exact(classes.len())) {
            let answer = Answer::new(path, classes, row);
            if arguments.csv {
                table.push(&shown(path).to_string(), row);
            } else if arguments.json {
                results.push(answer.json());
            } else {
                bar.suspend(|| print(answer))?;
            }
        }
    }
    bar.clear();
    let (all, none) = (files.len(), bad == files.len());
    if arguments.json && !none {
        print(serde_json::to_string_pretty(&results)?)?;
    }
    if arguments.csv && !none {
        print(String::from_utf8_lossy(&table.into_bytes()).trim_end_matches('\n'))?;
    }
    match first_error {
        _ if arguments.skip_bad && none => bail!("none of the {all} image files can be read"),
        _ if arguments.skip_bad => Ok(Outcome::Done),
        Some(error) if all == 1 => Err(error.into()),
        // Nothing to advise: the others are classified.
        Some(error) => bail!(
            "{} be read: {}",
            counted_of(bad, all, ["image file", "image files"], ["cannot", "cannot"]),
            error.problem()
        ),
        None => match failures.first() {
            Some(failure) => bail!("{failure}"),
            None => Ok(Outcome::Done),
        },
    }
}

/// What the model says of an image.
struct Answer<'a> {
    path: &'a Path,
    classes: &'a [String],
    probabilities: &'a [f32],
    /// Classes by probability, the most likely first.
    order: Vec<usize>,
}

impl<'a> Answer<'a> {
    fn new(path: &'a Path, classes: &'a [String], probabilities: &'a [f32]) -> Self {
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        Self { path, classes, probabilities, order }
    }

    fn json(&self) -> serde_json::Value {
        let all: serde_json::Map<_, _> =
            self.order.iter().map(|i| (self.classes[*i].clone(), json!(self.probabilities[*i]))).collect();
        let mut answer = json!({
            "class": self.classes[most_likely(self.probabilities)],
            "probabilities": all,
        });
        match self.path.to_str() {
            Some(path) => answer["image"] = path.into(),
            // JSON holds Unicode alone: the path as it is shown, and its bytes.
            None => {
                answer["image"] = shown(self.path).to_string().into();
                answer["image_bytes"] = self.path.as_os_str().as_encoded_bytes().into();
            }
        }
        answer
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class =
            |i: &usize| format!("{} {:.1} %", shown_name(&self.classes[*i]), 100.0 * self.probabilities[*i]);
        let named: Vec<_> = self.order.iter().take(SHOWN).map(class).collect();
        write!(f, "{}: {}", shown(self.path), named.join(", "))
    }
}

/// The files that the arguments name.
#[derive(Default)]
struct Inputs {
    files: Vec<PathBuf>,
    /// What is wrong with folders: without images, or not to be listed.
    failures: Vec<String>,
}

impl Inputs {
    /// The files among the arguments, and the images below the folders among them, also those that this program cannot
    /// read; without hidden ones.
    fn list(arguments: &[PathBuf]) -> Self {
        let mut inputs = Self::default();
        let (mut others, mut left_out) = (Vec::new(), Vec::new());
        for path in arguments {
            if !path.is_dir() {
                inputs.files.push(path.clone());
                continue;
            }
            let (files, failures) = (inputs.files.len(), inputs.failures.len());
            inputs.list_folder(path, &mut others, &mut left_out);
            if (inputs.files.len(), inputs.failures.len()) == (files, failures) {
                inputs.failures.push(format!("there are no images in the folder {}", shown(path)));
            }
        }
        if let Some(first) = others.first() {
            let count = others.len();
            note(format_args!(
                "notice: {} ignored, such as {}",
                counted(
                    count,
                    "file in folders that is not an image is",
                    "files in folders that are not images are"
                ),
                shown(first)
            ));
        }
        if let Some(first) = left_out.first() {
            note(format_args!(
                "notice: {} left out, such as {first}",
                counted(
                    left_out.len(),
                    "folder of thumbnails or of the system is",
                    "folders of thumbnails or of the system are"
                )
            ));
        }
        inputs
    }

    /// Adds the images below a folder, sorted, the other files to `others`, and folders that hold no photos by their names
    /// to `left_out`, as a data set leaves them out.
    fn list_folder(&mut self, folder: &Path, others: &mut Vec<PathBuf>, left_out: &mut Vec<String>) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut paths: Vec<_> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
            Err(reason) => {
                return self.failures.push(format!("cannot read the folder {}: {reason}", shown(folder)));
            }
        };
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            // Links to folders are not followed: they may lead back.
            if hidden || path.is_dir() && path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                match left_out_folder(name) {
                    Some(why) => left_out.push(format!("{} ({why})", shown(&path))),
                    None => self.list_folder(&path, others, left_out),
                }
            } else if is_image_file(&path) {
                self.files.push(path);
            } else {
                others.push(path);
            }
        }
    }
}
