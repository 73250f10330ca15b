// The Wide ResNet of src/nn/wide_resnet.rs without its rotation head, in TensorFlow.js. `tf` is the page's.

import { batchNorm, head, variable } from "./layers.js";

const SLOPE = 0.1;
const STEM_FILTERS = 16;
const SHAPES = {
  "wrn-28-2": { filters: 32, repeat: 4, stemStride: 1 },
  "wrn-10-1": { filters: 16, repeat: 1, stemStride: 2 },
};

function convolution(inputs, outputs, kernel, stride) {
  const weights = variable(tf.randomNormal([kernel, kernel, inputs, outputs], 0, Math.sqrt(2 / (kernel * kernel * outputs))));
  const bias = variable(tf.zeros([outputs]));
  // With the bias in the same kernel.
  return (x) => tf.fused.conv2d({ x, filter: weights, strides: stride, pad: "same", bias, activation: "linear" });
}

function activatedNorm(channels) {
  const norm = batchNorm(channels);
  return (x) => tf.leakyRelu(norm(x), SLOPE);
}

function block(inputs, outputs, stride, activated) {
  const norm1 = activatedNorm(inputs);
  const conv1 = convolution(inputs, outputs, 3, stride);
  const norm2 = activatedNorm(outputs);
  const conv2 = convolution(outputs, outputs, 3, 1);
  const shortcut = inputs === outputs ? (x) => x : convolution(inputs, outputs, 1, stride);
  return (x) => {
    const a = norm1(x);
    return tf.add(shortcut(activated ? a : x), conv2(norm2(conv1(a))));
  };
}

// A function from images `[images, height, width, channels]` to logits.
export function wideResNet(name, size, channels, classes) {
  const { filters, repeat, stemStride } = SHAPES[name];
  const scales = Math.min(Math.max(Math.ceil(Math.log2(size)) - 2, 1), 3);
  const stem = convolution(channels, STEM_FILTERS, 3, stemStride);
  const blocks = [];
  let inputs = STEM_FILTERS;
  for (let scale = 0; scale < scales; scale += 1) {
    const outputs = filters << scale;
    for (let place = 0; place < repeat; place += 1) {
      // The very first shortcut takes the activated input.
      blocks.push(block(inputs, outputs, scale > 0 && place === 0 ? 2 : 1, blocks.length === 0));
      inputs = outputs;
    }
  }
  const norm = activatedNorm(inputs);
  const classify = head(inputs, classes);
  return (images) => {
    const last = blocks.reduce((x, each) => each(x), stem(images));
    return classify(norm(last));
  };
}
