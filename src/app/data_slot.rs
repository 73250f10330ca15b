//! The data set of the window: opened apart from it, so that it stays alive meanwhile. Data that cannot be
//! opened replace nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_channel::oneshot;

use super::platform;
use crate::data::{DataError, DataSet, OpenOptions, OwnImages, open};
use crate::disk;

/// What data there are, which are on their way, and why the last did not come.
#[derive(Default)]
pub struct DataSlot {
    ready: Option<Arc<DataSet>>,
    opening: Option<Opening>,
    failure: Option<Failure>,
}

struct Opening {
    source: String,
    arriving: oneshot::Receiver<Result<DataSet, Failure>>,
}

/// Why data could not be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// In words.
    pub reason: String,
    /// The folder, if it has images that a person could label.
    pub images: Option<PathBuf>,
}

/// What the slot has got.
pub enum Arrived {
    /// From this source.
    Data(String, Arc<DataSet>),
    Failed(Failure),
}

impl DataSlot {
    /// Starts opening a source; `wake` is called when that has ended.
    pub fn open(&mut self, source: String, wake: impl FnOnce() + Send + 'static) {
        let (sender, arriving) = oneshot::channel();
        let path = source.clone();
        platform::spawn(move || async move {
            platform::fetch(&path).await;
            let options = OpenOptions { skip_bad: true, ..OpenOptions::default() };
            // A window that wants other data by now has dropped the receiver.
            let _ = sender.send(open(&path, &options).map_err(|error| Failure::new(&path, &error)));
            wake();
        });
        self.failure = None;
        self.opening = Some(Opening { source, arriving });
    }

    /// Takes data that are in memory already.
    pub fn put(&mut self, set: Arc<DataSet>) {
        *self = Self { ready: Some(set), ..Self::default() };
    }

    /// What has arrived since it was asked last.
    pub fn poll(&mut self) -> Option<Arrived> {
        let opening = self.opening.as_mut()?;
        let result = match opening.arriving.try_recv() {
            Ok(None) => return None,
            Ok(Some(result)) => result,
            Err(oneshot::Canceled) => Err(Failure {
                reason: format!("{}: reading it failed without a reason", opening.source),
                images: None,
            }),
        };
        let source = self.opening.take()?.source;
        Some(match result {
            Ok(set) => {
                let set = Arc::new(set);
                self.ready = Some(Arc::clone(&set));
                Arrived::Data(source, set)
            }
            Err(failure) => {
                self.failure = Some(failure.clone());
                Arrived::Failed(failure)
            }
        })
    }

    pub fn ready(&self) -> Option<&Arc<DataSet>> {
        self.ready.as_ref()
    }

    /// The source that is being opened.
    pub fn opening(&self) -> Option<&str> {
        self.opening.as_ref().map(|opening| opening.source.as_str())
    }

    /// Why the data that were wanted last are not there.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl Failure {
    fn new(source: &str, error: &DataError) -> Self {
        let folder = Path::new(source);
        // What is wrong with these is that classes are not told from folders.
        let unclassed = matches!(
            error,
            DataError::Unknown { .. } | DataError::OneClass { .. } | DataError::NoTest { .. }
        );
        let images = unclassed && disk::is_folder(folder) && OwnImages::any(folder);
        Self { reason: error.to_string(), images: images.then(|| folder.to_owned()) }
    }
}
