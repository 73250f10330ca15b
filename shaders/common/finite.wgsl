// Whether numbers are finite, told from their bits: a compiler may assume that arithmetic meets no others.

const EXPONENT: u32 = 0x7f800000u;

fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & EXPONENT) != EXPONENT;
}

fn are_finite(values: vec4<f32>) -> bool {
    return all((bitcast<vec4<u32>>(values) & vec4<u32>(EXPONENT)) != vec4<u32>(EXPONENT));
}
