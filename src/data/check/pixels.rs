//! Findings about single images by their pixels: those of nearly one colour, those with a grey part, and those that stand
//! apart.

use super::descriptor::{CELLS, Descriptor, Statistics};
use super::finding::{Finding, Kind};
use super::subject::Subject;
use crate::data::counted::counted;

/// Standard deviation, and range of values, up to which an image is of nearly one colour.
const UNIFORM_DEVIATION: f32 = 2.5;
const UNIFORM_RANGE: u8 = 16;
/// Robust z-score from which an image stands apart.
const APART: f32 = 7.0;
/// Images that a class needs before any can stand apart from it.
const MIN_CLASS: usize = 8;
/// Turns the median absolute deviation of a normal distribution into its standard deviation.
const NORMAL: f32 = 1.4826;

/// Whether an image is of nearly one colour.
pub fn is_uniform(statistics: &Statistics) -> bool {
    statistics.spread < UNIFORM_DEVIATION || statistics.range <= UNIFORM_RANGE
}

/// Images of nearly one colour; without those of more than 8 bits if another finding explains them.
pub fn uniform(subject: Subject<'_>, described: &[Descriptor], explained: bool) -> Option<Finding> {
    let is_explained =
        |image: usize| explained && subject.original(image).is_some_and(|original| original.deep);
    let detail = |image: usize| {
        let [red, green, blue] = described[image].statistics.mean.map(|mean| mean.round() as u8);
        let range = described[image].statistics.range;
        let colour = if red == green && green == blue {
            format!("{red}")
        } else {
            format!("({red}, {green}, {blue})")
        };
        (image, format!("mean {colour} of 255, values differ by {range}"))
    };
    let images: Vec<(usize, String)> = (0..subject.len())
        .filter(|&image| is_uniform(&described[image].statistics) && !is_explained(image))
        .map(detail)
        .collect();
    let count = images.len();
    let finding = |images| {
        Finding::new(Kind::NearlyUniform, count, &counted(count, "image", "images"), subject.measured(images))
    };
    (count > 0).then(|| finding(images))
}

/// Share of an image that is grey from an edge on, from which it is reported.
const GREY_PART: f32 = 0.125;

/// Images of which a part, from an edge on, is middle grey.
pub fn grey_parts(subject: Subject<'_>, described: &[Descriptor]) -> Option<Finding> {
    let part = |image: usize| described[image].statistics.grey_part;
    let images: Vec<(usize, String)> = (0..subject.len())
        .filter(|&image| part(image) >= GREY_PART && !is_uniform(&described[image].statistics))
        .map(|image| (image, format!("{:.0} % of it is plain grey", 100.0 * part(image))))
        .collect();
    let count = images.len();
    (count > 0).then(|| {
        Finding::new(Kind::GreyPart, count, &counted(count, "image", "images"), subject.measured(images))
    })
}

/// A statistic that images are compared by, on a scale of 0 to 255.
struct Feature {
    name: &'static str,
    of: fn(&Descriptor) -> f32,
    /// The least deviation that a z-score is measured in: in a class of nearly equal images, small differences do not
    /// count.
    least: f32,
}

const FEATURES: [Feature; 5] = [
    Feature { name: "red", of: |of| of.statistics.mean[0], least: 10.0 },
    Feature { name: "green", of: |of| of.statistics.mean[1], least: 10.0 },
    Feature { name: "blue", of: |of| of.statistics.mean[2], least: 10.0 },
    Feature { name: "contrast", of: |of| of.statistics.deviation, least: 8.0 },
    Feature { name: "detail", of: |of| of.statistics.edges, least: 6.0 },
];
/// The same for the difference of the cells from the median image.
const LEAST_DIFFERENCE: f32 = 6.0;

/// Images that stand apart from the training and test images of their class, or from the unlabelled images: a feature,
/// or the mean difference of the 9x8 cells from the median image, is more than [`APART`] robust standard deviations
/// (1.4826 times the median absolute deviation, at least [`Feature::least`]) from the median.
pub fn stand_apart(subject: Subject<'_>, described: &[Descriptor]) -> Option<Finding> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); subject.set.classes.len() + 1];
    for image in 0..subject.len() {
        if !is_uniform(&described[image].statistics) {
            let unlabelled = members.len() - 1;
            members[subject.label(image).map_or(unlabelled, |class| class as usize)].push(image);
        }
    }
    let mut found: Vec<(usize, f32, &str, bool)> = Vec::new();
    for images in members.iter().filter(|images| images.len() >= MIN_CLASS) {
        let mut worst: Vec<(f32, &str, bool)> = vec![(0.0, "", false); images.len()];
        let mut keep = |values: &[f32], name: &'static str, least: f32| {
            let (middle, deviation) = robust(values);
            let deviation = deviation.max(least);
            for (worst, value) in worst.iter_mut().zip(values) {
                let score = (value - middle).abs() / deviation;
                if score > worst.0 {
                    *worst = (score, name, *value > middle);
                }
            }
        };
        for Feature { name, of, least } in FEATURES {
            let values: Vec<f32> = images.iter().map(|&image| of(&described[image])).collect();
            keep(&values, name, least);
        }
        keep(&differences(images, described), "difference from the median image", LEAST_DIFFERENCE);
        let apart = images.iter().zip(worst).filter(|(_, worst)| worst.0 > APART);
        found.extend(apart.map(|(&image, (score, name, above))| (image, score, name, above)));
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let count = found.len();
    let details = found.into_iter().map(|(image, score, name, above)| {
        let side = if above { "above" } else { "below" };
        (image, format!("{name} {score:.1} deviations {side} the median of its class"))
    });
    (count > 0).then(|| {
        Finding::new(Kind::StandApart, count, &counted(count, "image", "images"), subject.measured(details))
    })
}

/// The mean difference of each image's cells from the median of each cell.
fn differences(images: &[usize], described: &[Descriptor]) -> Vec<f32> {
    let mut median = [0.0; CELLS];
    for (cell, median) in median.iter_mut().enumerate() {
        *median = middle(images.iter().map(|&image| f32::from(described[image].cells[cell])).collect());
    }
    let difference = |&image: &usize| {
        let cells = described[image].cells.iter().zip(&median);
        cells.map(|(&cell, median)| (f32::from(cell) - median).abs()).sum::<f32>() / CELLS as f32
    };
    images.iter().map(difference).collect()
}

/// The median, and the robust standard deviation.
fn robust(values: &[f32]) -> (f32, f32) {
    let median = middle(values.to_vec());
    let deviation = NORMAL * middle(values.iter().map(|value| (value - median).abs()).collect());
    (median, deviation)
}

fn middle(mut values: Vec<f32>) -> f32 {
    let at = values.len() / 2;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}
