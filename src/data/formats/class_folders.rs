//! A folder of class folders, `CLASS/IMAGE`, or `train/CLASS/IMAGE` with `test/CLASS/IMAGE`. Images in a folder
//! `unlabeled/` are of unknown class.

use crate::data::decode::EXAMPLE_IMAGE;
use crate::data::error::DataError;
use crate::data::files::{Entry, Folder};
use crate::data::format::{Format, Loader, Parser, SampleFiles};
use crate::data::image_files::{self, ImageFile, ImageFiles, add_unlabelled, collect_images, subfolder};
use crate::data::set::OpenOptions;
use crate::data::split_words::{SplitName, split_name};

pub const FORMAT: Format = Format {
    name: "folder of class folders",
    description: "a folder of class folders with images",
    detect,
    explain: None,
    example,
    parsers: &[Parser::new("image", "left/1.pgm", example)],
};

/// A class folder and the images in it.
type Class<'a> = (&'a str, &'a Folder, Vec<Entry>);

/// Looks for class folders with images. `None`: no folder below contains an image.
///
/// # Errors
/// When a class has no image, or a test class has no training images.
fn detect(folder: &Folder) -> Result<Option<Loader<'_>>, DataError> {
    let found = find(folder)?;
    Ok(found.map(|found| {
        Box::new(|options: &OpenOptions| image_files::load(found, FORMAT.name, options)) as Loader
    }))
}

fn find(folder: &Folder) -> Result<Option<ImageFiles>, DataError> {
    let (train, test) = match subfolder(folder, SplitName::Train) {
        Some(train) => {
            let tests = [SplitName::Test, SplitName::Validation];
            (train, tests.into_iter().find_map(|split| subfolder(folder, split)))
        }
        None => (folder, None),
    };
    let mut others = Vec::new();
    let classes = images_by_class(train, &mut others)?;
    if classes.iter().all(|(_, _, images)| images.is_empty()) {
        return Ok(None);
    }
    let empty = |folder: &Folder, class: &str| DataError::EmptyClass {
        path: folder.path.clone(),
        class: class.to_owned(),
    };
    if let Some((name, folder, _)) = classes.iter().find(|(_, _, images)| images.is_empty()) {
        return Err(empty(folder, name));
    }

    let names: Vec<String> = classes.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut images = Vec::new();
    for (class, (_, _, entries)) in (0..).zip(classes) {
        images.extend(entries.into_iter().map(|entry| ImageFile { entry, class: Some(class), test: false }));
    }
    add_unlabelled(folder, &mut images, &mut others)?;
    if !std::ptr::eq(train, folder) {
        add_unlabelled(train, &mut images, &mut others)?;
    }
    if let Some(test) = test {
        for (name, folder, entries) in images_by_class(test, &mut others)? {
            let Some(class) = names.iter().position(|known| known == name) else {
                return Err(DataError::UntrainedClass { path: test.path.clone(), class: name.to_owned() });
            };
            if entries.is_empty() {
                return Err(empty(folder, name));
            }
            let class = Some(class as u32);
            images.extend(entries.into_iter().map(|entry| ImageFile { entry, class, test: true }));
        }
    }
    Ok(Some(ImageFiles { root: folder.path.clone(), classes: names, images, others }))
}

/// The class folders of `folder`, sorted by name. Files that are not images are added to `others`.
fn images_by_class<'a>(folder: &'a Folder, others: &mut Vec<Entry>) -> Result<Vec<Class<'a>>, DataError> {
    let is_class = |(name, _): &(&String, &Folder)| split_name(name) != Some(SplitName::Unlabelled);
    let class = |(name, inner): (&'a String, &'a Folder)| {
        let mut entries = Vec::new();
        collect_images(inner, &mut entries, others)?;
        Ok((name.as_str(), inner, entries))
    };
    folder.folders.iter().filter(is_class).map(class).collect()
}

/// Two classes of two images.
fn example() -> SampleFiles {
    ["left/1.pgm", "left/2.pgm", "right/1.pgm", "right/2.pgm"]
        .map(|name| (name, EXAMPLE_IMAGE.to_vec()))
        .to_vec()
}
