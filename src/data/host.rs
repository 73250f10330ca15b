//! Files of the host: the disk, or on a page the in-memory file system.

use std::path::Path;

pub(super) use platform::{file, folder, is_file};

/// The last component of a path, as the name of a data set.
pub(super) fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(not(target_arch = "wasm32"))]
mod platform {
    use std::fs::{self, File};
    use std::io::{self, BufReader};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use crate::data::encodings::is_certainly_utf8;
    use crate::data::error::DataError;
    use crate::data::file_kinds::is_named_as_image;
    use crate::data::files::{Content, Entry, Folder, Seekable, Stream};
    use crate::data::layout::{hidden_notice, is_hidden, is_of_program};
    use crate::data::limits::MAX_FOLDER_DEPTH;
    use crate::data::names::{Decoder, shown, shown_name, unique};
    use crate::data::set::OpenOptions;
    use crate::disk;

    /// Files that are no images and that a folder may have without a question.
    const OTHER_FILES: usize = 10_000;
    /// How many times as many as images these may be.
    const OTHERS_PER_IMAGE: usize = 10;
    /// Other files at which the listing of a folder ends before all of it is seen, if there are hardly any images among them.
    const MULTITUDE: usize = 20 * OTHER_FILES;
    /// Files between two reports of how many were found.
    const REPORT_EVERY: usize = 256;

    struct OnDisk(PathBuf);

    impl OnDisk {
        /// Opens the file, unless it is a pipe or a device, or one has taken its place.
        fn file(&self) -> io::Result<BufReader<File>> {
            disk::open(&self.0).map(BufReader::new)
        }
    }

    impl Content for OnDisk {
        fn is_seekable(&self) -> bool {
            true
        }

        fn open(&self) -> io::Result<Stream> {
            Ok(Box::new(self.file()?))
        }

        fn open_seekable(&self) -> io::Result<Box<dyn Seekable>> {
            Ok(Box::new(self.file()?))
        }
    }

    /// A file on the disk.
    ///
    /// # Errors
    /// When it does not exist, its size cannot be read, or it is a pipe, a socket or a device.
    pub fn file(path: &Path) -> Result<Entry, DataError> {
        let unreadable = |reason| DataError::Read { path: path.to_owned(), reason };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if let Some(kind) = disk::special(&metadata) {
            return Err(unreadable(io::Error::other(format!("it is {kind}, not a file"))));
        }
        Ok(Entry::new(path.to_owned(), metadata.len(), OnDisk(path.to_owned())))
    }

    /// Whether there is an ordinary file at a path, or a link to one.
    pub fn is_file(path: &Path) -> bool {
        path.is_file()
    }

    /// A folder on the disk with everything below it. Links are followed, unless they lead back to a folder above.
    ///
    /// # Errors
    /// When it, or a folder below it, cannot be listed; [`DataError::ManyFiles`] if far more files are found than images and
    /// the choice `many_files` is not made; [`DataError::Stopped`] if the opening is cancelled.
    pub fn folder(path: &Path, options: &OpenOptions) -> Result<Folder, DataError> {
        let mut listing = Listing::new(path, options);
        let folder = listing.list(path)?;
        if listing.foreign.is_empty() {
            listing.notices.extend(hidden_notice(&folder.hidden_with_images()));
            return Ok(Folder { notices: listing.notices, ..folder });
        }
        // Once more, now that the encoding of all names is known.
        let decoder = Decoder::of(listing.foreign.iter().chain(&listing.utf8).map(Vec::as_slice));
        let notice = decoder.notice(path, listing.foreign.iter().map(Vec::as_slice));
        let mut listing = Listing { decoder, ..Listing::new(path, options) };
        let folder = listing.list(path)?;
        listing.notices.extend(notice);
        listing.notices.extend(hidden_notice(&folder.hidden_with_images()));
        Ok(Folder { notices: listing.notices, ..folder })
    }

    /// Whether a name is that of an image, or has an ending of the lists, arrays and archives that this program reads.
    fn may_be_data(name: &str) -> bool {
        const ENDINGS: [&str; 15] = [
            "csv", "tsv", "txt", "json", "jsonl", "ndjson", "npz", "npy", "bin", "mat", "pkl", "zip", "tar",
            "gz", "tgz",
        ];
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        is_named_as_image(name) || ENDINGS.contains(&ending.to_lowercase().as_str())
    }

    /// Whether a folder holds a file that is named as an image, or a folder inside it does.
    fn holds_images(path: &Path) -> bool {
        // Of a folder with nothing but other files the first ones are enough.
        const LOOKED_AT: usize = 1_000;
        let entries = || fs::read_dir(path).into_iter().flatten().take(LOOKED_AT).flatten();
        let is_image = |path: &Path| {
            path.is_file() && path.file_name().is_some_and(|name| is_named_as_image(&name.to_string_lossy()))
        };
        let inner = |path: &Path| {
            fs::read_dir(path)
                .into_iter()
                .flatten()
                .take(LOOKED_AT)
                .flatten()
                .any(|entry| is_image(&entry.path()))
        };
        entries().any(|entry| is_image(&entry.path()) || inner(&entry.path()))
    }

    /// What is known while a folder is listed.
    struct Listing<'a> {
        options: &'a OpenOptions,
        /// The source.
        root: &'a Path,
        /// Files found so far; those of them that are named as images; and those with another ending.
        files: usize,
        images: usize,
        others: usize,
        decoder: Decoder,
        /// Canonical paths of the folders around the one that is listed.
        above: Vec<PathBuf>,
        /// Names that are not UTF-8.
        foreign: Vec<Vec<u8>>,
        /// A name that is certainly UTF-8.
        utf8: Option<Vec<u8>>,
        notices: Vec<String>,
    }

    impl<'a> Listing<'a> {
        fn new(root: &'a Path, options: &'a OpenOptions) -> Self {
            let (decoder, notices) = (Decoder::default(), Vec::new());
            let (above, foreign, utf8) = (Vec::new(), Vec::new(), None);
            Self { options, root, files: 0, images: 0, others: 0, decoder, above, foreign, utf8, notices }
        }

        /// Counts a file in `folder`.
        ///
        /// # Errors
        /// When far more files are found than images, or the opening is cancelled.
        fn count(&mut self, name: &str, folder: &Path) -> Result<(), DataError> {
            self.files += 1;
            match is_named_as_image(name) {
                true => self.images += 1,
                // A file without an ending may be anything.
                false => self.others += usize::from(name.contains('.')),
            }
            if self.files.is_multiple_of(REPORT_EVERY) {
                self.options.report_files(self.files, folder)?;
            }
            Ok(())
        }

        /// # Errors
        /// When far more files are found than images.
        fn check(&self, most: usize) -> Result<(), DataError> {
            let are_many = self.others > most && self.others / OTHERS_PER_IMAGE > self.images;
            match are_many && !self.options.choice.many_files {
                true => Err(DataError::ManyFiles {
                    path: self.root.to_owned(),
                    files: self.files,
                    images: self.images,
                }),
                false => Ok(()),
            }
        }

        fn list(&mut self, path: &Path) -> Result<Folder, DataError> {
            let unreadable = |reason| DataError::Read { path: path.to_owned(), reason };
            let mut folder = Folder::new(path.to_owned());
            self.above.push(path.canonicalize().map_err(unreadable)?);
            let entries: io::Result<Vec<fs::DirEntry>> = fs::read_dir(path).map_err(unreadable)?.collect();
            let mut names: Vec<_> =
                entries.map_err(unreadable)?.into_iter().map(|entry| entry.file_name()).collect();
            // Names that become one are numbered in a fixed order.
            names.sort_unstable();
            for raw in names {
                let path = path.join(&raw);
                let bytes = raw.as_encoded_bytes();
                if std::str::from_utf8(bytes).is_err() {
                    self.foreign.push(bytes.to_vec());
                } else if self.utf8.is_none() && is_certainly_utf8(bytes) {
                    self.utf8 = Some(bytes.to_vec());
                }
                let decoded = self.decoder.decode(bytes);
                if is_hidden(&decoded).is_some() {
                    if !is_of_program(&decoded) && holds_images(&path) {
                        folder.hidden_images.insert(decoded.clone());
                    }
                    folder.hidden.insert(decoded);
                    continue;
                }
                let name = unique(&decoded, |name| {
                    folder.files.contains_key(name) || folder.folders.contains_key(name)
                });
                if name != decoded {
                    self.notices.push(format!(
                        "'{}' in {} looks like another name: it is read as '{}'",
                        shown_name(&decoded),
                        shown(&folder.path),
                        shown_name(&name)
                    ));
                }
                // A link to nothing is listed: reading it reports the problem.
                let metadata = fs::metadata(&path).ok();
                if metadata.as_ref().is_some_and(fs::Metadata::is_dir) {
                    let is_cycle = path.canonicalize().is_ok_and(|real| self.above.contains(&real));
                    if !is_cycle && self.above.len() < MAX_FOLDER_DEPTH {
                        folder.folders.insert(name, self.list(&path)?);
                    } else if !is_cycle {
                        self.notices.push(format!(
                            "the folder {} is ignored: it is nested more than {MAX_FOLDER_DEPTH} deep",
                            shown(&path)
                        ));
                    }
                    continue;
                }
                // Pipes, sockets and devices that have a name of data are listed as links to nothing are.
                match metadata.as_ref().and_then(disk::special).filter(|_| !may_be_data(&name)) {
                    Some(kind) => {
                        self.notices.push(format!("{} is left out: it is {kind}, not a file", shown(&path)));
                    }
                    None => {
                        self.count(&name, &folder.path)?;
                        let size = metadata.map_or(0, |metadata| metadata.len());
                        let content = Arc::new(OnDisk(path.clone()));
                        folder.files.insert(name.clone(), Entry::named(name, path, size, content));
                    }
                }
            }
            self.above.pop();
            // The images may come last: on the way, only a multitude of other files is enough.
            self.check(if self.above.is_empty() { OTHER_FILES } else { MULTITUDE })?;
            Ok(folder)
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod platform {
    use std::path::Path;
    use std::sync::Arc;

    use crate::data::error::DataError;
    use crate::data::files::{Entry, Folder, Memory};
    use crate::data::layout::hidden_notice;
    use crate::data::set::OpenOptions;
    use crate::disk::in_memory;

    /// A file of the page.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn file(path: &Path) -> Result<Entry, DataError> {
        let bytes =
            in_memory::share(path).map_err(|reason| DataError::Read { path: path.to_owned(), reason })?;
        Ok(Entry::new(path.to_owned(), bytes.len() as u64, Memory(bytes)))
    }

    /// Whether there is a file at a path.
    pub fn is_file(path: &Path) -> bool {
        in_memory::share(path).is_ok()
    }

    /// A folder of the page with everything below it, which someone has put there file by file.
    ///
    /// # Errors
    /// When a file is removed meanwhile, or the opening is cancelled.
    pub fn folder(path: &Path, options: &OpenOptions) -> Result<Folder, DataError> {
        options.report_files(0, path)?;
        let mut folder = Folder::new(path.to_owned());
        for found in in_memory::files_below(path) {
            let bytes =
                in_memory::share(&found).map_err(|reason| DataError::Read { path: found.clone(), reason })?;
            let name = found.strip_prefix(path).unwrap_or(&found).to_string_lossy().into_owned();
            folder.insert(&name, bytes.len() as u64, Arc::new(Memory(bytes)));
        }
        folder.notices.extend(hidden_notice(&folder.hidden_with_images()));
        Ok(folder)
    }
}
