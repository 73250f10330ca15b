//! The augmented images of a step: the sampled weak views and every sampled operation, in order.

use remixmatch::augment::{OpDraw, StrongPolicy};
use remixmatch::ssl::{Method, PolicyKind, RowLayout, ViewBlock};
use remixmatch::train::{Capture, Trainer, write_trace};

use crate::oracle_augment::{Picture, apply, weak};
use crate::pictures::{config, gpu, pictures};
use crate::traced::Traced;

const SIDE: usize = 12;

/// Traces two steps and compares each block of views with the CPU reference; the second is past the first update.
fn check(method: Method) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("step.safetensors");
    let config = config(method.clone(), 3);
    let options = method.policy.start().options(config.augment.scale, config.augment.sampling);
    let layout = RowLayout::new(&method, config.batch);
    let set = pictures(SIDE, 3);
    let source = |i: usize| {
        let image = set.train.image(i);
        Picture::from_fn(SIDE, SIDE, |x, y| {
            let at = (y * SIDE + x) * 3;
            [image[at], image[at + 1], image[at + 2]]
        })
    };
    let mut trainer = Trainer::new(gpu(), config.clone(), set.clone(), Capture::Trace).expect("a trainer");
    for step in 0..2 {
        write_trace(&mut trainer, &path).expect("a trace");
        let trace = Traced::read(&path);
        let samples = trainer.samples().expect("a step was made");
        assert_eq!(samples.ops.len(), depth(&method.policy.start()), "step {step}");
        let sources: Vec<_> =
            samples.labelled.iter().chain(&samples.unlabelled).map(|i| source(*i)).collect();
        let mut blocks = vec![("input.x", ViewBlock::Labelled, 1)];
        if method.unlabelled {
            blocks.push(("input.u_weak", ViewBlock::Anchor, 1));
            blocks.push(("input.u_strong", ViewBlock::Strong(1), layout.strong_views()));
        }
        for (name, block, count) in blocks {
            let found = trace.f32(name);
            let first = layout.first_view(block);
            let images = found.chunks_exact(SIDE * SIDE * 3);
            assert_eq!(images.len(), count * config.batch, "{name}");
            for (view, image) in (first..).zip(images) {
                let draws: Vec<OpDraw> = samples.ops.iter().map(|draws| draws[view]).collect();
                let start = weak(&sources[samples.weak[view].source as usize], &samples.weak[view]);
                let expected = draws
                    .iter()
                    .fold(start, |image, draw| apply(&image, draw, options.scale, options.sampling));
                let expected = expected.pixels.iter().flatten();
                // Rounding may move a value by a level, and a threshold after it one pixel in a hundred.
                let off =
                    expected.zip(image).filter(|(e, v)| ((**v + 1.0) * 127.5 - f32::from(**e)).abs() > 2.5);
                let share = off.count() as f64 / image.len() as f64;
                assert!(share < 0.01, "step {step}, {name}, view {view}: {share} of it differs, {draws:?}");
            }
        }
    }
}

/// Operations of a strong view: two of CTAugment, two of RandAugment and Cutout, none.
fn depth(policy: &StrongPolicy) -> usize {
    match policy {
        StrongPolicy::CtAugment(_) => 2,
        StrongPolicy::RandAugment(_) => 3,
        StrongPolicy::None => 0,
    }
}

#[test]
fn steps_augment_as_sampled() {
    for policy in [PolicyKind::CtAugment, PolicyKind::RandAugment, PolicyKind::None] {
        check(Method { strong_views: 2, policy, ..Method::remixmatch() });
    }
    check(Method::fixmatch());
    check(Method::supervised());
}
