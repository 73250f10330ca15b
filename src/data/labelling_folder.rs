//! A folder of images that are labelled by hand: its images, the labels made so far, and the set to train on.
//!
//! The labels are in two files beside the images, see [`labels`](super::labels). A folder with both files can be opened
//! like any other data set.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::counted::{counted, counted_of};
use super::disk_changes::{DiskChanges, changes};
use super::error::{DataError, LabelsError};
use super::file_stamps::FileStamps;
use super::files::{Entry, Folder};
use super::formats::class_folders;
use super::held_out::NO_TESTS;
use super::host;
use super::identity::{Identities, ImageId, RecordedRoles, SplitRule};
use super::images::Images;
use super::labels::{CLASSES_FILE, HELD_OUT, LABELS_FILE, Labels};
use super::layout::{Layout, Role, Roles, listed};
use super::list_folders::{Agreement, compare, split_of_folders};
use super::list_precedence::check_share;
use super::list_table::{Table, tables};
use super::names::{listed_name, shown_name};
use super::original::Original;
use super::saved_labels::{read_labels, read_labels_in};
use super::set::{DataSet, Decoding, OpenOptions, Origin};
use super::slices::run_to_end;
use super::split_copies::split_copies_notice;
use super::split_words::SplitName;
use super::unclassed;
use super::unread_columns::UnreadColumns;
use super::unread_lists::{unread_lists, unread_notices};

/// All images below a folder, without classes.
#[derive(Clone, Debug)]
pub struct LabellingFolder {
    pub folder: PathBuf,
    /// Paths of the images relative to the folder, with `/` between names.
    pub files: Vec<String>,
    /// Where the images are on the disk.
    pub paths: Vec<PathBuf>,
    pub images: Images,
    /// What is unusual about the files, by their paths as in `files`.
    pub originals: BTreeMap<String, Original>,
    /// The image files as they were when they were read.
    pub stamps: FileStamps,
    /// How the images were decoded.
    pub decoding: Decoding,
    /// How labels are chosen that are held out to measure accuracy.
    pub split: SplitRule,
    /// The labels that a run has tested, which are held out instead.
    pub recorded: Option<Arc<RecordedRoles>>,
    /// The classes of the folders that the images are in, if these are class folders: for each image its class by name. No
    /// image of a test folder has one.
    pub in_folders: Vec<Option<String>>,
    /// Whether words such as `none` in the saved labels are classes.
    pub none_as_class: bool,
    /// Hashes of the images.
    pub ids: Vec<ImageId>,
    /// What the user should know: images that were resized or skipped.
    pub notices: Vec<String>,
}

impl LabellingFolder {
    /// Reads all images below a folder, each as the square that the network gets.
    ///
    /// # Errors
    /// When the folder cannot be listed or contains no image, or, without `skip_bad`, an image cannot be read.
    pub fn open(folder: &Path, options: &OpenOptions) -> Result<Self, DataError> {
        run_to_end(Self::open_async(folder, options))
    }

    /// [`LabellingFolder::open`] in slices, as [`open_async`](super::open_async).
    ///
    /// # Errors
    /// Those of [`LabellingFolder::open`].
    pub async fn open_async(folder: &Path, options: &OpenOptions) -> Result<Self, DataError> {
        options.check()?;
        Self::read(&host::folder(folder, options)?, options).await
    }

    /// Reads all images below a folder, which may be in an archive.
    async fn read(folder: &Folder, options: &OpenOptions) -> Result<Self, DataError> {
        let found = unclassed::read_unclassed(folder, &[LABELS_FILE, CLASSES_FILE], options).await?;
        if found.images.is_empty() {
            return Err(DataError::NoImages { path: folder.path.clone() });
        }
        let Identities { ids, files } = found.ids;
        let notices = found.notices;
        let in_folders = match has_label_files(folder) {
            true => vec![None; files.len()],
            false => classes_in_folders(folder, &found.paths, options),
        };
        Ok(Self {
            in_folders,
            folder: folder.path.clone(),
            files,
            paths: found.paths,
            images: found.images,
            originals: found.originals,
            stamps: found.stamps,
            decoding: found.decoding,
            split: options.split,
            recorded: options.recorded.clone(),
            none_as_class: options.choice.none_as_class,
            ids,
            notices,
        })
    }

    /// Whether there is an image below a folder.
    pub fn has_images(folder: &Path) -> bool {
        unclassed::has_images(folder)
    }

    /// Which image files have changed since they were read, by their sizes and times.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn changes_on_disk(&self) -> Result<DiskChanges, DataError> {
        changes(&self.folder, &self.stamps)
    }

    /// The path of an image.
    pub fn path(&self, image: usize) -> PathBuf {
        self.paths[image].clone()
    }

    /// Reads the labels that were saved.
    ///
    /// # Errors
    /// When `labels.csv` or `classes.txt` cannot be read, or was not written by this program.
    pub fn read_labels(&self) -> Result<Labels, LabelsError> {
        self.read_labels_in(&self.folder)
    }

    /// Reads labels of these images that were saved in another folder.
    ///
    /// # Errors
    /// Those of [`LabellingFolder::read_labels`].
    pub fn read_labels_in(&self, folder: &Path) -> Result<Labels, LabelsError> {
        read_labels(folder, &self.files, self.none_as_class)
    }

    /// The labels that the images have by the folders that they are in, if these may be classes: two or more, and no labels
    /// were saved. Folders by day or place look the same, so that a person decides.
    pub fn folder_labels(&self) -> Option<Labels> {
        let labels = Labels::of_classes(&self.in_folders);
        (!labels.made().is_empty()).then_some(labels)
    }

    /// The images whose labels are held out to measure accuracy: about one in [`HELD_OUT`](super::HELD_OUT), once every
    /// class has as many.
    pub fn held_out(&self, labels: &Labels) -> Vec<usize> {
        labels.held_out(self.split, &self.ids, self.recorded.as_deref())
    }

    /// The set to train on. Training image i is image i of the folder. Images whose labels are held out test, and are
    /// unlabelled in training; if none are held out, the labelled images themselves test.
    ///
    /// # Errors
    /// When there are fewer than two classes, or a class has no label.
    pub fn data_set(&self, labels: &Labels) -> Result<DataSet, DataError> {
        let path = || self.folder.clone();
        match labels.classes() {
            [] => return Err(DataError::NoClass { path: path() }),
            [class] => return Err(DataError::OneClass { path: path(), class: class.clone() }),
            _ => {}
        }
        if let Some(empty) = labels.counts().iter().position(|&count| count == 0) {
            return Err(DataError::EmptyClass {
                path: path(),
                class: labels.classes()[empty].clone(),
                skipped: 0,
            });
        }
        Ok(self.divided(labels))
    }

    /// All images with all their labels, none of which is held out, to check them: also with fewer labels than training needs.
    pub fn labelled_set(&self, labels: &Labels) -> DataSet {
        self.assemble(labels, &[])
    }

    /// The set to train and to test on, with labels of two classes or more.
    fn divided(&self, labels: &Labels) -> DataSet {
        let held = self.held_out(labels);
        let mut set = self.assemble(labels, &held);
        set.notices.push(match held.len() {
            0 => NO_TESTS.to_owned(),
            n => format!(
                "{} held out to measure accuracy",
                counted_of(n, labels.made().len(), ["label", "labels"], ["is", "are"])
            ),
        });
        let labelled = labels.made().iter().map(|image| (self.files[*image].as_str(), held.contains(image)));
        set.notices.extend(split_copies_notice(labelled));
        let mut untested = labels.classes().to_vec();
        held.iter().filter_map(|&image| labels.of(image)).for_each(|class| untested[class as usize].clear());
        untested.retain(|name| !name.is_empty());
        if !held.is_empty() && !untested.is_empty() {
            let names: Vec<String> = untested.iter().map(|name| listed_name(name)).collect();
            set.notices.push(format!(
                "no test image is of class {}: accuracy says nothing about it",
                listed(&names)
            ));
        }
        set
    }

    /// The set in which the labels of the images `held` are held out.
    fn assemble(&self, labels: &Labels, held: &[usize]) -> DataSet {
        let mut train_labels: Vec<Option<u32>> = (0..self.files.len()).map(|i| labels.of(i)).collect();
        held.iter().for_each(|&image| train_labels[image] = None);
        let test = if held.is_empty() { labels.made() } else { held };
        let mut notices = self.notices.clone();
        let is_named_test = |image: &usize| {
            let split = split_of_folders(&self.files[*image], None);
            matches!(split, Some(SplitName::Test | SplitName::Validation))
        };
        let unlabelled = (0..self.files.len()).filter(|image| labels.of(*image).is_none());
        let named_test: Vec<usize> = unlabelled.filter(is_named_test).collect();
        notices.extend(named_test.first().map(|image| {
            format!(
                "{} in folders whose names say that they test, such as {}: without a label they train as unlabelled images \
                 (label what is to test, or move it out of the folder)",
                counted(named_test.len(), "image without a label is", "images without labels are"),
                shown_name(&self.files[*image])
            )
        }));
        notices.extend(labels.notices());
        let ids = Identities { ids: self.ids.clone(), files: self.files.clone() };
        DataSet {
            name: host::name_of(&self.folder),
            format: format!("images labelled in {LABELS_FILE}"),
            classes: labels.classes().to_vec(),
            train: self.images.clone(),
            train_labels,
            test_ids: ids.pick(test),
            train_ids: ids,
            originals: self.originals.clone(),
            unread_columns: UnreadColumns::default(),
            decoding: self.decoding,
            held_out: (!held.is_empty()).then_some(1.0 / HELD_OUT as f64),
            test: self.images.pick(test),
            test_labels: test.iter().filter_map(|&image| labels.of(image)).collect(),
            origin: Origin::ByHand { held_out: !held.is_empty() },
            flip: true,
            shift: (self.images.width as f64 / 8.0).round() as u32,
            notices,
        }
    }
}

/// Whether a folder has a file of labels.
fn has_label_files(folder: &Folder) -> bool {
    [LABELS_FILE, CLASSES_FILE].iter().any(|file| folder.files.contains_key(*file))
}

/// The class of each image by the folder it is in; none if the folders are no classes, or there are fewer than two.
fn classes_in_folders(folder: &Folder, paths: &[PathBuf], options: &OpenOptions) -> Vec<Option<String>> {
    let found = class_folders::read(folder, options).ok().filter(|found| found.classes.len() > 1);
    let Some(found) = found else { return vec![None; paths.len()] };
    let trains = found.images.iter().filter(|image| !image.test);
    let class_of: HashMap<&Path, u32> =
        trains.filter_map(|image| Some((image.entry.path.as_path(), image.class?))).collect();
    let name = |class: &u32| found.classes[*class as usize].clone();
    paths.iter().map(|path| class_of.get(path.as_path()).map(name)).collect()
}

/// Loads a folder that was labelled by hand, on the disk or in an archive.
///
/// # Errors
/// When the folder has no images or one cannot be read, a file of labels is damaged, or a class has no label.
pub(super) async fn load(source: &Folder, options: &OpenOptions) -> Result<DataSet, DataError> {
    let folder = LabellingFolder::read(source, options).await?;
    let mut labels = read_labels_in(source, &folder.files, options.choice.none_as_class)?;
    let notice = check_rows(&folder.folder, &folder.files, &labels, options)?;
    // A run goes on with its classes, also where labels of one are gone: then the run says that they have changed.
    let of_run = options.recorded.as_ref().is_some_and(|recorded| labels.keep_classes(recorded.classes()));
    if let Some(error) = labels.only_class(&folder.folder).filter(|_| !options.only_tests) {
        return Err(error);
    }
    let mut set = match (options.only_tests, labels.classes()) {
        (false, _) if of_run => folder.divided(&labels),
        (false, _) => folder.data_set(&labels)?,
        (true, []) => return Err(DataError::NoClass { path: folder.folder.clone() }),
        (true, _) => folder.assemble(&labels, &[]),
    };
    set.notices.extend(notice);
    set.notices.extend(other_lists(source));
    Ok(set)
}

/// Holds the labels to what every list is held to, but that they win over class folders: a person has made them. Returns a
/// notice about those that contradict their folder.
///
/// # Errors
/// When rows name no file or several and `skip_bad` is not set, or labels agree with class folders and name less than half of
/// the images in them.
fn check_rows(
    folder: &Path,
    files: &[String],
    labels: &Labels,
    options: &OpenOptions,
) -> Result<Option<String>, DataError> {
    let path = folder.join(LABELS_FILE);
    if let Some(problem) = labels.unmatched().filter(|problem| !options.skip_bad || problem.all) {
        return Err(problem.error(&path, folder));
    }
    let of =
        |&image: &usize| Some((files[image].as_str(), labels.classes()[labels.of(image)? as usize].as_str()));
    let rows: Vec<(&str, &str)> = labels.made().iter().filter_map(of).collect();
    match compare(&rows, files.iter().map(String::as_str)) {
        Agreement::Contradicts(differing) => {
            let (file, class) = rows[differing[0]];
            Ok(Some(format!(
                "{LABELS_FILE}, which was made by hand, decides: {} from the class folder, such as {} ('{}')",
                counted_of(differing.len(), rows.len(), ["label", "labels"], ["differs", "differ"]),
                shown_name(file),
                shown_name(class)
            )))
        }
        Agreement::Agrees => {
            check_share(&path, files, &labels.made().iter().copied().collect()).map(|()| None)
        }
        _ => Ok(None),
    }
}

/// The notices about lists beside labels that were made by hand, which count alone.
pub(super) fn other_lists(folder: &Folder) -> Vec<String> {
    let is_read = |entry: &Entry| [LABELS_FILE, CLASSES_FILE].contains(&entry.name.as_str());
    let is_list = |entry: &&Entry| !is_read(entry) && matches!(Table::open(entry, false), Ok(Table::List(_)));
    let others: Vec<String> =
        tables(folder).filter(is_list).map(|entry| shown_name(&entry.name).to_string()).collect();
    let mut notices = unread_notices(&unread_lists(folder, &is_read));
    if !others.is_empty() {
        notices.push(format!(
            "{} {} not read: {LABELS_FILE} and {CLASSES_FILE}, which were made by hand, count alone (to use a list, open the \
             list itself as the source)",
            listed(&others),
            if others.len() == 1 { "is" } else { "are" }
        ));
    }
    notices
}

/// What became of every file of a folder that was labelled by hand.
///
/// # Errors
/// When the folder cannot be listed, or its labels cannot be read.
pub(super) fn layout(folder: &Folder, options: &OpenOptions) -> Result<Layout, DataError> {
    let mut roles = Roles::default();
    let (images, _) =
        unclassed::unclassed(folder, &[LABELS_FILE, CLASSES_FILE], options.skip_bad, &mut roles)?;
    let files: Vec<String> = images.into_iter().map(|(path, _)| path).collect();
    let labels = read_labels_in(folder, &files, options.choice.none_as_class)?;
    let contradicts = check_rows(&folder.path, &files, &labels, options)?;
    for (image, path) in files.iter().enumerate() {
        let (at, name) = path.rsplit_once('/').unwrap_or(("", path));
        let role = match labels.of(image).map(|class| labels.classes()[class as usize].clone()) {
            None => Role::Unlabelled,
            Some(class) => Role::Train(class),
        };
        roles.file(at, name, role);
    }
    let mut notices = folder.notices.clone();
    notices.extend(contradicts);
    notices.extend(roles.notices(options.only_tests || options.no_training));
    notices.extend(labels.notices());
    notices.extend(other_lists(folder));
    Ok(roles.layout(&format!("images labelled in {LABELS_FILE}"), notices))
}
