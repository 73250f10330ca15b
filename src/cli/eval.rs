//! `eval`: the accuracy of a trained model on the test images of its run, or on all labelled images of other data.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::Args;
use pollster::block_on;
use remixmatch::data::{
    DataError, DataSet, OpenOptions, class_key, counted, counted_of, listed_name, shown, shown_name,
};
use remixmatch::train::{Header, Model, RunFolder, TrainError, most_likely, reopen_options, wilson_interval};
use serde_json::{Value, json};

use super::inputs::{ChoiceOptions, model_file, open_gpu, open_source, same_source};
use super::terminal::{Outcome, note, print};
use super::training::note_other_run;

#[derive(Args)]
pub struct EvalArguments {
    /// model.safetensors of a run, or the run's folder
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Data set whose labelled images are classified [default: the test images of the run's data set]
    #[arg(long, value_name = "SRC")]
    data: Option<String>,
    /// Classify the test images of --data alone
    #[arg(long, requires = "data")]
    test_only: bool,
    /// Skip images that cannot be read, with a notice
    #[arg(long)]
    skip_bad: bool,
    /// Classify the test images of the run's data although the images have changed
    #[arg(long)]
    accept_changed_data: bool,
    #[command(flatten)]
    choice: ChoiceOptions,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Images that are brought into the model's shape and classified at once.
const BATCH: usize = 2_048;
/// Class names that a notice lists.
const NAMED: usize = 5;

/// Runs `eval`.
pub fn run(arguments: EvalArguments) -> anyhow::Result<Outcome> {
    let path = model_file(&arguments.model)?;
    note_other_run(&path);
    let mut model = Model::load(open_gpu()?, &path)?;
    if arguments.data.is_none() {
        let folder = RunFolder::new(path.parent().unwrap_or(Path::new("")));
        if let Some(config) = folder.with_edited_source(&model.config).filter(|_| folder.model() == path) {
            note(format_args!(
                "notice: config.toml has other data than when it trained: {} is read",
                config.source()
            ));
            model.config = config;
        }
        model.config.moved_notice().iter().for_each(|notice| note(format_args!("notice: {notice}")));
    }
    let given = arguments.choice.choice();
    let of_run = match arguments.data {
        Some(_) => model.config.source().to_owned(),
        None => model.config.present_source().map_err(lost_data)?.to_owned(),
    };
    let own = arguments.data.as_ref().is_none_or(|source| same_source(source, &of_run));
    // The run's choices apply to its own data set alone.
    let choice =
        if arguments.data.is_none() && given.is_default() { model.config.choice.clone() } else { given };
    let source = arguments.data.unwrap_or(of_run);
    let of_model = match own {
        true => {
            let Header { image, classes, .. } = &model.header;
            reopen_options(&model.config, *image, classes, model.fingerprint.as_ref())
        }
        false => model.config.open_options(),
    };
    let options = OpenOptions {
        strict: false,
        skip_bad: arguments.skip_bad || model.config.skip_bad,
        image_size: Some(model.header.image[0]),
        size_multiple: None,
        choice,
        only_tests: !own && !arguments.test_only,
        no_training: true,
        significant_bits: arguments.choice.significant_bits.unwrap_or(of_model.significant_bits),
        ..of_model
    };
    let set = open_source(&source, &options).map_err(unfit_data)?;
    if own {
        if let Some(found) = model.header.differences_with_advice(&set) {
            bail!(
                "{} was trained on other data: {found}; put back what the run was trained on, or give other data with \
                 images of its classes (--data)",
                path.display()
            );
        }
        check_unchanged(&model, &set, &path, arguments.accept_changed_data)?;
    }
    let classes = ClassMap::new(&model, &set);
    if classes.known().next().is_none() {
        bail!(
            "{} was trained on other data: {}; give images of its classes, or rename the classes: predict classifies any \
             image",
            path.display(),
            model.header.differences(&set).unwrap_or_default()
        );
    }
    let images = Tested::new(&set, options.only_tests);
    classes.notices(&model, &set, &images).into_iter().for_each(note);
    if !own {
        note_trained(&model, &set, &images);
    }
    let tally = classify(&mut model, &set, &images, &classes)?;
    let all = tally.iter().fold(Hits::default(), |sum, hits| sum + *hits);
    if all.images == 0 {
        bail!("{} has no labelled image of a class that the model knows", set.name);
    }
    let names = &model.header.classes;
    if arguments.json {
        let entry = |(name, hits): (&String, &Hits)| (name.clone(), hits.json());
        let by_class: serde_json::Map<_, _> = names.iter().zip(&tally).map(entry).collect();
        let result = json!({
            "data": set.name,
            "images": all.images,
            "accuracy": all.share(),
            "interval": all.interval(),
            "steps": model.header.step,
            "classes": by_class,
        });
        print(serde_json::to_string_pretty(&result)?)?;
        return Ok(Outcome::Done);
    }
    let what = if options.only_tests { "labelled images" } else { set.tested_images() };
    print(format_args!("{}: {:.2} % of {} {what}", set.name, 100.0 * all.share(), all.images))?;
    let [low, high] = all.interval().map(|bound| 100.0 * bound);
    print(format_args!("  95 % interval: {low:.2} to {high:.2} %"))?;
    for (name, hits) in names.iter().map(|name| shown_name(name)).zip(&tally) {
        if hits.images == 0 {
            print(format_args!("  {name:<20} no images"))?;
            continue;
        }
        let [low, high] = hits.interval().map(|bound| 100.0 * bound);
        print(format_args!(
            "  {name:<20} {:>6.2} % of {} ({low:.0} to {high:.0} %)",
            100.0 * hits.share(),
            hits.images
        ))?;
    }
    Ok(Outcome::Done)
}

/// Says where the data of the run may be given: the images that it trained on are not its test images.
fn lost_data(error: TrainError) -> anyhow::Error {
    match error {
        TrainError::LostData { path } => anyhow!(
            "the data of the run are no longer at {}: put them back, or say where they are now (--data) and add \
             --test-only: without it the images that were trained on count too",
            path.display()
        ),
        other => other.into(),
    }
}

/// Says what `eval` needs where the library says what training needs.
fn unfit_data(error: anyhow::Error) -> anyhow::Error {
    let needs =
        "eval needs labelled images of the model's classes: a folder for each class, or a list with labels";
    match error.downcast_ref() {
        Some(DataError::NoClass { path }) => anyhow!("{} has no image of known class: {needs}", shown(path)),
        Some(DataError::Unclassed { path, images, example, lists }) => anyhow!(
            "{} has {} without classes, such as {}{lists}: {needs}; predict classifies images without classes",
            shown(path),
            counted(*images, "image", "images"),
            shown_name(example)
        ),
        Some(DataError::OneClass { path, class }) => anyhow!(
            "{} has one class only, '{}': eval needs images of two classes at least; predict classifies the images of one",
            shown(path),
            shown_name(class)
        ),
        Some(DataError::NoTest { path }) => anyhow!(
            "{} has no test images, and no class with two images of which one could be held out: add test images, or \
             classify all its labelled images with --data, without --test-only",
            shown(path)
        ),
        Some(DataError::NoImages { path }) => anyhow!("{} contains no images: {needs}", shown(path)),
        _ => error,
    }
}

/// Compares the data set of a model's run with the images that the checkpoint records.
///
/// # Errors
/// [`TrainError::ChangedData`] if they differ and `accept` is not set.
fn check_unchanged(model: &Model, set: &DataSet, path: &Path, accept: bool) -> anyhow::Result<()> {
    let Some(fingerprint) = &model.fingerprint else {
        note(
            "notice: the checkpoint does not record its images: whether the test images were trained on is unknown",
        );
        return Ok(());
    };
    let changes = fingerprint.compare(set);
    if changes.is_empty() {
        changes.notice().into_iter().for_each(|notice| note(format_args!("notice: {notice}")));
        return Ok(());
    }
    if !accept {
        let (path, reason) = (path.to_owned(), changes.to_string());
        return Err(TrainError::ChangedData { path, reason }.into());
    }
    note(format_args!("notice: the data have changed: {changes}"));
    Ok(())
}

/// Prints how many of the images to classify the model was trained on.
fn note_trained(model: &Model, set: &DataSet, tested: &Tested) {
    let train = tested.train.iter().map(|i| set.train_ids.ids[*i].content);
    let contents = train.chain(set.test_ids.ids.iter().map(|id| id.content));
    let Some(fingerprint) = &model.fingerprint else {
        note(
            "notice: the checkpoint does not record its images, as version 0.1 made it: whether the model was trained on \
             these images is unknown",
        );
        return;
    };
    let trained = fingerprint.trained_on(contents);
    if trained > 0 {
        let images = tested.labels.len();
        note(format_args!(
            "notice: {} trained on: the accuracy on them says little",
            counted_of(trained, images, ["image", "images"], ["was", "were"])
        ));
    }
}

/// Right answers among a number of images.
#[derive(Clone, Copy, Default)]
struct Hits {
    right: usize,
    images: usize,
}

impl std::ops::Add for Hits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { right: self.right + other.right, images: self.images + other.images }
    }
}

impl Hits {
    fn share(self) -> f64 {
        self.right as f64 / self.images as f64
    }

    fn interval(self) -> [f64; 2] {
        wilson_interval(self.right, self.images)
    }

    fn json(self) -> Value {
        match self.images {
            0 => json!({ "accuracy": null, "images": 0 }),
            images => json!({ "accuracy": self.share(), "images": images, "interval": self.interval() }),
        }
    }
}

/// The images to classify, with their classes in the set.
struct Tested {
    /// Indices into the training images, which come first.
    train: Vec<usize>,
    test: usize,
    labels: Vec<u32>,
}

impl Tested {
    /// The set's test images; its labelled training images too if `all`.
    fn new(set: &DataSet, all: bool) -> Self {
        // Labelled images that test themselves are in both parts.
        let train: Vec<usize> = match all && !set.tests_labelled_images() {
            true => (0..set.train.len()).filter(|i| set.train_labels[*i].is_some()).collect(),
            false => Vec::new(),
        };
        let labels = train.iter().filter_map(|i| set.train_labels[*i]).chain(set.test_labels.iter().copied());
        Self { labels: labels.collect(), train, test: set.test.len() }
    }
}

/// The model's class for each class of a set, by name.
struct ClassMap(Vec<Option<usize>>);

impl ClassMap {
    /// Equal names match; so do names that training takes for one class. A single letter matches the model's class of the
    /// other case only where no class of the set is that one, and the model has one of the two.
    fn new(model: &Model, set: &DataSet) -> Self {
        let names = &model.header.classes;
        let keys: Vec<String> = names.iter().map(|name| class_key(name)).collect();
        let of_set: Vec<String> = set.classes.iter().map(|class| class_key(class)).collect();
        let find = |(class, key): (&String, &String)| {
            let same = || keys.iter().position(|known| known == key);
            let other_case = || {
                let alike = |known: &&String| known.to_lowercase() == key.to_lowercase();
                let only = keys.iter().filter(alike).count() == 1 && of_set.iter().filter(alike).count() == 1;
                keys.iter().position(|known| alike(&known)).filter(|_| only)
            };
            names.iter().position(|name| name == class).or_else(same).or_else(other_case)
        };
        Self(set.classes.iter().zip(&of_set).map(find).collect())
    }

    /// The model's classes that the set has.
    fn known(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flatten().copied()
    }

    /// What the user should know: classes of the set that the model does not know, and the other way round.
    fn notices(&self, model: &Model, set: &DataSet, images: &Tested) -> Vec<String> {
        let names = &model.header.classes;
        let other_case = |(class, of): (&String, &Option<usize>)| {
            let name = &names[(*of)?];
            (class_key(class) != class_key(name)).then(|| {
                format!("notice: '{}' counts as the model's class '{}'", shown_name(class), shown_name(name))
            })
        };
        let mut notices: Vec<String> = set.classes.iter().zip(&self.0).filter_map(other_case).collect();
        let unknown = (0..set.classes.len()).filter(|class| self.0[*class].is_none());
        let unknown: Vec<&str> = unknown.map(|class| set.classes[class].as_str()).collect();
        if !unknown.is_empty() {
            let left_out = images.labels.iter().filter(|label| self.0[**label as usize].is_none()).count();
            notices.push(format!(
                "notice: the model does not know {}: {} left out",
                listed("class", &unknown),
                counted(left_out, "image is", "images are")
            ));
        }
        let names = names.iter().enumerate();
        let present = |class: usize| images.labels.iter().any(|label| self.0[*label as usize] == Some(class));
        let missing: Vec<&str> =
            names.filter(|(class, _)| !present(*class)).map(|(_, name)| name.as_str()).collect();
        if !missing.is_empty() {
            notices.push(format!("notice: there are no images of the model's {}", listed("class", &missing)));
        }
        notices
    }
}

/// A noun with names: the first few of them.
fn listed(noun: &str, names: &[&str]) -> String {
    let plural = if names.len() == 1 { "" } else { "es" };
    let more = if names.len() > NAMED { ", .." } else { "" };
    let names: Vec<String> = names.iter().take(NAMED).map(|name| listed_name(name)).collect();
    format!("{noun}{plural} {}{more}", names.join(", "))
}

/// Right answers by class of the model. Images of classes that the model does not know are left out.
fn classify(model: &mut Model, set: &DataSet, tested: &Tested, map: &ClassMap) -> anyhow::Result<Vec<Hits>> {
    let [side, _, channels] = model.header.image;
    let classes = model.header.classes.len();
    let mut tally = vec![Hits::default(); classes];
    let of_train = tested.train.len();
    let first = (0..of_train + tested.test).step_by(BATCH);
    for first in first {
        let batch = first..(first + BATCH).min(of_train + tested.test);
        let known = |i: &usize| map.0[tested.labels[*i] as usize].is_some();
        let (train, test): (Vec<usize>, Vec<usize>) = batch.filter(known).partition(|i| *i < of_train);
        let chosen: Vec<usize> = train.iter().map(|i| tested.train[*i]).collect();
        let of_test: Vec<usize> = test.iter().map(|i| i - of_train).collect();
        for (indices, images) in [(train, set.train.pick(&chosen)), (test, set.test.pick(&of_test))] {
            if let Some(failure) = set.train.take_failure() {
                return Err(failure.into());
            }
            let probabilities = block_on(model.probabilities(&images.fitted(side, channels)))?;
            for (i, row) in indices.into_iter().zip(probabilities.chunks_exact(classes)) {
                let Some(class) = map.0[tested.labels[i] as usize] else { continue };
                tally[class] =
                    tally[class] + Hits { right: usize::from(most_likely(row) == class), images: 1 };
            }
        }
    }
    Ok(tally)
}
