//! The window's side of a run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::mpsc::{UnboundedSender, unbounded};

use super::embedding_requests::EmbeddingRequests;
use super::state::{Command, Start, State};
use super::worker::{Worker, WorkerChannels};
use crate::app::platform;
use crate::data::DataSet;
use crate::gpu::Gpu;
use crate::train::{Config, Weights};

/// A handle to a run. Dropping it ends the run: with an autosave folder after the current step is done and
/// saved, without one at once.
pub struct Session {
    pub config: Config,
    pub data: Arc<DataSet>,
    commands: UnboundedSender<Command>,
    shared: Arc<Mutex<State>>,
    embedding: EmbeddingRequests,
    stop: Arc<AtomicBool>,
    autosave: Option<PathBuf>,
}

/// A run that is ending.
pub struct Ending(Arc<Mutex<State>>);

impl Ending {
    pub fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ended
    }
}

impl Session {
    /// Starts the run's thread, paused. The run calls `wake` whenever it has published something new, and saves
    /// itself into the folder `autosave` at every report and when it ends.
    pub fn start(
        gpu: Arc<Gpu>,
        config: Config,
        data: Arc<DataSet>,
        start: Start,
        autosave: Option<PathBuf>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let (commands, receiver) = unbounded();
        let shared = Arc::new(Mutex::new(State::default()));
        let embedding = EmbeddingRequests::default();
        let stop = Arc::new(AtomicBool::new(false));
        let worker = Worker::new(
            gpu,
            config.clone(),
            Arc::clone(&data),
            WorkerChannels {
                commands: receiver,
                shared: Arc::clone(&shared),
                embedding: embedding.clone(),
                stop: Arc::clone(&stop),
                wake: Box::new(wake),
            },
            autosave.clone(),
        );
        platform::spawn(move || worker.run(start));
        Self { config, data, commands, shared, embedding, stop, autosave }
    }

    /// Sends a command; a run that has ended ignores it.
    pub fn send(&self, command: Command) {
        // The receiver is gone if the run has failed, which `state` tells.
        let _ = self.commands.unbounded_send(command);
    }

    /// The folder that the run saves itself into.
    pub fn autosave_folder(&self) -> Option<&Path> {
        self.autosave.as_deref()
    }

    /// Tells when the run has ended, after this handle is dropped.
    pub fn ending(&self) -> Ending {
        Ending(Arc::clone(&self.shared))
    }

    /// Requests an embedding of the current weights. A view that shows one calls this in every frame; the run
    /// makes a new embedding when one is due.
    pub fn show_embedding(&self, weights: Weights) {
        if self.embedding.request(weights) {
            self.send(Command::Embed);
        }
    }

    /// What the run published last.
    pub fn state(&self) -> State {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.send(Command::End);
        if self.autosave.is_none() {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.commands.close_channel();
    }
}
