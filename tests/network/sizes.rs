//! Shapes and sizes of the Wide ResNet and of EfficientNet-Lite0.

use std::collections::HashSet;

use remixmatch::nn::{Architecture, ConvTiling, Network, NetworkError, WideResNet};

const ROTATION: fn(usize) -> usize = |features| features * 4 + 4;

fn network(name: &str, scales: Option<usize>, image: [usize; 3], classes: usize) -> Network {
    let architecture = Architecture::named(name).unwrap().with_scales(scales).unwrap();
    Network::new(&architecture, image, classes, ConvTiling::REGISTER).unwrap()
}

#[test]
fn parameter_counts_match_the_reference() {
    let cases = [
        ("wrn-28-2", None, [32, 32, 3], 10, 1_469_642, 128),
        ("wrn-28-2", None, [32, 32, 3], 100, 1_481_252, 128),
        ("wrn-28-8", None, [32, 32, 3], 100, 23_409_092, 512),
        ("wrn-28-2", Some(4), [96, 96, 3], 10, 5_933_770, 256),
    ];
    for (name, scales, image, classes, count, features) in cases {
        let n = network(name, scales, image, classes);
        assert_eq!(n.features, features, "features of {name}");
        assert_eq!(
            n.parameters.count(),
            count + ROTATION(features),
            "{name} for {classes} classes at {image:?}"
        );
    }
    assert_eq!((ROTATION(128), ROTATION(256)), (516, 1_028));
}

#[test]
fn macs_match_the_reference() {
    let millions = |n: Network| n.macs() as f64 / 1e6;
    assert!((millions(network("wrn-28-2", None, [32, 32, 3], 10)) - 214.35).abs() < 0.005);
    assert!((millions(network("wrn-28-8", None, [32, 32, 3], 100)) / 1e3 - 3.36).abs() < 0.005);
    assert!((millions(network("wrn-28-2", Some(4), [96, 96, 3], 10)) / 1e3 - 2.57).abs() < 0.005);
}

#[test]
fn scales_depend_on_the_image_width() {
    let a = WideResNet::named("wrn-28-2").unwrap();
    let scales: Vec<_> = [8, 9, 16, 17, 28, 32, 64, 96].iter().map(|w| a.scales_for(*w)).collect();
    assert_eq!(scales, [1, 2, 2, 3, 3, 3, 3, 3]);
}

/// Only kernels decay, the rotation head's too; every tensor starts where a binding may start.
#[test]
fn packed_parameters_are_aligned_and_complete() {
    let n = network("wrn-28-2", None, [32, 32, 3], 10);
    let p = &n.parameters;
    assert_eq!(p.list.iter().map(|p| &p.name).collect::<HashSet<_>>().len(), p.list.len());
    let blocks = p.decay_blocks();
    assert_eq!(blocks.len() * 64, p.words());
    for (i, one) in p.list.iter().enumerate() {
        assert_eq!(one.decay, one.name.ends_with(".kernel"), "{}", one.name);
        assert_eq!(one.offset % 64, 0, "{}", one.name);
        let next = p.list.get(i + 1).map_or(p.words(), |next| next.offset);
        assert!(one.offset + one.words <= next, "{} runs into the next", one.name);
        let flags = &blocks[one.offset / 64..next / 64];
        assert!(flags.iter().all(|f| *f == u32::from(one.decay)), "decay flags of {}", one.name);
    }
    assert!(p.find("rotation.kernel").is_some_and(|k| k.decay));
    let logical: Vec<Vec<f32>> =
        p.list.iter().map(|one| (0..one.elements()).map(|i| (i % 251) as f32 + 1.0).collect()).collect();
    let packed = p.pack(logical.iter().map(Vec::as_slice));
    assert_eq!(p.unpack(&packed), logical);
    let stem = p.find("stem.kernel").unwrap();
    let stored = &packed[stem.offset..stem.offset + stem.words];
    assert_eq!(stored.len(), 9 * 4 * 16);
    assert!(stored.chunks_exact(4 * 16).all(|tap| tap[3 * 16..].iter().all(|w| *w == 0.0)));
}

/// The published numbers: 4,652,008 parameters with a head of 1,000 classes, and 407 M operations at 224 pixels, which count
/// multiplications alone.
#[test]
fn lite0_has_the_published_size() {
    let n = network("efficientnet-lite0", None, [224, 224, 3], 1_000);
    assert_eq!(n.features, 1_280);
    assert_eq!(n.parameters.count(), 4_652_008 + ROTATION(1_280));
    assert_eq!(n.statistics.count(), 2 * 21_008);
    assert!((380..420).contains(&(n.macs() / 1_000_000)), "{} MACs", n.macs());
    assert_eq!(network("efficientnet-lite0", None, [64, 96, 1], 2).channels, 3, "grey images");
}

#[test]
fn lite0_takes_8_to_224_pixels() {
    let lite = Architecture::named("efficientnet-lite0").unwrap();
    let build = |size: usize| Network::new(&lite, [size, size, 3], 10, ConvTiling::REGISTER);
    assert!(build(8).is_ok() && build(224).is_ok());
    for size in [7, 225] {
        let expected = NetworkError::ImageSize { height: size, width: size, largest: 224 };
        assert_eq!(build(size).unwrap_err(), expected);
    }
    let error = lite.with_scales(Some(3)).unwrap_err().to_string();
    assert!(error.contains("scales is 3"), "{error}");
}

#[test]
fn invalid_networks_are_named_errors() {
    assert!(Architecture::named("wrn-3-1").unwrap_err().to_string().contains("'wrn-3-1'"));
    let good = WideResNet::named("wrn-10-1").unwrap();
    let refuse = |a: WideResNet, size: usize| {
        Network::new(&Architecture::WideResNet(a), [size, size, 3], 10, ConvTiling::REGISTER).unwrap_err()
    };
    assert_eq!(refuse(good.clone(), 7), NetworkError::ImageSize { height: 7, width: 7, largest: 96 });
    assert_eq!(refuse(good.clone(), 97), NetworkError::ImageSize { height: 97, width: 97, largest: 96 });
    let fields = [
        (WideResNet { filters: 12, ..good.clone() }, "filters is 12"),
        (WideResNet { stem_filters: 0, ..good.clone() }, "stem_filters is 0"),
        (WideResNet { stem_stride: 3, ..good.clone() }, "stem_stride is 3"),
        (WideResNet { repeat: 0, ..good.clone() }, "repeat is 0"),
        (WideResNet { scales: Some(6), ..good }, "scales is 6"),
    ];
    for (architecture, words) in fields {
        let text = refuse(architecture, 32).to_string();
        assert!(text.contains(words), "'{text}' lacks '{words}'");
    }
}
