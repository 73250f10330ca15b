//! Files of first weights: what is taken, and one clear line for everything that does not fit.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use pollster::block_on;
use remixmatch::nn::{Architecture, ConvTiling, EfficientNetLite, LiteStage, Network};
use remixmatch::train::{Capture, Config, InitialWeights, TrainError, Trainer, preset};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::small::{config, gpu, images, small_remixmatch};

/// A tensor of a file: type, shape and content.
type Stored = (Dtype, Vec<usize>, Vec<u8>);
/// The tensors of a file by name.
type Tensors = HashMap<String, Stored>;

fn lite_config() -> Config {
    let mut config = preset("digits", None).expect("a preset").config;
    config.network = "efficientnet-lite0".into();
    config
}

/// Two stages instead of seven.
fn small_lite() -> Network {
    let stage = |expand, filters, kernel| LiteStage { expand, filters, repeat: 1, stride: 1, kernel };
    let stages = vec![stage(1, 16, 3), stage(2, 16, 5)];
    let settings = EfficientNetLite { stem_filters: 8, stages, features: 24 };
    let architecture = Architecture::EfficientNetLite(settings);
    Network::new(&architecture, [8, 8, 3], 2, ConvTiling::REGISTER).expect("a network")
}

fn floats(shape: &[usize], value: impl Fn(usize) -> f32) -> Stored {
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    (Dtype::F32, shape.to_vec(), bytemuck::cast_slice(&values).to_vec())
}

/// The file that timm would write for [`small_lite`]; values are the positions in the tensor.
fn timm() -> Tensors {
    let mut tensors = Tensors::new();
    let mut norm = |name: &str, channels: usize| {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            tensors.insert(format!("{name}.{part}"), floats(&[channels], |i| i as f32));
        }
        tensors.insert(format!("{name}.num_batches_tracked"), (Dtype::I64, Vec::new(), vec![0; 8]));
    };
    for (name, channels) in [("bn1", 8), ("bn2", 24), ("blocks.0.0.bn1", 8), ("blocks.0.0.bn2", 16)] {
        norm(name, channels);
    }
    for (name, channels) in [("blocks.1.0.bn1", 32), ("blocks.1.0.bn2", 32), ("blocks.1.0.bn3", 16)] {
        norm(name, channels);
    }
    let kernels = [
        ("conv_stem", [8, 3, 3, 3]),
        ("blocks.0.0.conv_dw", [8, 1, 3, 3]),
        ("blocks.0.0.conv_pw", [16, 8, 1, 1]),
        ("blocks.1.0.conv_pw", [32, 16, 1, 1]),
        ("blocks.1.0.conv_dw", [32, 1, 5, 5]),
        ("blocks.1.0.conv_pwl", [16, 32, 1, 1]),
        ("conv_head", [24, 16, 1, 1]),
    ];
    for (name, shape) in kernels {
        tensors.insert(format!("{name}.weight"), floats(&shape, |i| i as f32));
    }
    tensors.insert("classifier.weight".into(), floats(&[1000, 24], |_| 0.0));
    tensors.insert("classifier.bias".into(), floats(&[1000], |_| 0.0));
    tensors
}

fn bytes(tensors: &Tensors) -> Vec<u8> {
    let view = |(dtype, shape, content): &'_ Stored| (*dtype, shape.clone(), content.clone());
    let owned: Vec<_> = tensors.iter().map(|(name, stored)| (name, view(stored))).collect();
    let views = owned.iter().map(|(name, (dtype, shape, content))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), content).expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("safetensors")
}

fn parse(content: &[u8], config: &Config, network: &Network) -> Result<InitialWeights, TrainError> {
    InitialWeights::parse(Path::new("given.safetensors"), content, config, network)
}

#[test]
fn timm_kernels_arrive_in_our_order() {
    let network = small_lite();
    let config = lite_config();
    let found = parse(&bytes(&timm()), &config, &network).expect("weights");
    let named = |name: &str| {
        let place = network.parameters.list.iter().position(|p| p.name == name).expect("a parameter");
        &found.weights[place]
    };
    // OIHW to HWIO: value (o, i, h, w) is ((o * 3 + i) * 3 + h) * 3 + w.
    let stem = named("conv_stem.kernel");
    for (h, w, i, o) in [(0, 0, 0, 0), (2, 1, 1, 5), (0, 2, 2, 7)] {
        assert_eq!(stem[((h * 3 + w) * 3 + i) * 8 + o], (((o * 3 + i) * 3 + h) * 3 + w) as f32);
    }
    // [channels, 1, k, k] to [k, k, channels, 1].
    let depthwise = named("blocks.1.0.conv_dw.kernel");
    for (h, w, c) in [(0, 0, 3), (4, 2, 31), (1, 3, 0)] {
        assert_eq!(depthwise[(h * 5 + w) * 32 + c], ((c * 5 + h) * 5 + w) as f32);
    }
    let counting = |count: usize| (0..count).map(|i| i as f32).collect::<Vec<_>>();
    assert_eq!(*named("bn2.gamma"), counting(24));
    let variance = network.statistics.list.iter().position(|p| p.name == "blocks.1.0.bn3.variance");
    assert_eq!(found.statistics[variance.expect("a statistic")], counting(16));
    let fresh = remixmatch::nn::initial_values(&network.parameters, config.seed);
    assert_eq!(found.weights[found.weights.len() - 4..], fresh[fresh.len() - 4..], "heads are new");
    for part in ["21 tensors of weights", "new: classify.kernel", "left out: classifier.bias"] {
        assert!(found.notice.contains(part), "{}", found.notice);
    }
}

#[test]
fn files_name_their_network() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("given.safetensors");
    let before = preset("paper-stl10", None).expect("a preset").config;
    let network = |init: &Path| {
        let init = Some(init.to_string_lossy().into_owned());
        let mut config = Config { init, ..before.clone() };
        let notice = config.take_network_of_init().expect("a file");
        assert_eq!(notice.is_some(), config.network != before.network);
        (config.network, config.scales)
    };
    let another = Tensors::from([("layer1.0.conv1.weight".to_owned(), floats(&[2], |_| 0.0))]);
    for (content, expected) in [
        (bytes(&timm()), ("efficientnet-lite0", None)),
        (bytes(&another), (&*before.network, before.scales)),
        (b"weights".to_vec(), (&*before.network, before.scales)),
    ] {
        std::fs::write(&path, content).expect("a file");
        let (name, scales) = network(&path);
        assert_eq!((&*name, scales), expected);
    }
    let mut trainer =
        Trainer::new(gpu(), config(small_remixmatch()), images(2, 40), Capture::State).expect("a trainer");
    block_on(trainer.save(&path)).expect("a checkpoint");
    assert_eq!(network(&path), ("wrn-10-1".into(), None));
    let missing = folder.path().join("missing.safetensors");
    let init = Some(missing.to_string_lossy().into_owned());
    let error = Config { init, ..before }.take_network_of_init().expect_err("no file").to_string();
    assert!(error.contains("no weights are named"), "{error}");
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let (network, config) = (small_lite(), lite_config());
    let changed = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = timm();
        change(&mut tensors);
        bytes(&tensors)
    };
    let whole = bytes(&timm());
    let put = |name: &str, shape: &[usize], value: f32| {
        let (name, stored) = (name.to_owned(), floats(shape, |_| value));
        changed(&move |tensors| drop(tensors.insert(name.clone(), stored.clone())))
    };
    let constant = |value: &dyn Fn(&str) -> f32, biases: bool| {
        changed(&|tensors| {
            for (name, stored) in tensors.iter_mut() {
                if stored.0 == Dtype::F32 && (stored.1.len() > 1 || !biases) {
                    *stored = floats(&stored.1, |_| value(name));
                }
            }
        })
    };
    let another = Tensors::from([("layer1.0.conv1.weight".to_owned(), floats(&[2], |_| 0.0))]);
    let half: Stored = (Dtype::F16, vec![24], vec![0; 48]);
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("nothing", Vec::new(), &["it is empty"]),
        ("text", b"weights".to_vec(), &["it is a text file"]),
        ("a legacy .pth", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9".to_vec(), &["PyTorch", "fetch_backbone.py"]),
        ("a zipped .pth", b"PK\x03\x04rest".to_vec(), &["PyTorch", "save_file"]),
        ("HDF5", b"\x89HDF\r\n".to_vec(), &["HDF5"]),
        ("half a file", whole[..whole.len() / 2].to_vec(), &["cut off"]),
        ("another network", bytes(&another), &["another network", "layer1.0.conv1.weight", "bn1.bias"]),
        (
            "a missing tensor",
            changed(&|tensors| drop(tensors.remove("conv_head.weight"))),
            &["lacks 'conv_head.weight'"],
        ),
        (
            "an extra tensor",
            put("blocks.2.0.conv_pw.weight", &[1], 0.0),
            &["it has 'blocks.2.0.conv_pw.weight'"],
        ),
        (
            "another shape",
            put("conv_head.weight", &[32, 16, 1, 1], 0.0),
            &["'conv_head.weight' is [32, 16, 1, 1], [24, 16, 1, 1] is expected"],
        ),
        ("grey input", put("conv_stem.weight", &[8, 1, 3, 3], 0.0), &["1 channel", "this run has 3"]),
        (
            "f16",
            changed(&|tensors| drop(tensors.insert("bn2.weight".into(), half.clone()))),
            &["'bn2.weight' is F16", "F32"],
        ),
        ("NaN", put("bn2.bias", &[24], f32::NAN), &["'bn2.bias'", "NaN or infinite"]),
        ("infinity", put("bn2.bias", &[24], f32::INFINITY), &["'bn2.bias'", "NaN or infinite"]),
        ("zeros", constant(&|_| 0.0, false), &["all its kernels are constant", "is 0 throughout", "wiped"]),
        ("one value", constant(&|_| 0.5, false), &["all its kernels are constant", "is 0.5 throughout"]),
        ("a value for each", constant(&|name| name.len() as f32, false), &["all its kernels are constant"]),
        ("kernels of zeros", constant(&|_| 0.0, true), &["all its kernels are constant"]),
        ("a negative variance", put("bn2.running_var", &[24], -1.0), &["'bn2.running_var'", "negative"]),
    ];
    for (name, content, parts) in cases {
        let error = parse(&content, &config, &network).expect_err(name).to_string();
        assert!(error.starts_with("a run cannot start from given.safetensors: "), "{name}: {error}");
        assert!(!error.contains('\n'), "{name}: {error}");
        for part in parts {
            assert!(error.contains(part), "{name}: expected {part} in {error}");
        }
    }
    let wide = Config { network: "wrn-10-1".into(), ..config };
    let error = parse(&whole, &wide, &network).expect_err("no checkpoint").to_string();
    assert!(error.contains("set network to 'efficientnet-lite0'"), "{error}");
}

#[test]
fn checkpoint_starts_a_run_with_other_classes() {
    let gpu = gpu();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let mut first = Trainer::new(Arc::clone(&gpu), config(small_remixmatch()), images(2, 40), Capture::State)
        .expect("a trainer");
    for _ in 0..2 {
        block_on(first.step()).expect("a step");
    }
    block_on(first.save(&path)).expect("a checkpoint");
    let saved = block_on(first.checkpoint()).expect("a checkpoint");
    let init = Some(path.to_string_lossy().into_owned());
    let begin = Config { init: init.clone(), labels: 6, ..config(small_remixmatch()) };
    let start =
        |config: &Config| Trainer::new(Arc::clone(&gpu), config.clone(), images(3, 60), Capture::State);
    let mut second = start(&begin).expect("a trainer");
    let started = block_on(second.checkpoint()).expect("a checkpoint");
    let taken = second.engine.network.backbone_parameters().len();
    assert_eq!(started.weights[..taken], saved.ema[..taken]);
    assert_eq!(started.ema, started.weights, "the EMA starts from the same weights");
    assert_eq!(started.statistics, saved.statistics);
    assert_eq!(
        started.weights[taken].len(),
        second.engine.network.features * 3,
        "the class head has the new classes"
    );
    assert!(
        second.notices.iter().any(|notice| notice.contains("new: classify.kernel")),
        "{:?}",
        second.notices
    );

    // The checkpoint is enough to go on: the file may be gone.
    let own = folder.path().join("second.safetensors");
    block_on(second.save(&own)).expect("a checkpoint");
    std::fs::remove_file(&path).expect("the file");
    let resume = |config: &Config| {
        Trainer::resume(Arc::clone(&gpu), config.clone(), images(3, 60), &own, Capture::State)
    };
    let resumed = resume(&begin).expect("a resumed trainer");
    assert_eq!(resumed.init, second.init);
    let source = resumed.init.expect("where the weights came from");
    assert_eq!((Some(source.name), source.hash.len()), (init, 32));

    for (config, part) in [
        (Config { init: None, ..begin.clone() }, "started with init = '"),
        (Config { init: Some("other".into()), ..begin.clone() }, "the configuration has 'other'"),
        (Config { freeze: "stem".parse().unwrap(), ..begin.clone() }, "freeze = 'none'"),
    ] {
        let error = resume(&config).err().expect("another start").to_string();
        assert!(error.contains(part), "{error}");
    }
    for (config, part) in [
        (
            Config { init: Some("no-such-weights".into()), ..begin.clone() },
            "no weights are named 'no-such-weights'",
        ),
        (
            Config { init: None, freeze: "all".parse().unwrap(), ..begin.clone() },
            "freeze is 'all', it must be 'none'",
        ),
    ] {
        let error = start(&config).err().expect("no start").to_string();
        assert!(error.contains(part), "{error}");
    }
    std::fs::copy(&own, &path).expect("a copy");
    for (config, part) in [
        (
            Config { network: "wrn-16-1".into(), ..begin.clone() },
            "a checkpoint of the network 'wrn-10-1': it lacks",
        ),
        (
            Config { network: "efficientnet-lite0".into(), ..begin.clone() },
            "it reads grey images, this run has RGB",
        ),
        (Config { freeze: "scale9".parse().unwrap(), ..begin.clone() }, "choose none, stem, scale0 or all"),
    ] {
        let error = start(&config).err().expect("no start").to_string();
        assert!(error.contains(part), "{error}");
    }
    let mut larger = (*images(3, 60)).clone();
    let own_side = larger.train.width;
    for images in [&mut larger.train, &mut larger.test] {
        *images = std::mem::take(images).fitted(32, 1);
    }
    let error = Trainer::new(Arc::clone(&gpu), begin.clone(), Arc::new(larger), Capture::State).err();
    let error = error.expect("another size").to_string();
    assert!(error.contains(&format!("set image_size to {own_side}")), "{error}");

    let mut damaged = std::fs::read(&own).expect("a file");
    let last = damaged.len() - 5;
    damaged[last] ^= 1;
    std::fs::write(&path, &damaged).expect("a file");
    let error = start(&begin).err().expect("a damaged file").to_string();
    assert!(error.contains("does not match its checksum"), "{error}");
}
