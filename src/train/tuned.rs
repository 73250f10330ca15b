//! The fastest tiling of an adapter, measured once per driver and cached.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::TrainError;
use super::files::write_atomically;
use crate::gpu::{Gpu, Tiling};
use crate::nn::measure_tilings;

/// How to choose an adapter's tiling, which changes the speed and no result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TilingChoice {
    /// The default for this kind of adapter.
    #[default]
    Usual,
    /// The fastest, measured within about two seconds unless it is cached.
    Measured,
    /// One of [`Gpu::tilings`] by name.
    Named(String),
}

/// Sets the tiling of an adapter; `cache` is the file that stores measured ones.
///
/// # Errors
/// [`TrainError::UnknownTiling`] lists the candidates; [`TrainError::Gpu`] if a measurement fails. A cache that cannot
/// be read is measured again, and one that cannot be written is logged.
pub fn with_tiling(mut gpu: Gpu, choice: &TilingChoice, cache: Option<&Path>) -> Result<Gpu, TrainError> {
    let candidates = gpu.tilings();
    let named = |name: &str| {
        // What version 0.1.0 called the tiles that are not shared.
        let name = name.replace("alone-", "invocation-");
        candidates.iter().copied().find(|tiling| tiling.to_string() == name)
    };
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
                    let fastest = pollster::block_on(measure_tilings(&gpu))?[0].tile;
                    known.insert(key, fastest.to_string());
                    cache.into_iter().for_each(|path| write(path, &known));
                    fastest
                }
            }
        }
    };
    Ok(gpu)
}

/// Key of the cache: another driver or other kernels may have another fastest tiling.
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
        .map_err(TrainError::file(path, "creating its folder"))
        .and_then(|()| write_atomically(path, text.as_bytes()));
    if let Err(error) = written {
        tracing::info!("the fastest tiling is not cached: {error}");
    }
}
