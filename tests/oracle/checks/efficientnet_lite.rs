//! Checks of the reference's EfficientNet-Lite.

use std::collections::HashMap;

use crate::oracle::Map;
use crate::oracle::compare::assert_close_wide;
use crate::oracle::difference::{central, dot, pick};
use crate::oracle::efficientnet_lite::{Network, Stage};
use crate::oracle::norm::Moments;
use crate::oracle::random::{Random, widen};
use crate::oracle::wide_resnet::Tensors;

const fn stage([expand, filters, repeat, stride, kernel]: [usize; 5]) -> Stage {
    Stage { expand, filters, repeat, stride, kernel }
}

/// Blocks without expansion, with a residual and with a stride, for both kernels.
fn network() -> Network {
    let stages = vec![stage([1, 3, 1, 1, 3]), stage([2, 4, 2, 2, 5])];
    Network { stem_filters: 4, stages, features: 5 }
}

fn parameters(network: &Network, random: &mut Random) -> Tensors {
    let mut names: Vec<_> = network.parameters().into_iter().collect();
    names.sort();
    let value = |(name, count): (String, usize)| {
        let values =
            if name.ends_with("gamma") { random.uniform(count, 0.5, 2.5) } else { random.normal(count, 0.5) };
        (name, widen(&values))
    };
    names.into_iter().map(value).collect()
}

#[test]
fn published_network_has_its_published_size() {
    let stages = [
        [1, 16, 1, 1, 3],
        [6, 24, 2, 2, 3],
        [6, 40, 2, 2, 5],
        [6, 80, 3, 2, 3],
        [6, 112, 3, 1, 5],
        [6, 192, 4, 2, 5],
        [6, 320, 1, 1, 3],
    ];
    let lite0 = Network { stem_filters: 32, stages: stages.map(stage).to_vec(), features: 1_280 };
    let classifier = 1_280 * 1_000 + 1_000;
    assert_eq!(lite0.parameters().values().sum::<usize>() + classifier, 4_652_008);
    assert_eq!(lite0.norms().len(), 49);
}

#[test]
fn gradients_are_the_central_differences() {
    let network = network();
    let mut random = Random::new(23);
    let p = parameters(&network, &mut random);
    let image = Map::new([6, 9, 8, 3], widen(&random.uniform(6 * 216, -1.0, 1.0)));
    let forward = network.forward(&p, &image, 2);
    let d_embedding = widen(&random.normal(forward.embedding.len(), 1.0));
    let d = network.backward(&p, &forward, &d_embedding);
    let mut names: Vec<_> = p.keys().collect();
    names.sort();
    assert_eq!(d.len(), names.len());
    for name in names {
        let indices = random.indices(5, p[name].len());
        let mut moved = p.clone();
        let differences = central(&p[name], &indices, 1e-6, |v| {
            moved.insert(name.clone(), v.to_vec());
            dot(&network.forward(&moved, &image, 2).embedding, &d_embedding)
        });
        let found = pick(&d[name], &indices);
        // A shift before a 1x1 convolution and a batch norm changes nothing: the differences are compared with one.
        let scaled: Vec<f64> = found.iter().zip(&differences).map(|(f, d)| 1.0 + f - d).collect();
        assert_close_wide(name, &scaled, &vec![1.0; scaled.len()], 1e-6);
    }
}

#[test]
fn inference_with_a_batchs_own_statistics_is_training() {
    let network = network();
    let mut random = Random::new(7);
    let p = parameters(&network, &mut random);
    let image = Map::new([3, 8, 9, 3], widen(&random.uniform(3 * 216, -1.0, 1.0)));
    let f = network.forward(&p, &image, 1);
    let known: HashMap<String, Moments> = f.moments.iter().map(|(k, v)| (k.clone(), v[0].clone())).collect();
    assert_eq!(known.len(), network.norms().len());
    assert_close_wide("embedding", &network.inference(&p, &known, &image), &f.embedding, 1e-12);
}
