//! File dialogs. They open beside the window, which stays responsive; answers arrive some frames later.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui::{ColorImage, Context, Rect};
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use web_time::Instant;

use super::platform;

/// A dialog without an answer in this time was not on the screen.
const FAST: Duration = Duration::from_millis(400);

/// What a dialog lets a person choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file; on a page several that belong together.
    Files,
    Folder,
}

/// What a person chose.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// A folder of images to label.
    Images(PathBuf),
    /// A file for the model.
    SaveModel(PathBuf),
    /// A file for the guesses of all images that are labelled.
    Predictions(PathBuf),
    Data(PathBuf),
    Run(PathBuf),
    /// The first weights of the next run.
    Weights(PathBuf),
    /// Where the data of the run are that could not be opened.
    RunData(PathBuf),
    /// The folder of an ablation.
    Ablation(PathBuf),
    SaveRun(PathBuf),
    /// A corrected list was written to this path, or was not, for a reason.
    Listed(PathBuf, Result<String, String>),
    /// A file to write text or bytes to.
    Write(PathBuf, Vec<u8>),
    /// The dialog closed faster than a person could: it was not opened, for this reason.
    NoDialog(&'static str),
}

/// Dialogs that are open, and their answers.
pub struct Dialogs {
    sender: UnboundedSender<Chosen>,
    receiver: UnboundedReceiver<Chosen>,
}

impl Default for Dialogs {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self { sender, receiver }
    }
}

impl Dialogs {
    pub fn open_data(&self, context: &Context, kind: Kind) {
        let title = match kind {
            Kind::Folder => "Open a folder of images",
            Kind::Files => "Open an archive of images, or a file that holds a set",
        };
        self.open(title, context, kind, Chosen::Data);
    }

    pub fn open_images(&self, context: &Context) {
        self.open("Open a folder of images to label", context, Kind::Folder, Chosen::Images);
    }

    /// Asks where to write the model, at first at `path`, whose ending is that of its format.
    pub fn save_model(&self, context: &Context, path: &Path) {
        save(self.sender.clone(), context, path, Chosen::SaveModel);
    }

    /// Asks where to write the guesses, at first at `path`.
    pub fn save_predictions(&self, context: &Context, path: &Path) {
        save(self.sender.clone(), context, path, Chosen::Predictions);
    }

    pub fn open_run(&self, context: &Context) {
        self.open("Open a run", context, Kind::Folder, Chosen::Run);
    }

    /// Asks for the first weights of the next run.
    pub fn open_weights(&self, context: &Context) {
        self.open("Weights to start from (.safetensors)", context, Kind::Files, Chosen::Weights);
    }

    /// Asks where the data of a run are now.
    pub fn find_run_data(&self, context: &Context, kind: Kind) {
        self.open("The data of the run", context, kind, Chosen::RunData);
    }

    pub fn open_ablation(&self, context: &Context) {
        self.open("Open an ablation", context, Kind::Folder, Chosen::Ablation);
    }

    pub fn save_run(&self, context: &Context) {
        let choose = || platform::choose_run_destination("Save the run into a folder");
        ask(self.sender.clone(), context, choose, Chosen::SaveRun);
    }

    /// Asks where to write what is shown in `area`, as a PNG file, at first at `path`.
    pub fn write_picture(&self, context: &Context, path: PathBuf, area: Rect) {
        let (sender, again) = (self.sender.clone(), context.clone());
        let scale = context.pixels_per_point();
        context.request_screenshot(move |shot| match png(&shot.region(&area, Some(scale))) {
            Ok(content) => write(sender, &again, &path, content),
            Err(error) => tracing::error!("encoding {}: {error}", path.display()),
        });
    }

    /// Asks where to write a corrected list, at first beside the data; `write` writes it and tells what it names.
    pub fn write_list(
        &self,
        context: &Context,
        first: PathBuf,
        write: impl FnOnce(&Path) -> Result<String, String> + Send + 'static,
    ) {
        let chosen = |path: PathBuf| {
            let outcome = write(&path);
            Chosen::Listed(path, outcome)
        };
        save(self.sender.clone(), context, &first, chosen);
    }

    /// Asks where to write a file, at first at `path`.
    pub fn write(&self, context: &Context, path: &Path, content: Vec<u8>) {
        write(self.sender.clone(), context, path, content);
    }

    fn open(
        &self,
        title: &'static str,
        context: &Context,
        kind: Kind,
        chosen: impl FnOnce(PathBuf) -> Chosen + Send + 'static,
    ) {
        let sender = self.sender.clone();
        match kind {
            Kind::Files => ask(sender, context, move || platform::choose_file(title), chosen),
            Kind::Folder => ask(sender, context, move || platform::choose_folder(title), chosen),
        }
    }

    /// The next answer, if one has arrived.
    pub fn next(&mut self) -> Option<Chosen> {
        self.receiver.try_recv().ok()
    }
}

fn write(sender: UnboundedSender<Chosen>, context: &Context, path: &Path, content: Vec<u8>) {
    save(sender, context, path, |path| Chosen::Write(path, content));
}

/// Asks where to write a file, at first at `path`.
fn save(
    sender: UnboundedSender<Chosen>,
    context: &Context,
    path: &Path,
    chosen: impl FnOnce(PathBuf) -> Chosen + Send + 'static,
) {
    let path = path.to_owned();
    ask(sender, context, move || platform::choose_destination(path), chosen);
}

/// A path for a file of this name in the folder that holds the data `source`; the name alone where they have no folder.
pub fn beside(source: &str, name: &str) -> PathBuf {
    match source.starts_with("builtin:") {
        true => PathBuf::from(name),
        false => {
            let source = Path::new(source);
            std::path::absolute(source).unwrap_or_else(|_| source.to_owned()).with_file_name(name)
        }
    }
}

/// Sends the answer to a dialog when the person has chosen.
fn ask<F: Future<Output = Option<PathBuf>> + 'static>(
    sender: UnboundedSender<Chosen>,
    context: &Context,
    choose: impl FnOnce() -> F + Send + 'static,
    chosen: impl FnOnce(PathBuf) -> Chosen + Send + 'static,
) {
    let context = context.clone();
    platform::spawn(move || async move {
        let began = Instant::now();
        let answer = match choose().await {
            Some(path) => Some(chosen(path)),
            None => platform::NO_DIALOG.filter(|_| began.elapsed() < FAST).map(Chosen::NoDialog),
        };
        if let Some(answer) = answer {
            // Sending fails if the window has closed.
            let _ = sender.unbounded_send(answer);
            context.request_repaint();
        }
    });
}

/// A picture of the window as a PNG file.
pub fn png(picture: &ColorImage) -> Result<Vec<u8>, image::ImageError> {
    let [width, height] = picture.size;
    let bytes: Vec<u8> = picture.pixels.iter().flat_map(|pixel| pixel.to_array()).collect();
    let mut file = std::io::Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut file,
        &bytes,
        width as u32,
        height as u32,
        image::ExtendedColorType::Rgba8,
        image::ImageFormat::Png,
    )?;
    Ok(file.into_inner())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn files_are_suggested_beside_the_data() {
        let here = std::env::current_dir().expect("a folder");
        for (source, expected) in [
            ("builtin:digits", PathBuf::from("curves.csv")),
            ("/photos/cats", "/photos/curves.csv".into()),
            ("/photos/cats.zip", "/photos/curves.csv".into()),
            ("cats", here.join("curves.csv")),
        ] {
            assert_eq!(beside(source, "curves.csv"), expected, "{source}");
        }
    }

    #[test]
    fn dialogs_that_do_not_open_are_reported() {
        let answer = |path: Option<&'static str>| {
            let (mut dialogs, context) = (Dialogs::default(), Context::default());
            let choose = move || std::future::ready(path.map(PathBuf::from));
            ask(dialogs.sender.clone(), &context, choose, Chosen::Data);
            loop {
                match dialogs.next() {
                    Some(answer) => return answer,
                    None => std::thread::yield_now(),
                }
            }
        };
        assert_eq!(answer(Some("photos")), Chosen::Data("photos".into()));
        assert!(matches!(answer(None), Chosen::NoDialog(reason) if reason.contains("zenity")));
    }
}
