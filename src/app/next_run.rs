//! What the next run would be: its images at the size that its network takes, and what it takes of the adapter.

use super::costs::Subject;
use super::image_shape::{ImageShape, serve};
use super::labelling::OpenFolder;
use super::widgets::bytes_text;
use super::workspace::Workspace;
use crate::data::{Images, OpenOptions};
use crate::train::Config;

impl Workspace {
    /// Opens the data, and the folder that is being labelled, again if the network of the settings takes their images at
    /// another size. Images of a run stay until Reset.
    pub(super) fn follow_network(&mut self) {
        self.follow_with_data();
        self.follow_with_labelled_folder();
    }

    fn follow_with_data(&mut self) {
        if !self.runs.is_empty() || self.data.opening().is_some() {
            return;
        }
        let Some(set) = self.data.ready() else { return };
        let config = &self.settings.config;
        let (wanted, are_files) = (config.open_options(), !set.train_ids.files.is_empty());
        let attempt = Some((config.source().to_owned(), ImageShape::of(&wanted)));
        if serve(&set.train, are_files, self.data.opened(), &wanted) {
            self.reopened.data = None;
        } else if self.reopened.data != attempt {
            self.reopened.data = attempt;
            self.log.add(format!(
                "notice: '{}' takes the images at another size than {}x{}: they are opened again",
                config.network, set.train.width, set.train.height
            ));
            self.open_data_of_settings();
        }
    }

    fn follow_with_labelled_folder(&mut self) {
        let Some(folder) = self.labelling.folder.as_ref().filter(|_| self.labelling.opening().is_none())
        else {
            return;
        };
        if folder.run(&self.runs).is_some() {
            return;
        }
        let (wanted, path) = (self.new_options(), folder.queue.own.folder.clone());
        let shape = ImageShape::of(&wanted);
        let attempt = Some((path.to_string_lossy().into_owned(), shape));
        let opened = &folder.opened;
        let chosen = |of: &OpenOptions| (of.image_size, of.fit);
        if chosen(opened) == chosen(&wanted) && serve(&folder.queue.own.images, true, opened, &wanted) {
            self.reopened.labelled = None;
        } else if self.reopened.labelled != attempt {
            self.reopened.labelled = attempt;
            self.labelling.open(path, wanted, &self.context);
        }
    }

    /// Side of the images that are being labelled, as the network gets them.
    pub fn labelled_size(&self) -> Option<usize> {
        self.labelling.folder.as_ref().map(|folder| folder.queue.own.images.width)
    }

    /// Plans what the next runs take; does nothing while there are runs.
    pub(super) fn refresh_costs(&mut self) {
        self.costs.observe(&self.gpu, &self.runs);
        let opening = self.data.opening().is_some() || self.labelling.opening().is_some();
        // While a slider moves, every frame has other settings.
        let moving = self.context.input(|input| input.pointer.any_down());
        let calm = self.runs.is_empty() && !opening && !moving;
        let subject =
            self.next_images().map(|(image, classes, _)| Subject::new(self.next_configs(), image, classes));
        self.costs.refresh(&self.gpu, subject, calm, &self.context);
    }

    /// The settings of the runs that Train begins.
    fn next_configs(&self) -> Vec<Config> {
        let config = self.settings.config.clone();
        let other = self.settings.compare.map(|variation| variation.apply(&config));
        [config].into_iter().chain(other).collect()
    }

    /// Height, width and channels of the images that Train begins a run on, the number of their classes and of those that
    /// are tested.
    fn next_images(&self) -> Option<([usize; 3], usize, usize)> {
        let shape = |images: &Images| [images.height, images.width, images.channels];
        match self.labelled_folder() {
            Some(OpenFolder { queue, .. }) => {
                let (labels, images) = (queue.labels(), &queue.own.images);
                let classes = labels.classes().len();
                // All labels are tested where none is held out.
                (classes > 1).then(|| (shape(images), classes, labels.made().len()))
            }
            None => self.data.ready().map(|set| (shape(&set.train), set.classes.len(), set.test.len())),
        }
    }

    /// What the runs that Train begins take, in a sentence; empty before it is known.
    ///
    /// # Errors
    /// Why no run can have the settings.
    pub(super) fn costs_text(&self) -> Result<String, &str> {
        let (Some(memory), Some((.., tested))) = (self.costs.memory(), self.next_images()) else {
            return Ok(String::new());
        };
        let memory = bytes_text(memory?);
        Ok(match self.costs.time(&self.next_configs(), tested) {
            Some(time) => format!("It takes {memory} on the adapter and {}.", time.text()),
            None if self.costs.is_measuring() => {
                format!("It takes {memory} on the adapter; how long is being measured.")
            }
            None => format!("It takes {memory} on the adapter."),
        })
    }
}
