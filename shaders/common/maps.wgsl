// How feature maps are stored: four channels as f32 or, with the feature `half`, as f16. Sums over them are always f32.

@if(!half) alias MapVec4 = vec4<f32>;
@if(half) alias MapVec4 = vec4<f16>;

fn from_map(value: MapVec4) -> vec4<f32> {
    return vec4<f32>(value);
}

fn to_map(value: vec4<f32>) -> MapVec4 {
    return MapVec4(value);
}
