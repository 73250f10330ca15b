/// Slope of the leaky ReLU for negative inputs, as in the reference network.
const SLOPE: f32 = 0.1;

fn leaky_relu(z: vec4<f32>) -> vec4<f32> {
    return max(z, SLOPE * z);
}

/// Derivative of `leaky_relu` at `z`; at zero the negative side's, as the kink has no derivative.
fn leaky_relu_slope(z: vec4<f32>) -> vec4<f32> {
    return select(vec4<f32>(SLOPE), vec4<f32>(1.0), z > vec4<f32>(0.0));
}
