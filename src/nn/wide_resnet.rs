//! The reference's Wide ResNet (`libml/models.py`): pre-activation blocks. Its settings and layers; `propagation` records its
//! passes.

use serde::{Deserialize, Serialize};

use super::conv_tiling::ConvTiling;
use super::conv2d::Conv2d;
use super::network_error::NetworkError;

/// A member of the reference's Wide ResNet family (`libml/models.py`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WideResNet {
    /// Filters of the first scale, doubled at each further one.
    pub filters: usize,
    /// Residual blocks per scale.
    pub repeat: usize,
    /// Number of scales; `None`: ceil(log2 width) - 2, at most 3.
    pub scales: Option<usize>,
    /// Filters of the first convolution.
    pub stem_filters: usize,
    pub stem_stride: usize,
}

impl WideResNet {
    /// The smallest member, for software adapters.
    pub const WRN_10_1: Self =
        Self { filters: 16, repeat: 1, scales: None, stem_filters: 16, stem_stride: 2 };

    /// The member of this name. `wrn-28-2` and `wrn-28-8` are the paper's; the others are smaller ones for small machines.
    pub fn named(name: &str) -> Option<Self> {
        let (filters, repeat, stem_stride) = match name {
            "wrn-28-2" => (32, 4, 1),
            "wrn-28-8" => (128, 4, 1),
            "wrn-16-1" => (16, 2, 1),
            "wrn-10-1" => return Some(Self::WRN_10_1),
            _ => return None,
        };
        Some(Self { filters, repeat, scales: None, stem_filters: 16, stem_stride })
    }

    /// Number of scales for images `width` pixels wide.
    pub fn scales_for(&self, width: usize) -> usize {
        let ceil_log2 = width.next_power_of_two().trailing_zeros() as usize;
        self.scales.unwrap_or_else(|| ceil_log2.saturating_sub(2).clamp(1, 3))
    }

    /// Checks the settings for images of `height` x `width`.
    ///
    /// # Errors
    /// [`NetworkError::OutOfRange`] for the first field that is out of range, [`NetworkError::ImageSize`] for images
    /// outside 8 to 96 pixels.
    pub fn validate(&self, height: usize, width: usize) -> Result<(), NetworkError> {
        let check = |ok: bool, field, found, expected| {
            if ok { Ok(()) } else { Err(NetworkError::OutOfRange { field, found, expected }) }
        };
        let of_eight = |n: usize| n > 0 && n.is_multiple_of(8) && n <= 1024;
        check(of_eight(self.filters), "filters", self.filters, "a multiple of 8 up to 1024")?;
        check(of_eight(self.stem_filters), "stem_filters", self.stem_filters, "a multiple of 8 up to 1024")?;
        check((1..=2).contains(&self.stem_stride), "stem_stride", self.stem_stride, "1 or 2")?;
        check((1..=16).contains(&self.repeat), "repeat", self.repeat, "1 to 16")?;
        let scales = self.scales_for(width);
        check((1..=5).contains(&scales), "scales", scales, "1 to 5")?;
        if !(8..=96).contains(&height) || !(8..=96).contains(&width) {
            return Err(NetworkError::ImageSize { height, width, largest: 96 });
        }
        Ok(())
    }
}

/// A residual block: `out = shortcut + conv2(act(bn2(conv1(act(bn1(x))))))`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub name: String,
    pub conv1: Conv2d,
    pub conv2: Conv2d,
    /// A 1x1 convolution where the number of channels changes.
    pub shortcut: Option<Conv2d>,
    /// Whether the shortcut's input is act(bn1(x)) instead of x: only in the network's first block.
    pub shortcut_activated: bool,
}

/// The layers of a Wide ResNet, for images of one size.
#[derive(Clone, Debug)]
pub(super) struct WideResNetLayers {
    pub size: [usize; 2],
    /// Channels of the images.
    pub channels: usize,
    /// Channels of the last feature map.
    pub features: usize,
    pub stem: Conv2d,
    pub blocks: Vec<Block>,
}

impl WideResNetLayers {
    /// The layers for images `[height, width, channels]`.
    pub fn new(settings: &WideResNet, [height, width, channels]: [usize; 3], tiling: ConvTiling) -> Self {
        let conv = |name: String, in_channels, out_channels, kernel, stride| Conv2d {
            name,
            in_channels,
            out_channels,
            kernel,
            stride,
            tiling,
        };
        let stem = conv("stem".into(), 4, settings.stem_filters, 3, settings.stem_stride);
        let mut blocks = Vec::new();
        let mut inputs = settings.stem_filters;
        for scale in 0..settings.scales_for(width) {
            let filters = settings.filters << scale;
            for repeat in 0..settings.repeat {
                let name = format!("scale{scale}.block{repeat}");
                let stride = if scale > 0 && repeat == 0 { 2 } else { 1 };
                let shortcut =
                    (inputs != filters).then(|| conv(format!("{name}.shortcut"), inputs, filters, 1, stride));
                blocks.push(Block {
                    conv1: conv(format!("{name}.conv1"), inputs, filters, 3, stride),
                    conv2: conv(format!("{name}.conv2"), filters, filters, 3, 1),
                    shortcut,
                    shortcut_activated: blocks.is_empty(),
                    name,
                });
                inputs = filters;
            }
        }
        Self { size: [height, width], channels, features: inputs, stem, blocks }
    }
}
