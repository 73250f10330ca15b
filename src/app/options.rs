//! What the window starts with: options of the command line or the page, and its graphics.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eframe::egui_wgpu::{WgpuSetup, WgpuSetupCreateNew};
use thiserror::Error;

use super::components::Variation;
use super::settings::Settings;
use super::theme::ThemeChoice;
use crate::data::{Balance, Choice, Fit, OpenOptions, SignificantBits, SplitRule};
use crate::gpu::Gpu;
use crate::train::{Overrides, TrainError, preset};

/// Why the app cannot start.
#[derive(Debug, Error)]
pub enum AppError {
    #[error("the window is not drawn by WebGPU, which training needs")]
    NoWebGpu,
    #[error(
        "no window could be opened ({0}): is there a display? Without one, `remixmatch train` trains on \
         the command line"
    )]
    NoWindow(String),
    #[error("unknown variation '{found}': choose {list}")]
    UnknownVariation { found: String, list: String },
    /// Pictures or measurements that were requested are not complete.
    #[error("not everything was done: {0}")]
    Script(String),
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// What the window starts with. It replaces what the window remembers.
#[derive(Clone, Debug, Default)]
pub struct AppOptions {
    pub preset: Option<String>,
    pub data: Option<String>,
    pub seed: Option<u64>,
    pub steps: Option<u64>,
    pub batch: Option<usize>,
    /// How labelled images are chosen.
    pub split: Option<SplitRule>,
    /// Number of labelled images; `None` is that of the preset, as far as the data allow.
    pub labels: Option<usize>,
    pub balance: Option<Balance>,
    /// Side in pixels that a folder's images are resized to.
    pub image_size: Option<usize>,
    pub fit: Option<Fit>,
    pub skip_bad: bool,
    pub significant_bits: Option<SignificantBits>,
    pub choice: Choice,
    /// Name of a variation to compare with.
    pub compare: Option<String>,
    /// Folder that runs are autosaved in; `None` switches autosaving off.
    pub autosave: Option<PathBuf>,
    /// A folder of images to label. With `train` its labels are trained on, instead of the data of the settings.
    pub label: Option<PathBuf>,
    /// Folder that labels are kept in which cannot be saved beside their images.
    pub kept_labels: Option<PathBuf>,
    /// The folder of an ablation to show.
    pub ablation: Option<PathBuf>,
    /// A run's folder to open.
    pub run: Option<PathBuf>,
    /// Go on with the run on data whose images are not its own.
    pub accept_changed_data: bool,
    /// The part of a link after `#`, which the other options change, except `preset`. A link that cannot be followed is
    /// logged, and the remembered settings stay.
    pub link: Option<String>,
    /// Train at once.
    pub train: bool,
    /// Why [`AppOptions::pictures`] or [`AppOptions::measure`] failed, once they have.
    pub script_failure: Arc<Mutex<Option<String>>>,
    pub theme: Option<ThemeChoice>,
    /// How convolutions are tiled.
    pub tiling: crate::train::TilingChoice,
    /// The file that remembers measured tilings; on a page, of its in-memory file system.
    pub tilings: Option<PathBuf>,
    /// Try out networks that have not run on the adapter, to tell how long a run takes before it begins.
    pub measures_speed: bool,
    /// Width and height of the window, in points.
    pub size: Option<[f32; 2]>,
    /// Write a picture of every view in both themes into this folder, and close.
    pub pictures: Option<PathBuf>,
    /// Train for this long, print frame times, and close.
    pub measure: Option<Duration>,
}

impl AppOptions {
    /// Checks the names among the options.
    ///
    /// # Errors
    /// [`AppError::Train`] for an unknown preset, [`AppError::UnknownVariation`] for an unknown variation.
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

    /// Replaces the settings that the options name.
    pub(super) fn apply_to(&self, settings: &mut Settings) {
        if let Some(preset) = self.preset.as_deref().and_then(|name| preset(name, None).ok()) {
            settings.config = preset.config;
        }
        if self.data.is_some() {
            settings.config.set_open_options(&OpenOptions::default());
        }
        self.change(settings);
    }

    /// Replaces the settings that the options name, apart from the preset. How data are opened stays as it is unless an
    /// option says otherwise.
    pub(super) fn change(&self, settings: &mut Settings) {
        if let Some(data) = &self.data {
            settings.config.data.clone_from(data);
            settings.config.data_path = None;
        }
        let overrides = Overrides {
            labels: self.labels,
            balance: self.balance,
            split: self.split,
            steps: self.steps,
            seed: self.seed,
            image_size: self.image_size,
            fit: self.fit,
            skip_bad: self.skip_bad,
            significant_bits: self.significant_bits,
            choice: self.choice.clone(),
            batch: self.batch,
            ..Overrides::default()
        };
        overrides.apply(&mut settings.config).expect("only another method can fail");
        settings.compare = self.compare.as_deref().and_then(Variation::named).or(settings.compare);
        settings.theme = self.theme.unwrap_or(settings.theme);
    }
}

/// The wgpu setup of the device that the window and the trainer share.
pub fn graphics() -> WgpuSetup {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.device_descriptor = Arc::new(Gpu::device_descriptor);
    #[cfg(target_arch = "wasm32")]
    {
        setup.instance_descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
    }
    setup.into()
}
