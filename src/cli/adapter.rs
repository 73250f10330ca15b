//! The adapter that a command works on, and how its kernels are cut.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use remixmatch::gpu::Gpu;
use remixmatch::train::{TilingChoice, with_tiling};

/// The file in the user's data folder that remembers what was measured.
pub fn remembered_tilings() -> Option<PathBuf> {
    Some(eframe::storage_dir("remixmatch")?.join("tilings.toml"))
}

/// How convolutions are cut into workgroups: a matter of speed alone.
#[derive(Args, Clone, Debug, Default)]
pub struct AdapterOptions {
    /// Take the tile that suits such adapters instead of measuring which is the fastest
    #[arg(long, help_heading = "Adapter")]
    no_autotune: bool,
    /// Take this tile; a wrong name lists those that the adapter can run
    #[arg(long, value_name = "NAME", conflicts_with = "no_autotune", help_heading = "Adapter")]
    tiling: Option<String>,
}

impl AdapterOptions {
    /// Opens the adapter with the tiling asked for.
    pub fn open(&self) -> anyhow::Result<Arc<Gpu>> {
        let gpu = with_tiling(Gpu::new_blocking()?, &self.choice(), remembered_tilings().as_deref())?;
        Ok(Arc::new(gpu))
    }

    pub fn choice(&self) -> TilingChoice {
        match (&self.tiling, self.no_autotune) {
            (Some(name), _) => TilingChoice::Named(name.clone()),
            (None, true) => TilingChoice::Usual,
            (None, false) => TilingChoice::Measured,
        }
    }
}
