//! What a network consists of and costs, without running it.

use super::{POOL, WideResNet};
use crate::nn::Conv2d;

/// A layer as a table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The name that its parameters begin with, and by which a profile knows it.
    pub name: String,
    /// Of one image: `[height, width, channels]`, or `[features]` from the pool on.
    pub output: Vec<usize>,
    /// Trainable scalars.
    pub parameters: usize,
    /// Multiply-adds of classifying one image: zero for the rotation head, which has no part in it.
    pub multiply_adds: u64,
}

impl WideResNet {
    /// Multiply-adds of one forward pass over one image, convolutions and the class head.
    pub fn multiply_adds(&self) -> u64 {
        let (mut h, mut w) = (self.height, self.width);
        let mut total = self.stem.multiply_adds(h, w) / 4 * self.channels as u64;
        (h, w) = (h.div_ceil(self.stem.stride), w.div_ceil(self.stem.stride));
        for block in &self.blocks {
            total += block.conv1.multiply_adds(h, w);
            total += block.shortcut.as_ref().map_or(0, |c| c.multiply_adds(h, w));
            (h, w) = (h.div_ceil(block.conv1.stride), w.div_ceil(block.conv1.stride));
            total += block.conv2.multiply_adds(h, w);
        }
        total + (self.features * self.classes) as u64
    }

    /// Words an image takes in the largest feature map.
    pub fn largest_map(&self) -> usize {
        let input = self.height * self.width * 4;
        let words = |(conv, h, w): (Conv2d, usize, usize)| {
            h.div_ceil(conv.stride) * w.div_ceil(conv.stride) * conv.out_channels
        };
        self.convolutions().into_iter().map(words).fold(input, usize::max)
    }

    /// Every convolution with the size of its input `(layer, height, width)`, stem first.
    pub fn convolutions(&self) -> Vec<(Conv2d, usize, usize)> {
        let (mut h, mut w) = (self.height, self.width);
        let mut all = vec![(self.stem.clone(), h, w)];
        (h, w) = (h.div_ceil(self.stem.stride), w.div_ceil(self.stem.stride));
        for block in &self.blocks {
            all.push((block.conv1.clone(), h, w));
            all.extend(block.shortcut.iter().map(|c| (c.clone(), h, w)));
            (h, w) = (h.div_ceil(block.conv1.stride), w.div_ceil(block.conv1.stride));
            all.push((block.conv2.clone(), h, w));
        }
        all
    }

    /// Every layer, a block's shortcut after its convolutions; their parameters add up to
    /// `parameters.count()`, their multiply-adds to [`WideResNet::multiply_adds`].
    pub fn layers(&self) -> Vec<Layer> {
        let convolutions = self.convolutions();
        let mut layers: Vec<Layer> = Vec::new();
        // A norm keeps the shape of what comes before it.
        let mut output = vec![self.height, self.width, self.channels];
        for parameter in &self.parameters.list {
            let name = parameter.name.rsplit_once('.').map_or("", |(layer, _)| layer);
            let parameters = parameter.elements();
            if let Some(layer) = layers.last_mut().filter(|layer| layer.name == name) {
                layer.parameters += parameters;
                continue;
            }
            let mut multiply_adds = 0;
            if let Some((conv, height, width)) = convolutions.iter().find(|(conv, ..)| conv.name == name) {
                output = vec![height.div_ceil(conv.stride), width.div_ceil(conv.stride), conv.out_channels];
                // The stem's input is padded to four channels in memory.
                let [stored, logical] = [conv.in_channels, parameter.shape[2]].map(|n| n as u64);
                multiply_adds = conv.multiply_adds(*height, *width) / stored * logical;
            } else if let [inputs, outputs] = parameter.shape[..] {
                if output.len() > 1 {
                    layers.push(Layer {
                        name: POOL.to_owned(),
                        output: vec![inputs],
                        parameters: 0,
                        multiply_adds: 0,
                    });
                }
                output = vec![outputs];
                multiply_adds = if name == self.classify.name { (inputs * outputs) as u64 } else { 0 };
            }
            layers.push(Layer { name: name.to_owned(), output: output.clone(), parameters, multiply_adds });
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use crate::gpu::Tiling;
    use crate::nn::{Architecture, WideResNet};

    fn network(name: &str, image: [usize; 3], classes: usize) -> WideResNet {
        let architecture = Architecture::named(name).expect("a known name");
        WideResNet::new(&architecture, image, classes, Tiling::REGISTER).expect("a network")
    }

    #[test]
    fn layers_add_up_to_the_network() {
        for (name, image, classes) in [
            ("wrn-10-1", [28, 28, 1], 10),
            ("wrn-28-2", [32, 32, 3], 100),
            ("wrn-28-8", [33, 47, 3], 2),
            ("wrn-10-1", [8, 8, 4], 5),
        ] {
            let network = network(name, image, classes);
            let layers = network.layers();
            let parameters: usize = layers.iter().map(|layer| layer.parameters).sum();
            let multiply_adds: u64 = layers.iter().map(|layer| layer.multiply_adds).sum();
            assert_eq!(parameters, network.parameters.count(), "parameters of {name}");
            assert_eq!(multiply_adds, network.multiply_adds(), "multiply-adds of {name}");
        }
    }

    #[test]
    fn layers_have_the_shapes_of_their_outputs() {
        let layers = network("wrn-10-1", [28, 28, 1], 10).layers();
        let output = |name: &str| {
            let layer = layers.iter().find(|layer| layer.name == name);
            layer.unwrap_or_else(|| panic!("no layer {name}")).output.clone()
        };
        assert_eq!(output("stem"), [14, 14, 16]);
        assert_eq!(output("scale1.block0.bn1"), [14, 14, 16]);
        assert_eq!(output("scale1.block0.bn2"), [7, 7, 32]);
        assert_eq!(output("scale1.block0.shortcut"), [7, 7, 32]);
        assert_eq!(output("head.bn"), [4, 4, 64]);
        assert_eq!((output("pool"), output("classify"), output("rotation")), (vec![64], vec![10], vec![4]));
    }
}
