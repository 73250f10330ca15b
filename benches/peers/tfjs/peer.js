// Trains the network on one batch: what `window.peer` does for the driver, as the page of ours does.

import { efficientNetLite } from "./efficientnet_lite.js";
import { variables } from "./layers.js";
import { wideResNet } from "./wide_resnet.js";

const RATE = 0.002;

let step;

async function prepare(name, batch, size, channels, classes, warmUp) {
  tf.enableProdMode();
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js did not start on WebGPU");
  await tf.ready();
  const images = tf.randomNormal([batch, size, size, channels], 0, 1, "float32", 1);
  const labels = tf.oneHot(tf.range(0, batch, 1, "int32").mod(tf.scalar(classes, "int32")), classes).toFloat();
  const family = name.startsWith("efficientnet-lite") ? efficientNetLite : wideResNet;
  const network = family(name, size, channels, classes);
  const optimiser = tf.train.adam(RATE, 0.9, 0.999, 1e-8);
  step = () => optimiser.minimize(() => tf.losses.softmaxCrossEntropy(labels, network(images)), true, variables);
  const losses = [await steps(1), await steps(warmUp - 1)].map(({ loss }) => loss);
  const parameters = variables.reduce((sum, { size }) => sum + size, 0);
  return { parameters, loss: losses, compiled_for: `TensorFlow.js ${tf.version.tfjs}` };
}

async function steps(count) {
  const began = performance.now();
  let last;
  for (let i = 0; i < count; i += 1) {
    last?.dispose();
    last = step();
  }
  const [loss] = await last.data();
  // The last update is not among what the loss waited for.
  await variables.at(-1).data();
  last.dispose();
  return { seconds_a_step: (performance.now() - began) / 1000 / count, loss };
}

window.peer = { prepare, steps };
