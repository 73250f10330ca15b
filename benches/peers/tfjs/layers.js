// What the networks are built of, in TensorFlow.js. `tf` is the page's.

// Share of the old value that the moving statistics keep.
const MOMENTUM = 0.999;
const EPSILON = 1e-3;

// Trainable variables, in the order of their making.
export const variables = [];

export function variable(values) {
  const made = tf.variable(values);
  variables.push(made);
  return made;
}

function moved(average, value) {
  average.assign(average.mul(MOMENTUM).add(value.mul(1 - MOMENTUM)));
}

// Batch normalisation in training, as a function of the feature maps.
export function batchNorm(channels) {
  const gamma = variable(tf.ones([channels]));
  const beta = variable(tf.zeros([channels]));
  const movingMean = tf.variable(tf.zeros([channels]), false);
  const movingVariance = tf.variable(tf.ones([channels]), false);
  return (x) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    moved(movingMean, mean);
    moved(movingVariance, variance);
    return tf.batchNorm(x, mean, variance, beta, gamma, EPSILON);
  };
}

// Average pool and linear head, as a function of the feature maps.
export function head(inputs, classes) {
  const weights = variable(tf.randomNormal([inputs, classes], 0, Math.sqrt(2 / (inputs + classes))));
  const bias = variable(tf.zeros([classes]));
  return (x) => tf.mean(x, [1, 2]).matMul(weights).add(bias);
}
