//! What a run starts from, in words: its first weights, and the layers that keep them.

use std::path::Path;

use crate::nn::Freeze;
use crate::train::Config;

/// The first weights of a run.
pub fn name(config: &Config) -> String {
    match &config.init {
        None => "random weights".to_owned(),
        Some(init) => Path::new(init).file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// The frozen layers.
pub fn frozen(freeze: &Freeze) -> String {
    match freeze {
        Freeze::None => "none".to_owned(),
        Freeze::All => "all but the heads".to_owned(),
        Freeze::Stage(name) => format!("up to {name}"),
    }
}

/// A line on what a run with these settings starts from.
pub fn line(config: &Config) -> String {
    match config.init {
        None => format!("Starts from {}.", name(config)),
        Some(_) => format!("Starts from {}; frozen layers: {}.", name(config), frozen(&config.freeze)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::preset;

    #[test]
    fn first_weights_and_frozen_layers_are_named() {
        let mut config = preset("digits", None).expect("a preset").config;
        for (init, freeze, expected) in [
            (None, "none", "Starts from random weights."),
            (Some("/w/birds.safetensors"), "none", "Starts from birds.safetensors; frozen layers: none."),
            (
                Some("efficientnet-lite0"),
                "all",
                "Starts from efficientnet-lite0; frozen layers: all but the heads.",
            ),
            (Some("w"), "blocks.2", "Starts from w; frozen layers: up to blocks.2."),
        ] {
            (config.init, config.freeze) = (init.map(str::to_owned), freeze.to_owned().into());
            assert_eq!(line(&config), expected);
        }
    }
}
