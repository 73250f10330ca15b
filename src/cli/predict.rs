//! `predict` classifies image files with a trained model.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use pollster::block_on;
use remixmatch::data::{
    Images, SignificantBits, counted, counted_of, listed_name, read_images, shown, significant_bits_of,
};
use remixmatch::train::{Model, PredictionTable, most_likely};
use serde_json::json;

use super::image_inputs::ImageInputs;
use super::inputs::{OpeningBar, model_file, open_gpu};
use super::sorted_copies::SortedCopies;
use super::terminal::{Outcome, note, print};
use super::training::note_other_run;

#[derive(Args)]
pub struct PredictArguments {
    /// model.safetensors of a run, or the run's folder
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Image files, folders and archives of them, and patterns such as "photos/*.jpg" that the shell does not expand; images
    /// are resized to the size of the model's input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    /// Significant bits of 16-bit images, 8 to 16, or auto [default: those of the run]
    #[arg(long, value_name = "BITS")]
    significant_bits: Option<SignificantBits>,
    /// Abstain from a class where the most likely one has a lower probability, 0 to 1
    #[arg(long, value_name = "P", value_parser = probability, allow_negative_numbers = true)]
    min_confidence: Option<f32>,
    /// Copy the images into a folder for each class below DIR; nothing is moved or overwritten
    #[arg(long, value_name = "DIR")]
    sort: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Print the result as CSV: file, class, and the probability of each class
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

fn probability(text: &str) -> Result<f32, String> {
    let value = text.parse::<f32>().ok().filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "expected a probability, 0 to 1".to_owned())
}

/// Most likely classes in the text output.
const SHOWN: usize = 3;
/// Images that are classified at once.
const BATCH: usize = 256;
/// Images that are decoded between two reports of progress.
const DECODED: usize = 32;

/// Runs `predict`: images in the order of the arguments, those of a folder, an archive or a pattern by path. Images that cannot
/// be read, and folders and archives without images, are reported, the others classified.
pub fn run(arguments: PredictArguments) -> anyhow::Result<Outcome> {
    let ImageInputs { images: files, failures, folders, .. } = ImageInputs::list(&arguments.images);
    if let ([], [failure]) = (&files[..], &failures[..]) {
        bail!("{failure}");
    }
    failures.iter().for_each(|failure| note(format_args!("notice: {failure}")));
    if files.is_empty() {
        bail!("none of the arguments is an image, or a folder or an archive with images");
    }
    let path = model_file(&arguments.model)?;
    note_other_run(&path);
    let mut model = Model::load(open_gpu()?, &path)?;
    let classes = model.header.classes.clone();
    let mut copies = match &arguments.sort {
        Some(folder) => Some(SortedCopies::new(folder, &classes, &folders)?),
        None => None,
    };
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
    let mut table = PredictionTable::new(&classes);
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
        for (image, row) in read.into_iter().zip(probabilities.chunks_exact(classes.len())) {
            let mut answer = Answer::new(image.path(), &classes, row, arguments.min_confidence);
            if let Some(copies) = &mut copies {
                answer.copy = Some(copies.copy(image, answer.class)?);
            }
            if arguments.csv {
                let file = shown(image.path()).to_string();
                match answer.class {
                    Some(_) => table.push(&file, row),
                    None => table.push_abstained(&file, row),
                }
            } else if arguments.json {
                results.push(answer.json());
            } else {
                bar.suspend(|| print(answer))?;
            }
        }
    }
    bar.clear();
    copies.iter().for_each(SortedCopies::tell);
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
    /// The most likely class; `None` if it is not likely enough.
    class: Option<usize>,
    /// Where the image was copied to.
    copy: Option<PathBuf>,
    /// Classes by probability, the most likely first.
    order: Vec<usize>,
}

impl<'a> Answer<'a> {
    /// The answer, which abstains below `min_confidence`.
    fn new(
        path: &'a Path,
        classes: &'a [String],
        probabilities: &'a [f32],
        min_confidence: Option<f32>,
    ) -> Self {
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        let best = most_likely(probabilities);
        let class = (probabilities[best] >= min_confidence.unwrap_or(0.0)).then_some(best);
        Self { path, classes, probabilities, class, copy: None, order }
    }

    fn json(&self) -> serde_json::Value {
        let all: serde_json::Map<_, _> =
            self.order.iter().map(|i| (self.classes[*i].clone(), json!(self.probabilities[*i]))).collect();
        let mut answer = json!({
            "class": self.class.map(|class| self.classes[class].as_str()),
            "probabilities": all,
        });
        if let Some(copy) = &self.copy {
            answer["copy"] = shown(copy).to_string().into();
        }
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
            |i: &usize| format!("{} {:.1} %", listed_name(&self.classes[*i]), 100.0 * self.probabilities[*i]);
        let named: Vec<_> = self.order.iter().take(SHOWN).map(class).collect();
        let unsure = if self.class.is_none() { "abstained, " } else { "" };
        write!(f, "{}: {unsure}{}", shown(self.path), named.join(", "))
    }
}
