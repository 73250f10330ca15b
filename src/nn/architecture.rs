//! The registry of network families. A family is a file with its settings and layers, and an arm in each `match` here.

use std::sync::Arc;

use super::backbone::Backbone;
use super::conv_tiling::ConvTiling;
use super::efficientnet_lite::{EfficientNetLite, EfficientNetLiteLayers};
use super::network_error::NetworkError;
use super::wide_resnet::{WideResNet, WideResNetLayers};

/// How the bytes of an image become the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputScale {
    /// x / 127.5 - 1 (reference, `libml/data.py`)
    Reference,
    /// (x - 127) / 128, of the EfficientNet-Lite family.
    Lite,
}

impl InputScale {
    /// The input for one byte.
    pub fn apply(self, byte: u8) -> f32 {
        match self {
            Self::Reference => f32::from(byte) / 127.5 - 1.0,
            Self::Lite => (f32::from(byte) - 127.0) / 128.0,
        }
    }
}

/// The settings of a network of one of the families.
#[derive(Clone, Debug, PartialEq)]
pub enum Architecture {
    WideResNet(WideResNet),
    EfficientNetLite(EfficientNetLite),
}

impl Architecture {
    /// The network of a name: a Wide ResNet (`wrn-28-2`, `wrn-28-8`, `wrn-16-1`, `wrn-10-1`) or `efficientnet-lite0`.
    ///
    /// # Examples
    /// ```
    /// use remixmatch::nn::Architecture;
    ///
    /// assert!(matches!(Architecture::named("wrn-28-2"), Ok(Architecture::WideResNet(_))));
    /// assert!(Architecture::named("resnet-50").is_err());
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::UnknownName`] if no network has this name.
    pub fn named(name: &str) -> Result<Self, NetworkError> {
        let families = [
            WideResNet::named(name).map(Self::WideResNet),
            EfficientNetLite::named(name).map(Self::EfficientNetLite),
        ];
        families.into_iter().flatten().next().ok_or_else(|| NetworkError::UnknownName(name.to_owned()))
    }

    /// The network with a number of scales, if one is given.
    ///
    /// # Errors
    /// [`NetworkError::OutOfRange`] if the family has no scales to choose.
    pub fn with_scales(self, scales: Option<usize>) -> Result<Self, NetworkError> {
        match (self, scales) {
            (same, None) => Ok(same),
            (Self::WideResNet(settings), scales) => Ok(Self::WideResNet(WideResNet { scales, ..settings })),
            (Self::EfficientNetLite(_), Some(found)) => Err(NetworkError::OutOfRange {
                field: "scales",
                found,
                expected: "absent, as only a Wide ResNet has a choice of scales",
            }),
        }
    }

    /// Checks the settings for images of `height` x `width`.
    ///
    /// # Errors
    /// [`NetworkError::OutOfRange`] for the first setting that is out of range, [`NetworkError::ImageSize`] for images
    /// that are smaller or larger than the family takes.
    pub fn validate(&self, height: usize, width: usize) -> Result<(), NetworkError> {
        match self {
            Self::WideResNet(settings) => settings.validate(height, width),
            Self::EfficientNetLite(settings) => settings.validate(height, width),
        }
    }

    /// Channels that the network reads of images with `channels`: an EfficientNet-Lite reads a grey channel three times.
    pub fn input_channels(&self, channels: usize) -> usize {
        match self {
            Self::WideResNet(_) => channels,
            Self::EfficientNetLite(_) => 3,
        }
    }

    /// What the side of resized images is a multiple of, if anything: an EfficientNet-Lite halves its maps five times.
    pub fn size_multiple(&self) -> Option<usize> {
        match self {
            Self::WideResNet(_) => None,
            Self::EfficientNetLite(_) => Some(32),
        }
    }

    /// How the bytes of an image become the network's input.
    pub fn input_scale(&self) -> InputScale {
        match self {
            Self::WideResNet(_) => InputScale::Reference,
            Self::EfficientNetLite(_) => InputScale::Lite,
        }
    }

    /// Names of the stages that layers can be frozen to, for images `[height, width, channels]`.
    pub fn stages(&self, image: [usize; 3]) -> Vec<String> {
        let stages = self.backbone(image, ConvTiling::REGISTER).stages();
        stages.into_iter().map(|(name, _)| name).collect()
    }

    /// The layers for images `[height, width, channels]`.
    pub(super) fn backbone(&self, image: [usize; 3], tiling: ConvTiling) -> Arc<dyn Backbone> {
        match self {
            Self::WideResNet(settings) => Arc::new(WideResNetLayers::new(settings, image, tiling)),
            Self::EfficientNetLite(settings) => {
                Arc::new(EfficientNetLiteLayers::new(settings, image, tiling))
            }
        }
    }
}
