//! The table of operations (reference, `libml/ctaugment.py`).

/// The operations; the discriminant is the id in [`super::OpDraw`] and in `shaders/augment/ops.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum OperationKind {
    Autocontrast = 0,
    Blur = 1,
    Brightness = 2,
    Color = 3,
    Contrast = 4,
    Cutout = 5,
    Equalize = 6,
    Invert = 7,
    Identity = 8,
    Posterize = 9,
    Rescale = 10,
    Rotate = 11,
    Sharpness = 12,
    ShearX = 13,
    ShearY = 14,
    Smooth = 15,
    Solarize = 16,
    TranslateX = 17,
    TranslateY = 18,
}

/// What is known of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub kind: OperationKind,
    pub name: &'static str,
    /// Bins of each of its parameters in CTAugment.
    pub bins: &'static [usize],
    /// What its parameters v and v2, both in [0, 1], do.
    pub description: &'static str,
}

const fn operation(
    kind: OperationKind,
    name: &'static str,
    bins: &'static [usize],
    description: &'static str,
) -> Operation {
    Operation { kind, name, bins, description }
}

/// All operations, each at the index of its id.
pub const OPERATIONS: [Operation; 19] = [
    operation(OperationKind::Autocontrast, "autocontrast", &[17], "blend with the stretched image by v"),
    operation(OperationKind::Blur, "blur", &[17], "blend with the 5x5 blur by v"),
    operation(OperationKind::Brightness, "brightness", &[17], "scale towards black by 0.1 + 1.9 v"),
    operation(OperationKind::Color, "color", &[17], "scale away from grey by 0.1 + 1.9 v"),
    operation(OperationKind::Contrast, "contrast", &[17], "scale away from the mean grey by 0.1 + 1.9 v"),
    operation(OperationKind::Cutout, "cutout", &[17], "grey square of 1 + 0.499 v of the shorter side"),
    operation(OperationKind::Equalize, "equalize", &[17], "blend with the equalised image by v"),
    operation(OperationKind::Invert, "invert", &[17], "blend with the negative by v"),
    operation(OperationKind::Identity, "identity", &[], "nothing"),
    operation(OperationKind::Posterize, "posterize", &[8], "keep 1 + 7.999 v bits"),
    operation(OperationKind::Rescale, "rescale", &[17, 6], "crop 0.25 v off every side, filter 5.99 v2"),
    operation(OperationKind::Rotate, "rotate", &[17], "turn by 45 (2 v - 1) degrees counter-clockwise"),
    operation(OperationKind::Sharpness, "sharpness", &[17], "scale away from the smoothed by 0.1 + 1.9 v"),
    operation(OperationKind::ShearX, "shear_x", &[17], "shear along x by 0.3 (2 v - 1)"),
    operation(OperationKind::ShearY, "shear_y", &[17], "shear along y by 0.3 (2 v - 1)"),
    operation(OperationKind::Smooth, "smooth", &[17], "blend with the 3x3 smoothed by v"),
    operation(OperationKind::Solarize, "solarize", &[17], "negative of values from 255.999 v on"),
    operation(OperationKind::TranslateX, "translate_x", &[17], "shift left by 0.3 (2 v - 1)"),
    operation(OperationKind::TranslateY, "translate_y", &[17], "shift up by 0.3 (2 v - 1)"),
];

impl OperationKind {
    /// Its id in draws.
    pub fn id(self) -> u32 {
        self as u32
    }

    /// What is known of it.
    pub fn operation(self) -> &'static Operation {
        &OPERATIONS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_at_the_index_of_its_id() {
        for (index, operation) in OPERATIONS.iter().enumerate() {
            assert_eq!(operation.kind.id() as usize, index, "{}", operation.name);
            assert_eq!(operation.kind.operation(), operation);
        }
    }

    #[test]
    fn names_are_in_the_order_of_the_reference() {
        let names: Vec<_> = OPERATIONS.iter().map(|o| o.name).collect();
        let expected = "autocontrast blur brightness color contrast cutout equalize invert identity posterize \
                        rescale rotate sharpness shear_x shear_y smooth solarize translate_x translate_y";
        assert_eq!(names.join(" "), expected);
    }
}
