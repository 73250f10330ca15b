//! Tensors at and above the adapter's limits.

use remixmatch::gpu::{GpuError, Kernel, PlanBuilder, Tensor, groups_for_items};
use remixmatch::nn::{Activation, Conv2d, ConvTiling};

use crate::common::{assert_folds, on_the_adapter};
use crate::harness::GPU;
use crate::trial::Trial;

/// Words of the largest binding, 128 MiB.
const LARGEST: usize = 32 << 20;

/// Records a copy as a sum over one slice.
fn copy(b: &mut PlanBuilder, from: Tensor) -> Tensor {
    let to = b.persistent("the result", from.words());
    let vec4s = from.words() / 4;
    let groups = groups_for_items(vec4s, 64);
    b.dispatch(Kernel::new("nn/reduce", "sum_slices"), &[0, vec4s as u32, 1, 0], &[from, to], groups);
    to
}

on_the_adapter! {
    async fn the_largest_binding_works() {
        let ramp: Vec<f32> = (0..LARGEST).map(|i| (i % 65_521) as f32).collect();
        let mut t = Trial::new();
        let from = t.upload("the source", &ramp);
        let to = copy(&mut t.b, from);
        t.read(to);
        assert_folds(LARGEST / 4);
        assert!(t.run().await.get(to) == ramp, "128 MiB are copied unchanged");
    }

    async fn larger_bindings_are_named_errors() {
        let mut b = PlanBuilder::new();
        let from = b.persistent("the source", LARGEST + 1);
        copy(&mut b, from);
        let error = b.build(&GPU).err().expect("the binding is too large");
        let text = error.to_string();
        assert!(matches!(error, GpuError::BindingTooLarge { .. }), "{text}");
        for part in ["the source", "134217984", "134217728"] {
            assert!(text.contains(part), "'{text}' lacks {part}");
        }
    }

    /// Dispatches of convolutions are not folded: too many workgroups are an error.
    async fn convolutions_beyond_the_grid_are_named_errors() {
        let conv = Conv2d {
            name: "c".into(),
            in_channels: 4,
            out_channels: 8,
            kernel: 1,
            stride: 2,
            tiling: ConvTiling::REGISTER,
        };
        let mut b = PlanBuilder::new();
        let map = |b: &mut PlanBuilder, name: &str, side: usize, channels: usize| {
            Activation::new(b, name, [1, side, side, channels])
        };
        let (x, d_out) = (map(&mut b, "x", 2800, 4), map(&mut b, "d_out", 1400, 8));
        let weights = b.persistent("weights", conv.weight_words());
        conv.data_gradient(&mut b, x, d_out, weights, None);
        let error = b.check(&GPU).expect_err("more than 65,535 groups");
        assert!(matches!(error, GpuError::TooManyGroups { .. }), "{error}");
        assert!(error.to_string().contains("nn/conv2d:data_gradient"), "{error}");
    }
}
