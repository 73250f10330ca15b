use crate::data::DataError;
use crate::data::files::{Entry, Folder};

/// Names of folders whose images test.
pub(in crate::data) const TEST: [&str; 4] = ["test", "val", "valid", "validation"];
const UNLABELLED: [&str; 2] = ["unlabeled", "unlabelled"];

/// Bytes at the start of a file that tell whether it is an image.
const MARK: usize = 32;

/// The images of a source and their classes.
pub(in crate::data) struct Tree {
    /// Sorted by name.
    pub classes: Vec<String>,
    pub images: Vec<Found>,
    /// Files among them that are no images.
    pub others: Vec<Entry>,
}

pub(in crate::data) struct Found {
    pub entry: Entry,
    pub class: Option<u32>,
    pub test: bool,
}

/// A class folder and its images.
type Class<'a> = (&'a str, &'a Folder, Vec<Entry>);

/// Looks for class folders with images. `None` when no folder below holds an image.
///
/// # Errors
/// When a class has no image, or a test class none to train.
pub(in crate::data) fn find(folder: &Folder) -> Result<Option<Tree>, DataError> {
    let (train, test) = match named(folder, &["train"]) {
        Some(train) => (train, TEST.iter().find_map(|name| named(folder, &[name]))),
        None => (folder, None),
    };
    let mut others = Vec::new();
    let classes = images_of_classes(train, &mut others)?;
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
        images.extend(entries.into_iter().map(|entry| Found { entry, class: Some(class), test: false }));
    }
    unlabelled(folder, &mut images, &mut others)?;
    if !std::ptr::eq(train, folder) {
        unlabelled(train, &mut images, &mut others)?;
    }
    if let Some(test) = test {
        for (name, folder, entries) in images_of_classes(test, &mut others)? {
            let Some(class) = names.iter().position(|known| known == name) else {
                return Err(DataError::UntrainedClass { path: test.path.clone(), class: name.to_owned() });
            };
            if entries.is_empty() {
                return Err(empty(folder, name));
            }
            let class = Some(class as u32);
            images.extend(entries.into_iter().map(|entry| Found { entry, class, test: true }));
        }
    }
    Ok(Some(Tree { classes: names, images, others }))
}

/// Adds the images of unknown class that lie beside those of a class.
pub(in crate::data) fn unlabelled(
    folder: &Folder,
    images: &mut Vec<Found>,
    others: &mut Vec<Entry>,
) -> Result<(), DataError> {
    if let Some(folder) = named(folder, &UNLABELLED) {
        let mut entries = Vec::new();
        collect(folder, &mut entries, others)?;
        images.extend(entries.into_iter().map(|entry| Found { entry, class: None, test: false }));
    }
    Ok(())
}

fn named<'a>(folder: &'a Folder, names: &[&str]) -> Option<&'a Folder> {
    let is_named = |(name, _): &(&String, &Folder)| names.contains(&name.to_lowercase().as_str());
    folder.folders.iter().find(is_named).map(|(_, inner)| inner)
}

fn images_of_classes<'a>(folder: &'a Folder, others: &mut Vec<Entry>) -> Result<Vec<Class<'a>>, DataError> {
    let is_class = |(name, _): &(&String, &Folder)| !UNLABELLED.contains(&name.to_lowercase().as_str());
    let of = |(name, inner): (&'a String, &'a Folder)| {
        let mut entries = Vec::new();
        collect(inner, &mut entries, others)?;
        Ok((name.as_str(), inner, entries))
    };
    folder.folders.iter().filter(is_class).map(of).collect()
}

fn collect(folder: &Folder, images: &mut Vec<Entry>, others: &mut Vec<Entry>) -> Result<(), DataError> {
    for inner in folder.folders.values() {
        collect(inner, images, others)?;
    }
    for entry in folder.files.values() {
        let to = if is_image(entry)? { &mut *images } else { &mut *others };
        to.push(entry.clone());
    }
    Ok(())
}

/// By content; a file that is only named like an image counts, so that reading it says what is wrong.
fn is_image(entry: &Entry) -> Result<bool, DataError> {
    let start = entry.start(MARK)?;
    Ok(image::guess_format(&start).is_ok() || image::ImageFormat::from_path(&entry.name).is_ok())
}
