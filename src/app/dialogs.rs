//! File dialogs: asked apart from the window, answered some frames later.

use std::path::PathBuf;

use eframe::egui::{ColorImage, Context, Rect};
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

use super::platform;

/// What a person chose.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// A folder of images to label.
    Images(PathBuf),
    /// A file for the model.
    SaveModel(PathBuf),
    Data(PathBuf),
    Run(PathBuf),
    SaveRun(PathBuf),
    /// A file to write text or bytes to.
    Write(PathBuf, Vec<u8>),
}

/// Dialogs under way.
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
    pub fn open_data(&self, context: &Context) {
        self.folder("Open a folder of images", context, Chosen::Data);
    }

    pub fn open_images(&self, context: &Context) {
        self.folder("Open a folder of images to label", context, Chosen::Images);
    }

    /// Asks where to write the model.
    pub fn save_model(&self, context: &Context) {
        save(self.sender.clone(), context, "model.safetensors", Chosen::SaveModel);
    }

    pub fn open_run(&self, context: &Context) {
        self.folder("Open a run", context, Chosen::Run);
    }

    pub fn save_run(&self, context: &Context) {
        self.folder("Save the run into a folder", context, Chosen::SaveRun);
    }

    /// Asks where to write what is shown in `area`, as a PNG file.
    pub fn write_picture(&self, context: &Context, name: &'static str, area: Rect) {
        let (sender, again) = (self.sender.clone(), context.clone());
        let scale = context.pixels_per_point();
        context.request_screenshot(move |shot| match png(&shot.region(&area, Some(scale))) {
            Ok(content) => write(sender, &again, name, content),
            Err(error) => tracing::error!("encoding {name}: {error}"),
        });
    }

    /// Asks where to write a file.
    pub fn write(&self, context: &Context, name: &str, content: Vec<u8>) {
        write(self.sender.clone(), context, name, content);
    }

    fn folder(
        &self,
        title: &str,
        context: &Context,
        chosen: impl FnOnce(PathBuf) -> Chosen + Send + 'static,
    ) {
        let dialog = rfd::AsyncFileDialog::new().set_title(title);
        let (sender, context) = (self.sender.clone(), context.clone());
        platform::spawn(move || async move {
            if let Some(folder) = dialog.pick_folder().await {
                // The window has gone otherwise.
                let _ = sender.unbounded_send(chosen(folder.path().to_owned()));
                context.request_repaint();
            }
        });
    }

    /// The next answer, if any.
    pub fn next(&mut self) -> Option<Chosen> {
        self.receiver.try_recv().ok()
    }
}

fn write(sender: UnboundedSender<Chosen>, context: &Context, name: &str, content: Vec<u8>) {
    save(sender, context, name, |path| Chosen::Write(path, content));
}

fn save(
    sender: UnboundedSender<Chosen>,
    context: &Context,
    name: &str,
    chosen: impl FnOnce(PathBuf) -> Chosen + Send + 'static,
) {
    let dialog = rfd::AsyncFileDialog::new().set_title("Save").set_file_name(name);
    let context = context.clone();
    platform::spawn(move || async move {
        if let Some(file) = dialog.save_file().await {
            // The window has gone otherwise.
            let _ = sender.unbounded_send(chosen(file.path().to_owned()));
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
