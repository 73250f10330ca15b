//! Which network a file of first weights is of, so that a run can take it where nobody names one.

use std::path::Path;

use safetensors::SafeTensors;

use super::checkpoint::{FORMAT, header_of};
use super::config::Config;
use super::error::TrainError;
use super::init::init_file;
use crate::disk;
use crate::nn::Architecture;

/// The network that timm's files are of, and a tensor that each of them has.
const OF_TIMM: (&str, &str) = ("efficientnet-lite0", "blocks.0.0.conv_dw.weight");

/// A network by its settings [`Config::network`] and [`Config::scales`].
type Named = (String, Option<usize>);

impl Config {
    /// Takes the network of the weights that `init` names: a checkpoint records it, a file with timm's names is of
    /// EfficientNet-Lite0, and weights may have their network's name. Returns a notice if the network was another one.
    /// Nothing changes for other files: a run that starts from one says why it cannot.
    ///
    /// # Errors
    /// [`TrainError::NoInit`] or [`TrainError::File`] if there is no file or it cannot be read, [`TrainError::Checkpoint`] if
    /// it is a checkpoint whose metadata are damaged.
    pub fn take_network_of_init(&mut self) -> Result<Option<String>, TrainError> {
        let Some(init) = &self.init else { return Ok(None) };
        let Some((network, scales)) = network_of(init)? else { return Ok(None) };
        if (&network, scales) == (&self.network, self.scales) {
            return Ok(None);
        }
        let before = std::mem::replace(&mut self.network, network);
        self.scales = scales;
        Ok(Some(format!(
            "the network is '{}', that of the first weights, instead of '{before}'",
            self.network
        )))
    }
}

fn network_of(init: &str) -> Result<Option<Named>, TrainError> {
    // Weights with a network's name may still have to be downloaded.
    if !disk::exists(Path::new(init)) && Architecture::named(init).is_ok() {
        return Ok(Some((init.to_owned(), None)));
    }
    let path = init_file(init)?;
    let bytes = disk::read(&path).map_err(TrainError::file(&path, "reading it"))?;
    let Ok((_, metadata)) = SafeTensors::read_metadata(&bytes) else { return Ok(None) };
    let format = metadata.metadata().as_ref().and_then(|entries| entries.get("format"));
    if format.is_some_and(|format| format == FORMAT) {
        let (saved, _) = header_of(&path, &bytes)?;
        return Ok(Some((saved.network, saved.scales)));
    }
    let (name, tensor) = OF_TIMM;
    Ok(metadata.info(tensor).map(|_| (name.to_owned(), None)))
}
