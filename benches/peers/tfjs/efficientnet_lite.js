// The EfficientNet-Lite0 of src/nn/efficientnet_lite.rs without its rotation head, in TensorFlow.js. `tf` is the page's.

import { batchNorm, head, variable } from "./layers.js";

const STEM_FILTERS = 32;
const FEATURES = 1280;
// Expansion, filters, blocks, stride, side of the depthwise filters of each stage.
const STAGES = [
  [1, 16, 1, 1, 3],
  [6, 24, 2, 2, 3],
  [6, 40, 2, 2, 5],
  [6, 80, 3, 2, 3],
  [6, 112, 3, 1, 5],
  [6, 192, 4, 2, 5],
  [6, 320, 1, 1, 3],
];

// A convolution, batch normalisation and, if `activated`, ReLU6.
function unit(convolve, outputs, activated = true) {
  const norm = batchNorm(outputs);
  return (x) => (activated ? tf.relu6(norm(convolve(x))) : norm(convolve(x)));
}

function convolution(inputs, outputs, kernel, stride) {
  const filter = variable(tf.randomNormal([kernel, kernel, inputs, outputs], 0, Math.sqrt(2 / (kernel * kernel * outputs))));
  return (x) => tf.conv2d(x, filter, stride, "same");
}

function depthwise(channels, kernel, stride) {
  const filter = variable(tf.randomNormal([kernel, kernel, channels, 1], 0, Math.sqrt(2 / (kernel * kernel))));
  return (x) => tf.depthwiseConv2d(x, filter, stride, "same");
}

function block(expand, inputs, outputs, kernel, stride) {
  const expanded = inputs * expand;
  const units = expand > 1 ? [unit(convolution(inputs, expanded, 1, 1), expanded)] : [];
  units.push(unit(depthwise(expanded, kernel, stride), expanded));
  units.push(unit(convolution(expanded, outputs, 1, 1), outputs, false));
  const residual = stride === 1 && inputs === outputs;
  return (x) => {
    const last = units.reduce((value, each) => each(value), x);
    return residual ? tf.add(last, x) : last;
  };
}

// A function from images `[images, height, width, channels]` to logits.
export function efficientNetLite(_name, _size, channels, classes) {
  const layers = [unit(convolution(channels, STEM_FILTERS, 3, 2), STEM_FILTERS)];
  let inputs = STEM_FILTERS;
  for (const [expand, outputs, blocks, stride, kernel] of STAGES) {
    for (let place = 0; place < blocks; place += 1) {
      layers.push(block(expand, inputs, outputs, kernel, place === 0 ? stride : 1));
      inputs = outputs;
    }
  }
  layers.push(unit(convolution(inputs, FEATURES, 1, 1), FEATURES));
  const classify = head(FEATURES, classes);
  return (images) => classify(layers.reduce((value, each) => each(value), images));
}
