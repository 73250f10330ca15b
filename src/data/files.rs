//! Files by name, wherever they are: on disk, in an archive, or in memory (dropped on a page).
//!
//! Formats see a [`Folder`] of [`Entry`] values and read their bytes; where the bytes come from is up to [`Content`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use image::ImageFormat;

use super::error::DataError;
use super::layout::{hidden_notice, is_hidden, is_of_program, listed};
use super::names::{Decoder, shown, shown_name, unique};
use crate::data::counted::counted;

/// Bytes of memory that are reserved for a file before it is read, at most.
const MOST_EXPECTED: usize = 1 << 20;

/// A sequential reader.
pub(super) type Stream = Box<dyn BufRead + Send>;

/// A reader with random access.
pub(super) trait Seekable: BufRead + Seek + Send {}

impl<T: BufRead + Seek + Send> Seekable for T {}

/// Where the bytes of a file come from. Every reader begins at the first byte.
pub(super) trait Content: Send + Sync {
    fn open(&self) -> io::Result<Stream>;

    /// Whether [`Content::open_seekable`] reads only what is requested.
    fn is_seekable(&self) -> bool {
        false
    }

    /// What tells a member from the other members of its archive: its place, and its checksum if the archive has one.
    /// 0 for other files.
    fn mark(&self) -> u64 {
        0
    }

    /// By default reads all bytes first; a stream never yields more than the size its file was listed with.
    fn open_seekable(&self) -> io::Result<Box<dyn Seekable>> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// Bytes in memory.
#[derive(Clone)]
pub(super) struct Memory(pub Arc<[u8]>);

impl Content for Memory {
    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self) -> io::Result<Stream> {
        Ok(Box::new(Cursor::new(Arc::clone(&self.0))))
    }

    fn open_seekable(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(Box::new(Cursor::new(Arc::clone(&self.0))))
    }
}

/// A byte range of another file, such as a member of an archive.
#[derive(Clone)]
pub(super) struct Window {
    pub of: Arc<dyn Content>,
    pub start: u64,
    pub size: u64,
}

impl Window {
    fn reader(&self) -> io::Result<WindowReader> {
        let mut inner = self.of.open_seekable()?;
        inner.seek(SeekFrom::Start(self.start))?;
        Ok(WindowReader { inner, start: self.start, size: self.size, position: 0 })
    }
}

impl Content for Window {
    fn mark(&self) -> u64 {
        self.start
    }

    fn is_seekable(&self) -> bool {
        self.of.is_seekable()
    }

    fn open(&self) -> io::Result<Stream> {
        Ok(Box::new(self.reader()?))
    }

    fn open_seekable(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(Box::new(self.reader()?))
    }
}

struct WindowReader {
    inner: Box<dyn Seekable>,
    start: u64,
    size: u64,
    /// Within the window.
    position: u64,
}

impl Read for WindowReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.size - self.position).unwrap_or(usize::MAX).min(buffer.len());
        let got = self.inner.read(&mut buffer[..most])?;
        self.position += got as u64;
        Ok(got)
    }
}

impl BufRead for WindowReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let bytes = if left == 0 { &[] } else { self.inner.fill_buf()? };
        Ok(&bytes[..bytes.len().min(left)])
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
        self.position += amount as u64;
    }
}

impl Seek for WindowReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        // Positions beyond the end are clamped: there is nothing to read at either.
        let target = target.ok_or(io::ErrorKind::InvalidInput)?.min(self.size);
        self.inner.seek(SeekFrom::Start(self.start + target))?;
        self.position = target;
        Ok(target)
    }
}

/// A file: a name, and a way to read its bytes.
#[derive(Clone)]
pub(super) struct Entry {
    /// The name without its folders.
    pub name: String,
    /// The full path, for messages.
    pub path: PathBuf,
    /// Size in bytes as listed; a damaged archive may hold fewer.
    pub size: u64,
    /// The file as a list in CSV if it is one in JSON or without a header, once it was looked at
    /// ([`json_lists`](super::json_lists)).
    pub list_as_csv: OnceLock<Option<Arc<str>>>,
    content: Arc<dyn Content>,
}

impl Entry {
    pub fn new(path: PathBuf, size: u64, content: impl Content + 'static) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::named(name, path, size, Arc::new(content))
    }

    /// An entry whose name is not simply the last component of its path.
    pub fn named(name: String, path: PathBuf, size: u64, content: Arc<dyn Content>) -> Self {
        Self { name, path, size, list_as_csv: OnceLock::new(), content }
    }

    /// Opens the file for sequential reading.
    pub fn open(&self) -> Result<Stream, DataError> {
        self.content.open().map_err(|reason| self.unreadable(reason))
    }

    /// Opens the file for random access.
    pub fn open_seekable(&self) -> Result<Box<dyn Seekable>, DataError> {
        self.content.open_seekable().map_err(|reason| self.unreadable(reason))
    }

    /// [`Content::mark`].
    pub fn mark(&self) -> u64 {
        self.content.mark()
    }

    pub fn content(&self) -> Arc<dyn Content> {
        Arc::clone(&self.content)
    }

    /// The first `n` bytes, or fewer if the file is shorter.
    pub fn prefix(&self, n: usize) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::with_capacity(n);
        self.open()?.take(n as u64).read_to_end(&mut bytes).map_err(|reason| self.unreadable(reason))?;
        Ok(bytes)
    }

    /// All bytes.
    ///
    /// # Errors
    /// When there are more than `limit`, or the file cannot be read.
    pub fn bytes(&self, limit: u64) -> Result<Vec<u8>, DataError> {
        // An archive may declare any size.
        let expected = usize::try_from(self.size.min(limit)).unwrap_or(0).min(MOST_EXPECTED);
        let mut bytes = Vec::with_capacity(expected + 1);
        self.open()?.take(limit + 1).read_to_end(&mut bytes).map_err(|reason| self.unreadable(reason))?;
        if bytes.len() as u64 > limit {
            return Err(DataError::LargeFile { path: self.path.clone(), limit });
        }
        Ok(bytes)
    }

    /// The file with its bytes in memory, if it has at most `limit` and can be read; else the file as it is.
    pub fn in_memory(&self, limit: u64) -> Self {
        let bytes = if self.size <= limit { self.bytes(limit).ok() } else { None };
        match bytes {
            Some(bytes) => {
                let (size, content) = (bytes.len() as u64, Arc::new(Memory(bytes.into())));
                Self { content, size, list_as_csv: OnceLock::new(), ..self.clone() }
            }
            None => self.clone(),
        }
    }

    /// The error for a file with other bytes than when the set was opened.
    pub fn changed(&self) -> DataError {
        DataError::ChangedFile { path: self.path.clone() }
    }

    /// The error for a failed read.
    pub fn unreadable(&self, reason: io::Error) -> DataError {
        DataError::Read { path: self.path.clone(), reason }
    }
}

/// A folder with all files and folders below it, by name.
#[derive(Clone, Default)]
pub(super) struct Folder {
    /// For messages.
    pub path: PathBuf,
    pub folders: BTreeMap<String, Folder>,
    pub files: BTreeMap<String, Entry>,
    /// Names of hidden files and folders, and of those that a system keeps for itself: they are never data.
    pub hidden: BTreeSet<String>,
    /// Of these the folders that hold images, and are not those of a program.
    pub hidden_images: BTreeSet<String>,
    /// What the user should know about the names in this folder and below.
    pub notices: Vec<String>,
    /// The only list to read, where the source is a list.
    pub chosen_list: Option<String>,
}

/// A file or folder of an archive.
pub(super) struct Member {
    /// The path as the archive has it, in whatever encoding.
    pub raw: Vec<u8>,
    /// Size and content; `None`: a folder.
    pub file: Option<(u64, Arc<dyn Content>)>,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }

    /// The folder with these members. `normalise` checks a decoded path with `/` between names, and gets the raw path
    /// for its messages.
    ///
    /// Of two members with the same path the later one stays, as when an archive is unpacked. Members whose different
    /// paths become one are told apart by a number.
    ///
    /// # Errors
    /// Those of `normalise`.
    pub fn of_members(
        path: PathBuf,
        members: Vec<Member>,
        normalise: impl Fn(&str, &[u8]) -> Result<String, DataError>,
    ) -> Result<Self, DataError> {
        let mut root = Self::new(path);
        let decoder = Decoder::of(members.iter().map(|member| member.raw.as_slice()));
        let paths = members.iter().map(|member| member.raw.as_slice());
        let foreign = paths.filter(|path| std::str::from_utf8(path).is_err());
        root.notices.extend(decoder.notice(&root.path, foreign));
        // The path of each file, and its bytes where these differ from the text.
        let mut places: HashMap<String, Option<Vec<u8>>> = HashMap::new();
        let (mut replaced, mut renamed) = (Vec::new(), Vec::new());
        for Member { raw, file } in members {
            let name = normalise(&decoder.decode_path(&raw), &raw)?;
            let Some((size, content)) = file else {
                root.create_folder(name.split('/').filter(|part| !part.is_empty()));
                continue;
            };
            let plain = plain_bytes(&raw);
            let bytes = Some(plain).filter(|plain| *plain != name.as_bytes());
            let name = match places.get(&name) {
                None => name,
                Some(before) if *before == bytes => {
                    replaced.push(shown_name(&name).to_string());
                    name
                }
                Some(_) => {
                    let (at, file) = name.rsplit_once('/').unwrap_or(("", &name));
                    let place =
                        |file: &str| if at.is_empty() { file.to_owned() } else { format!("{at}/{file}") };
                    let free = place(&unique(file, |file| places.contains_key(&place(file))));
                    renamed.push(format!("'{}'", shown_name(&free)));
                    free
                }
            };
            places.insert(name.clone(), bytes);
            root.insert(&name, size, content);
        }
        let path = shown(&root.path).to_string();
        if let Some(first) = replaced.first() {
            let count = replaced.len();
            root.notices.push(format!(
                "{} in {path} {} the path of an earlier one, such as {first}: the last one counts",
                counted(count, "file", "files"),
                if count == 1 { "has" } else { "have" }
            ));
        }
        if !renamed.is_empty() {
            root.notices.push(format!(
                "{} that {} like another's: read as {}",
                counted(
                    renamed.len(),
                    &format!("file in {path} has a name"),
                    &format!("files in {path} have names")
                ),
                if renamed.len() == 1 { "looks" } else { "look" },
                listed(&renamed)
            ));
        }
        root.notices.extend(hidden_notice(&root.hidden_with_images()));
        Ok(root)
    }

    /// The folder at `parts` below this one, created if it is missing; `None` if it is hidden.
    pub fn create_folder<'a>(&mut self, parts: impl IntoIterator<Item = &'a str>) -> Option<&mut Folder> {
        let mut at = self;
        for part in parts {
            if is_hidden(part).is_some() {
                at.hidden.insert(part.to_owned());
                return None;
            }
            let path = at.path.join(part);
            at = at.folders.entry(part.to_owned()).or_insert_with(|| Folder::new(path));
        }
        Some(at)
    }

    /// Inserts a file at a relative path with `/` between names, unless it is hidden; replaces an earlier one with that
    /// path, as unpacking an archive does.
    pub fn insert(&mut self, name: &str, size: u64, content: Arc<dyn Content>) {
        let (folders, file) = name.rsplit_once('/').map_or((None, name), |(left, right)| (Some(left), right));
        self.note_hidden(name);
        if let Some(folder) = self.create_folder(folders.into_iter().flat_map(|names| names.split('/'))) {
            if is_hidden(file).is_some() {
                folder.hidden.insert(file.to_owned());
            } else if !file.is_empty() {
                let entry = Entry::named(file.to_owned(), folder.path.join(file), size, content);
                folder.files.insert(file.to_owned(), entry);
            }
        }
    }

    /// Notes a hidden folder that holds the file at this relative path, if that is named as an image.
    fn note_hidden(&mut self, name: &str) {
        let parts: Vec<&str> = name.split('/').collect();
        let Some((file, folders)) = parts.split_last() else { return };
        let Some(at) = folders.iter().position(|part| is_hidden(part).is_some()) else { return };
        let is_meant =
            !is_of_program(folders[at]) && ImageFormat::from_path(file).is_ok() && is_hidden(file).is_none();
        if is_meant && let Some(folder) = self.create_folder(folders[..at].iter().copied()) {
            folder.hidden_images.insert(folders[at].to_owned());
        }
    }

    /// The paths of hidden folders that hold images, here and below.
    pub fn hidden_with_images(&self) -> Vec<String> {
        let here = self.hidden_images.iter().map(|name| shown(&self.path.join(name)).to_string());
        here.chain(self.folders.values().flat_map(Self::hidden_with_images)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.files.is_empty()
    }
}

/// A raw path without what means nothing in it: `a//b` and `./a/b` are `a/b`.
fn plain_bytes(raw: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> =
        raw.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_read_and_seek_within_their_range() {
        let of = Arc::new(Memory((0..100).collect::<Vec<u8>>().into()));
        let window = Window { of, start: 10, size: 5 };
        let mut bytes = Vec::new();
        window.open().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [10, 11, 12, 13, 14]);
        let mut reader = window.open_seekable().unwrap();
        for (to, rest) in [
            (SeekFrom::End(-2), &[13, 14][..]),
            (SeekFrom::Start(1), &[11, 12, 13, 14]),
            (SeekFrom::Current(-1), &[14]),
            (SeekFrom::Start(90), &[]),
        ] {
            reader.seek(to).unwrap();
            assert_eq!(reader.fill_buf().unwrap(), rest, "{to:?}");
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, rest);
        }
        assert!(reader.seek(SeekFrom::Current(-6)).is_err());
    }
}
