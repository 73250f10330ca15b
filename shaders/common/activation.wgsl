// The activation after a batch norm: the leaky ReLU, ReLU6 (`relu6`) or none (`linear`).

/// Slope of the leaky ReLU for negative inputs, as in the reference network.
@if(leaky_relu) const SLOPE: f32 = 0.1;

fn activate(z: vec4<f32>) -> vec4<f32> {
    @if(leaky_relu) return max(z, SLOPE * z);
    @if(relu6) return clamp(z, vec4<f32>(0.0), vec4<f32>(6.0));
    @if(linear) return z;
}

/// Derivative of `activate` at `z`; at a kink the smaller of both sides', as it has none.
fn activation_slope(z: vec4<f32>) -> vec4<f32> {
    @if(leaky_relu) return select(vec4<f32>(SLOPE), vec4<f32>(1.0), z > vec4<f32>(0.0));
    @if(relu6) return select(vec4<f32>(0.0), vec4<f32>(1.0), (z > vec4<f32>(0.0)) & (z < vec4<f32>(6.0)));
    @if(linear) return vec4<f32>(1.0);
}
