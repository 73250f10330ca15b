// Exponential moving averages, and tests for NaN and infinity.
//
// `mix` is not used for EMAs: an adapter may compute it as new + (old - new) decay, which loses the last digits of the
// new value if decay is near one. Finiteness is read from the bits: a compiler may assume that arithmetic is finite.

/// old decay + new (1 - decay)
fn ema_update(old: vec4<f32>, new_value: vec4<f32>, decay: f32) -> vec4<f32> {
    return old * decay + new_value * (1.0 - decay);
}

/// `ema_update` of single values.
fn ema_update_one(old: f32, new_value: f32, decay: f32) -> f32 {
    return old * decay + new_value * (1.0 - decay);
}

const EXPONENT: u32 = 0x7f800000u;

fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & EXPONENT) != EXPONENT;
}

fn are_finite(values: vec4<f32>) -> bool {
    return all((bitcast<vec4<u32>>(values) & vec4<u32>(EXPONENT)) != vec4<u32>(EXPONENT));
}
