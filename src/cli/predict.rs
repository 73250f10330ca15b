//! `predict` classifies image files with a trained model.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use pollster::block_on;
use remixmatch::data::{Images, read_images, shown, shown_name};
use remixmatch::train::{Model, most_likely};
use serde_json::json;

use super::inputs::open_gpu;
use super::terminal::{Outcome, note, print};

#[derive(Args)]
pub struct PredictArguments {
    /// model.safetensors of a run
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Image files, and folders of them, resized to the size of the model's input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Most likely classes in the text output.
const SHOWN: usize = 3;
/// Images that are decoded and classified at once.
const BATCH: usize = 256;

/// Runs `predict`: images in the order of the arguments, those of a folder by path. Images that cannot be read are
/// reported, the others classified.
pub fn run(arguments: PredictArguments) -> anyhow::Result<Outcome> {
    let paths = image_files(&arguments.images)?;
    let mut model = Model::load(open_gpu()?, &arguments.model)?;
    let [side, _, channels] = model.header.image;
    let mut results = Vec::new();
    let (mut bad, mut first_error) = (0, None);
    for batch in paths.chunks(BATCH) {
        let mut images = Images::new(side, side, channels, Vec::new());
        let mut read = Vec::new();
        for (path, decoded) in batch.iter().zip(read_images(batch, side, channels)) {
            match decoded {
                Ok(pixels) => {
                    images.pixels.extend(pixels);
                    read.push(path);
                }
                Err(error) => {
                    bad += 1;
                    if arguments.skip_bad || paths.len() > 1 {
                        note(format_args!("notice: skipped: {}", error.problem()));
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        let probabilities = block_on(model.probabilities(&images))?;
        let classes = &model.header.classes;
        for (path, row) in read.into_iter().zip(probabilities.chunks_exact(classes.len())) {
            let answer = Answer::new(path, classes, row);
            if arguments.json {
                results.push(answer.json());
            } else {
                print(answer)?;
            }
        }
    }
    let (all, none) = (paths.len(), bad == paths.len());
    if arguments.json && !none {
        print(serde_json::to_string_pretty(&results)?)?;
    }
    match first_error {
        Some(_) if arguments.skip_bad && none => bail!("none of the {all} image files can be read"),
        Some(error) if !arguments.skip_bad && all == 1 => Err(error.into()),
        Some(error) if !arguments.skip_bad => {
            Err(anyhow::Error::new(error).context(format!("{bad} of {all} image files cannot be read")))
        }
        _ => Ok(Outcome::Done),
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
        json!({
            // JSON holds Unicode alone.
            "image": self.path.to_string_lossy(),
            "class": self.classes[most_likely(self.probabilities)],
            "probabilities": all,
        })
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

/// The files among the arguments and below the folders among them, without hidden ones and those that are not images.
fn image_files(arguments: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut others) = (Vec::new(), 0);
    for path in arguments {
        let before = files.len();
        if path.is_dir() {
            list(path, &mut files, &mut others)?;
            if files.len() == before {
                bail!("there are no images in the folder {}", shown(path));
            }
        } else {
            files.push(path.clone());
        }
    }
    if others > 0 {
        note(format_args!("notice: {others} file(s) in folders that are not images are ignored"));
    }
    Ok(files)
}

/// Adds the images below a folder, sorted, and counts the other files.
fn list(folder: &Path, files: &mut Vec<PathBuf>, others: &mut usize) -> anyhow::Result<()> {
    let reading = || format!("{}: reading this folder failed", folder.display());
    let entries: Result<Vec<_>, _> = fs::read_dir(folder).with_context(reading)?.collect();
    let mut paths: Vec<_> = entries.with_context(reading)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // Links to folders are not followed: they may lead back.
        if hidden || path.is_dir() && path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            list(&path, files, others)?;
        } else if is_image(&path) {
            files.push(path);
        } else {
            *others += 1;
        }
    }
    Ok(())
}

/// Whether a file's name or its first bytes are those of an image. Pipes and devices are not read: that could block.
fn is_image(path: &Path) -> bool {
    /// Bytes that hold every format's magic number.
    const MAGIC_BYTES: u64 = 32;
    let mut start = Vec::new();
    let named = image::ImageFormat::from_path(path).is_ok();
    let read = |file: fs::File| file.take(MAGIC_BYTES).read_to_end(&mut start);
    named
        || path.is_file()
            && fs::File::open(path).and_then(read).is_ok()
            && image::guess_format(&start).is_ok()
}
