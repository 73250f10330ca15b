//! Findings about the files that images come from: previews, depth, size, colour profile and transparency.

use super::descriptor::Descriptor;
use super::finding::{Finding, Kind};
use super::subject::Subject;
use crate::data::counted::counted;
use crate::data::fit::Fit;
use crate::data::original::{Original, bits_used};

/// Share of an image outside its centre square from which it is reported.
const CROPPED: f64 = 0.5;
/// Enlargement from which an image is reported.
const ENLARGED: f64 = 2.0;
/// Mean luma, 0 to 255, of a corner that is white, and of one that is black.
const WHITE: u8 = 250;
const BLACK: u8 = 5;

/// Findings that need no pixels.
pub fn files(subject: Subject<'_>) -> Vec<Finding> {
    let (side, fit) = (subject.set.train.width, subject.set.decoding.fit);
    type Measure<'a> = &'a dyn Fn(&Original) -> Option<String>;
    let measures: [(Kind, Measure<'_>); 4] = [
        (Kind::RawPreviews, &|original| {
            let Original { width, height, raw, .. } = original;
            raw.as_ref().map(|kind| format!("{kind} file, preview of {width}x{height}"))
        }),
        (Kind::Cropped, &|original| {
            let Original { width, height, .. } = original;
            let share = original.cropped();
            (fit == Fit::Crop && share > CROPPED)
                .then(|| format!("{width}x{height}, {:.0} % cropped away", 100.0 * share))
        }),
        (Kind::Enlarged, &|original| {
            let Original { width, height, .. } = original;
            (original.enlargement(side, fit) >= ENLARGED)
                .then(|| format!("{width}x{height}, enlarged to {side}x{side}"))
        }),
        (Kind::ColourProfiles, &|original| original.profile.clone()),
    ];
    measures.into_iter().filter_map(|(kind, measure)| of_files(subject, kind, measure)).collect()
}

fn of_files(
    subject: Subject<'_>,
    kind: Kind,
    measure: impl Fn(&Original) -> Option<String>,
) -> Option<Finding> {
    let found: Vec<(usize, String)> =
        (0..subject.len()).filter_map(|image| Some((image, measure(subject.original(image)?)?))).collect();
    let count = found.len();
    (count > 0)
        .then(|| Finding::new(kind, count, &counted(count, "image", "images"), subject.measured(found)))
}

/// The bits that all 16-bit images together use, if those are fewer and the images therefore nearly black. Judged by all
/// of them: one dark image among others is just dark.
pub fn unused_bits(subject: Subject<'_>, described: &[Descriptor]) -> Option<Finding> {
    if subject.set.decoding.needs_all_bits {
        return None;
    }
    let deep: Vec<usize> = (0..subject.len())
        .filter(|&image| subject.original(image).is_some_and(|original| original.deep))
        .collect();
    let brightest = deep.iter().map(|&image| described[image].statistics.brightest).max()?;
    let bits = bits_used(brightest)?;
    let text = format!("{} with values of at most {bits} bits", counted(deep.len(), "image", "images"));
    let details = deep.iter().map(|&image| {
        let brightest = described[image].statistics.brightest;
        (image, format!("the brightest value is {brightest} of 255 when it is read as 16 bits"))
    });
    Some(Finding::new(Kind::UnusedBits, deep.len(), &text, subject.measured(details)))
}

/// Transparent images of which some are shown on white and others on black.
pub fn backgrounds(subject: Subject<'_>, described: &[Descriptor]) -> Option<Finding> {
    let shown_on = |image: usize| {
        let corners = described[image].corners();
        let all = |test: &dyn Fn(u8) -> bool| corners.iter().filter(|&&corner| test(corner)).count() >= 2;
        match (all(&|corner| corner >= WHITE), all(&|corner| corner <= BLACK)) {
            (true, false) => Some("white"),
            (false, true) => Some("black"),
            _ => None,
        }
    };
    let found: Vec<(usize, &str)> = (0..subject.len())
        .filter(|&image| subject.original(image).is_some_and(|original| original.transparent))
        .filter_map(|image| Some((image, shown_on(image)?)))
        .collect();
    let white = found.iter().filter(|(_, colour)| *colour == "white").count();
    let (count, black) = (found.len(), found.len() - white);
    let details = found.into_iter().map(|(image, colour)| (image, format!("shown on {colour}")));
    (white > 0 && black > 0).then(|| {
        Finding::new(
            Kind::Backgrounds,
            count,
            &format!("{white} on white, {black} on black"),
            subject.measured(details),
        )
    })
}
