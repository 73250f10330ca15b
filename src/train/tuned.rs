//! The fastest tiling of an adapter, measured once and remembered for its driver.

use std::collections::BTreeMap;
use std::path::Path;

use super::atomic::write_atomically;
use super::error::TrainError;
use crate::gpu::{Gpu, Tiling};
use crate::nn::measure_tilings;

/// How an adapter's tiling is found. No result depends on it, only time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TilingChoice {
    /// The one that suits such adapters, unmeasured.
    #[default]
    Usual,
    /// The fastest, measured for at most about two seconds where the adapter and its driver are new.
    Measured,
    /// One of [`Tiling::candidates`], by its name.
    Named(String),
}

/// The adapter with its tiling set; what is measured is remembered in `cache`, if there is one.
///
/// # Errors
/// A name that no candidate has; the adapter's. A cache that cannot be read or written only costs time.
pub fn with_tiling(mut gpu: Gpu, choice: &TilingChoice, cache: Option<&Path>) -> Result<Gpu, TrainError> {
    let candidates = Tiling::candidates(&gpu);
    let named = |name: &str| candidates.iter().copied().find(|tiling| tiling.to_string() == name);
    gpu.tiling = match choice {
        TilingChoice::Usual => candidates[0],
        TilingChoice::Named(name) => named(name).ok_or_else(|| TrainError::UnknownTiling {
            found: name.clone(),
            list: candidates.iter().map(Tiling::to_string).collect::<Vec<_>>().join(", "),
        })?,
        TilingChoice::Measured if candidates.len() == 1 => candidates[0],
        TilingChoice::Measured => {
            let key = key(&gpu);
            let mut known = cache.map(read).unwrap_or_default();
            match known.get(&key).and_then(|name| named(name)) {
                Some(tiling) => tiling,
                None => {
                    let fastest = pollster::block_on(measure_tilings(&gpu))?[0].tiling;
                    known.insert(key, fastest.to_string());
                    cache.into_iter().for_each(|path| write(path, &known));
                    fastest
                }
            }
        }
    };
    Ok(gpu)
}

/// What a choice holds for: another driver, or other kernels, may be faster in another way.
fn key(gpu: &Gpu) -> String {
    let info = &gpu.info;
    let version = env!("CARGO_PKG_VERSION");
    format!("{} | {} {} | {} | {version}", info.name, info.driver, info.driver_info, info.backend)
}

fn read(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).ok();
    text.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default()
}

fn write(path: &Path, known: &BTreeMap<String, String>) {
    let text = toml::to_string(known).expect("names are text");
    let written = std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))
        .map_err(TrainError::file(path, "making its folder"))
        .and_then(|()| write_atomically(path, text.as_bytes()));
    if let Err(error) = written {
        tracing::info!("the fastest tiling is not remembered: {error}");
    }
}
