//! The data set of the window: opened apart from it, so that it stays alive meanwhile.

use std::sync::Arc;

use futures_channel::oneshot;

use super::platform;
use crate::data::{DataError, DataSet, OpenOptions, open};

/// What data there are.
pub enum DataSlot {
    Loading {
        source: String,
        arriving: oneshot::Receiver<Result<DataSet, DataError>>,
    },
    Ready(Arc<DataSet>),
    /// Why there are none, in words.
    Failed(String),
}

impl DataSlot {
    /// Starts opening a source; `wake` is called when that has ended.
    pub fn open(source: String, wake: impl FnOnce() + Send + 'static) -> Self {
        let (sender, arriving) = oneshot::channel();
        let path = source.clone();
        platform::offload(move || {
            let options = OpenOptions { skip_bad: true, ..OpenOptions::default() };
            // A window that wants other data by now has dropped the receiver.
            let _ = sender.send(open(&path, &options));
            wake();
        });
        Self::Loading { source, arriving }
    }

    /// Takes what has arrived; true when the slot has changed.
    pub fn poll(&mut self) -> bool {
        let Self::Loading { source, arriving } = self else { return false };
        *self = match arriving.try_recv() {
            Ok(None) => return false,
            Ok(Some(Ok(set))) => Self::Ready(Arc::new(set)),
            Ok(Some(Err(error))) => Self::Failed(error.to_string()),
            Err(oneshot::Canceled) => Self::Failed(format!("{source} could not be opened")),
        };
        true
    }

    pub fn ready(&self) -> Option<&Arc<DataSet>> {
        match self {
            Self::Ready(set) => Some(set),
            _ => None,
        }
    }
}
