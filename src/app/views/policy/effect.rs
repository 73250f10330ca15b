//! What a level amounts to, in an operation's own unit.

use crate::augment::{OpOptions, OperationKind, PolicyScale};

/// Resampling filters of rescale, in the order of its second parameter.
const FILTERS: [&str; 6] = ["Lanczos", "bicubic", "bilinear", "box", "Hamming", "nearest"];

/// The filter that the second parameter of rescale chooses.
pub fn filter(second: f32) -> &'static str {
    FILTERS[((second.clamp(0.0, 1.0) * 5.99) as usize).min(FILTERS.len() - 1)]
}

/// What level `v` does to an image of `size` `[height, width]`, as `shaders/augment/ops.wgsl` takes it.
pub fn effect(kind: OperationKind, v: f32, size: [usize; 2], options: OpOptions) -> String {
    let [height, width] = size.map(|side| side as f32);
    let swing = 2.0 * v - 1.0;
    let literal = options.scale == PolicyScale::Literal;
    let shift = |side: f32| format!("{:+.1} px", 0.3 * swing * if literal { 1.0 } else { side });
    match kind {
        OperationKind::Identity => "as it is".to_owned(),
        OperationKind::Autocontrast
        | OperationKind::Blur
        | OperationKind::Equalize
        | OperationKind::Invert
        | OperationKind::Smooth => format!("{:.0} %", 100.0 * v),
        OperationKind::Brightness
        | OperationKind::Color
        | OperationKind::Contrast
        | OperationKind::Sharpness => format!("×{:.2}", 0.1 + 1.9 * v),
        OperationKind::Cutout => {
            let half = (1.0 + v * height.min(width) * 0.499) as u32 / 2;
            format!("{} px", 2 * half)
        }
        OperationKind::Posterize => format!("keep {} bit", (1 + (v * 7.999) as u32).min(8)),
        OperationKind::Rescale if literal => format!("crop {:.2} px", 0.25 * v),
        OperationKind::Rescale => format!("crop {:.0} %", 25.0 * v),
        OperationKind::Rotate => format!("{:+.0}°", 45.0 * swing),
        OperationKind::ShearX | OperationKind::ShearY => format!("{:+.2}", 0.3 * swing),
        OperationKind::Solarize => format!("from {}", (v * 255.999) as u32),
        OperationKind::TranslateX => shift(width),
        OperationKind::TranslateY => shift(height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_told_in_the_units_of_the_table() {
        let paper = |kind, v| effect(kind, v, [20, 40], OpOptions::default());
        assert_eq!(paper(OperationKind::Rotate, 0.0), "-45°");
        assert_eq!(paper(OperationKind::Posterize, 0.0), "keep 1 bit");
        assert_eq!(paper(OperationKind::Posterize, 1.0), "keep 8 bit");
        assert_eq!(paper(OperationKind::Brightness, 1.0), "×2.00");
        assert_eq!(paper(OperationKind::TranslateX, 1.0), "+12.0 px");
        assert_eq!(paper(OperationKind::TranslateY, 0.0), "-6.0 px");
        assert_eq!(paper(OperationKind::Cutout, 1.0), "10 px");
        let literal = OpOptions { scale: PolicyScale::Literal, ..OpOptions::default() };
        assert_eq!(effect(OperationKind::TranslateX, 1.0, [20, 40], literal), "+0.3 px");
    }

    #[test]
    fn the_second_parameter_of_rescale_names_every_filter() {
        let names: Vec<_> = (0..6).map(|i| filter((i as f32 + 0.5) / 5.99)).collect();
        assert_eq!(names, FILTERS);
        assert_eq!((filter(0.0), filter(1.0)), ("Lanczos", "nearest"));
    }
}
