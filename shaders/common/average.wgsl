// Exponential averages. `mix` is not used for them: an adapter may compute it as new + (old - new) decay, which
// loses the new value's last digits where the decay is near one.

/// old decay + new (1 - decay)
fn averaged_with(old: vec4<f32>, new_value: vec4<f32>, decay: f32) -> vec4<f32> {
    return old * decay + new_value * (1.0 - decay);
}

/// `averaged_with` of single values.
fn averaged_with_one(old: f32, new_value: f32, decay: f32) -> f32 {
    return old * decay + new_value * (1.0 - decay);
}
