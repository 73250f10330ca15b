//! Checks of the reference's network.

use std::collections::HashMap;

use crate::oracle::Map;
use crate::oracle::compare::{assert_close, assert_close_wide};
use crate::oracle::difference::{central, pick};
use crate::oracle::heads::softmax;
use crate::oracle::norm::Moments;
use crate::oracle::random::{Random, widen};
use crate::oracle::ssl::{mean_cross_entropy, rotation_targets};
use crate::oracle::wide_resnet::{Network, Tensors};

const NETWORK: Network =
    Network { stem_filters: 4, stem_stride: 1, filters: 2, repeat: 2, scales: 2, channels: 3, classes: 3 };

fn parameters(network: &Network, random: &mut Random) -> Tensors {
    let mut names: Vec<_> = network.parameters().into_iter().collect();
    names.sort();
    let value = |(name, count): (String, usize)| {
        let values =
            if name.ends_with("gamma") { random.uniform(count, 0.5, 1.5) } else { random.normal(count, 0.4) };
        (name, widen(&values))
    };
    names.into_iter().map(value).collect()
}

#[test]
fn sizes_of_the_published_network() {
    let wide = Network {
        stem_filters: 16,
        stem_stride: 1,
        filters: 32,
        repeat: 4,
        scales: 3,
        channels: 3,
        classes: 10,
    };
    let rotation = 128 * 4 + 4;
    assert_eq!(wide.parameters().values().sum::<usize>(), 1_469_642 + rotation);
}

#[test]
fn gradients_are_the_central_differences() {
    let mut random = Random::new(17);
    let p = parameters(&NETWORK, &mut random);
    let image = Map::new([8, 5, 4, 3], widen(&random.normal(8 * 60, 1.0)));
    let targets = widen(&random.distributions(4, 3));
    let f = NETWORK.features();
    // The first pass is rotated images, the second classified ones.
    let loss = |p: &Tensors| {
        let e = NETWORK.forward(p, &image, 2).embedding;
        mean_cross_entropy(&NETWORK.logits(p, "rotation", &e[..4 * f]), &rotation_targets(4), 4).0
            + mean_cross_entropy(&NETWORK.logits(p, "classify", &e[4 * f..]), &targets, 3).0
    };
    let forward = NETWORK.forward(&p, &image, 2);
    let (rotated, classified) = forward.embedding.split_at(4 * f);
    let mut d = Tensors::new();
    let (_, d_rotated) =
        mean_cross_entropy(&NETWORK.logits(&p, "rotation", rotated), &rotation_targets(4), 4);
    let (_, d_classes) = mean_cross_entropy(&NETWORK.logits(&p, "classify", classified), &targets, 3);
    let mut d_embedding = NETWORK.logits_backward(&p, "rotation", rotated, &d_rotated, &mut d);
    d_embedding.extend(NETWORK.logits_backward(&p, "classify", classified, &d_classes, &mut d));
    NETWORK.backward(&p, &forward, &d_embedding, &mut d);
    let mut names: Vec<_> = p.keys().collect();
    names.sort();
    assert_eq!(d.len(), names.len());
    for name in names {
        let indices = random.indices(5, p[name].len());
        let mut moved = p.clone();
        let differences = central(&p[name], &indices, 1e-6, |v| {
            moved.insert(name.clone(), v.to_vec());
            loss(&moved)
        });
        let found = pick(&d[name], &indices);
        // A bias before a batch norm changes nothing: compare with the size of the others.
        let scaled: Vec<f64> = found.iter().zip(&differences).map(|(f, d)| 1.0 + f - d).collect();
        assert_close_wide(name, &scaled, &vec![1.0; scaled.len()], 1e-7);
    }
}

#[test]
fn inference_with_a_batchs_own_statistics_is_training() {
    let mut random = Random::new(5);
    let p = parameters(&NETWORK, &mut random);
    let image = Map::new([3, 8, 9, 3], widen(&random.normal(3 * 216, 1.0)));
    let f = NETWORK.forward(&p, &image, 1);
    let known: HashMap<String, Moments> = f.moments.iter().map(|(k, v)| (k.clone(), v[0].clone())).collect();
    assert_eq!(known.len(), NETWORK.norms().len());
    assert_close_wide("embedding", &NETWORK.inference(&p, &known, &image), &f.embedding, 1e-12);
    let probabilities = softmax(&NETWORK.logits(&p, "classify", &f.embedding), 3);
    let sums: Vec<f32> = probabilities.chunks_exact(3).map(|row| row.iter().sum::<f64>() as f32).collect();
    assert_close("softmax rows", &sums, &[1.0; 3], 1e-6);
}
