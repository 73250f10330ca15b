//! Opening the window.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use thiserror::Error;

use super::parts::Variation;
use super::script::Script;
use super::settings::Settings;
use super::theme::ThemeChoice;
use crate::gpu::Gpu;
use crate::train::{TrainError, preset};

/// Why there is no window.
#[derive(Debug, Error)]
pub enum AppError {
    #[error("the window is not drawn by WebGPU, which training needs")]
    NoWebGpu,
    #[error(
        "no window could be opened ({0}): is there a display? Without one, `remixmatch train` trains on \
         the command line"
    )]
    NoWindow(String),
    #[error("no variation is named '{found}': choose {list}")]
    UnknownVariation { found: String, list: String },
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// What the window starts with, over what it remembers.
#[derive(Clone, Debug, Default)]
pub struct AppOptions {
    pub preset: Option<String>,
    pub data: Option<String>,
    pub seed: Option<u64>,
    pub steps: Option<u64>,
    pub batch: Option<usize>,
    /// Name of a variation to compare with.
    pub compare: Option<String>,
    /// Where runs are kept by themselves; nowhere if absent.
    pub kept: Option<PathBuf>,
    /// A folder of images to label.
    pub label: Option<PathBuf>,
    /// The folder of an ablation to show.
    pub ablation: Option<PathBuf>,
    /// A run's folder to open.
    pub run: Option<PathBuf>,
    /// Settings from a link, its part after `#`; what is remembered stays where they cannot be followed.
    pub link: Option<String>,
    /// Train at once.
    pub train: bool,
    pub theme: Option<ThemeChoice>,
    /// How convolutions are cut: the page takes what suits such adapters.
    #[cfg(not(target_arch = "wasm32"))]
    pub tiling: crate::train::TilingChoice,
    /// Where it is remembered what was measured.
    #[cfg(not(target_arch = "wasm32"))]
    pub tilings: Option<PathBuf>,
    /// Width and height of the window in points.
    pub size: Option<[f32; 2]>,
    /// Write a picture of every view in both themes into this folder, and close.
    pub pictures: Option<PathBuf>,
    /// Train for so long, print how fast frames followed each other, and close.
    pub measure: Option<Duration>,
}

impl AppOptions {
    /// # Errors
    /// An unknown preset or variation.
    pub fn check(&self) -> Result<(), AppError> {
        self.preset.as_deref().map_or(Ok(()), |name| preset(name, None).map(drop))?;
        match &self.compare {
            Some(name) if Variation::named(name).is_none() => Err(AppError::UnknownVariation {
                found: name.clone(),
                list: Variation::ALL.map(Variation::name).join(", "),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn script(&self) -> Option<Script> {
        let pictures = self.pictures.clone().map(Script::pictures);
        pictures.or_else(|| self.measure.map(Script::measure))
    }

    pub(super) fn change(&self, settings: &mut Settings) {
        if let Some(preset) = self.preset.as_deref().and_then(|name| preset(name, None).ok()) {
            settings.config = preset.config;
        }
        if let Some(data) = &self.data {
            settings.config.data.clone_from(data);
        }
        settings.compare = self.compare.as_deref().and_then(Variation::named).or(settings.compare);
        settings.config.steps = self.steps.unwrap_or(settings.config.steps);
        settings.config.batch = self.batch.unwrap_or(settings.config.batch);
        settings.config.seed = self.seed.unwrap_or(settings.config.seed);
        settings.theme = self.theme.unwrap_or(settings.theme);
    }
}

/// The adapter and device that the window and the trainer share.
pub fn graphics() -> WgpuSetup {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.device_descriptor = Arc::new(Gpu::device_descriptor);
    #[cfg(target_arch = "wasm32")]
    {
        setup.instance_descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
    }
    setup.into()
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// [`AppError`] says in words why there is none.
#[cfg(not(target_arch = "wasm32"))]
pub fn run(options: AppOptions) -> Result<(), AppError> {
    use eframe::egui;
    use eframe::egui_wgpu::WgpuConfiguration;

    use super::App;

    options.check()?;
    let size = options.size.unwrap_or([1280.0, 860.0]);
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("remixmatch")
            .with_inner_size(size)
            .with_min_inner_size([640.0, 480.0])
            .with_drag_and_drop(true),
        persist_window: options.size.is_none(),
        wgpu_options: WgpuConfiguration { wgpu_setup: graphics(), ..Default::default() },
        ..Default::default()
    };
    let make: eframe::AppCreator<'_> =
        Box::new(move |creation| Ok(Box::new(App::new(creation, options)?) as Box<dyn eframe::App>));
    eframe::run_native("remixmatch", native, make).map_err(|error| AppError::NoWindow(error.to_string()))
}
