//! The weights that a run starts from: those of a pretrained network, with timm's names, or a checkpoint of this program
//! whose heads are replaced. A file that does not fit the run's network is refused, whatever it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use xxhash_rust::xxh3::xxh3_128;

use super::checkpoint::{FORMAT, damage, header_of};
use super::checkpoint_data::{check_content, check_weights};
use super::config::Config;
use super::error::TrainError;
use super::init_source::InitSource;
use super::run_folder::RunFolder;
use crate::data::{counted, data_folder, shown_name};
use crate::disk;
use crate::nn::{Architecture, Network, Parameter, initial_values};

/// The first weights of a run, as logical tensors in its network's order.
#[derive(Clone, Debug, PartialEq)]
pub struct InitialWeights {
    pub source: InitSource,
    pub weights: Vec<Vec<f32>>,
    pub statistics: Vec<Vec<f32>>,
    /// Which tensors were taken, which are new and which were left out, in one line.
    pub notice: String,
}

/// A tensor of the file for a tensor of the network.
struct Expected<'a> {
    name: String,
    parameter: &'a Parameter,
    shape: Vec<usize>,
    order: Order,
}

/// How the file stores a tensor of the network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Same,
    /// A convolution's kernel `[out, in, height, width]`; ours is `[height, width, in, out]`.
    Oihw,
    /// A depthwise convolution's kernel `[channels, 1, height, width]`; ours is `[height, width, channels, 1]`.
    Depthwise,
}

/// Tensors of a pretrained network that have no place in a run.
fn is_left_out(name: &str) -> bool {
    name.starts_with("classifier.")
}

/// Whether `init` is a name of weights, which another machine may have too, and not a path.
pub fn is_name_of_weights(init: &str) -> bool {
    !init.is_empty() && !init.contains(['/', '\\'])
}

/// Whether a file is meant as weights by its name. Those of PyTorch are refused with the way to convert them.
pub fn is_weights_file(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| ["safetensors", "pth", "pt"].contains(&extension.as_str()))
}

/// The file that `init` names: a path, a run's folder, or the name of weights in the user's data folder.
///
/// # Errors
/// [`TrainError::NoInit`] if there is none.
pub fn init_file(init: &str) -> Result<PathBuf, TrainError> {
    let path = PathBuf::from(init);
    if disk::is_folder(&path) {
        return Ok(RunFolder::new(path).model());
    }
    if disk::exists(&path) {
        return Ok(path);
    }
    let folder = data_folder().filter(|_| is_name_of_weights(init));
    let named = folder.map(|folder| folder.join(format!("{init}.safetensors")));
    match named {
        Some(path) if disk::exists(&path) => Ok(path),
        named => Err(TrainError::NoInit {
            found: shown_name(init).to_string(),
            other: match named {
                Some(_) if cfg!(target_arch = "wasm32") => {
                    " and for one beside the page; drop it on the page".to_owned()
                }
                named => named.map(|path| format!(" and for {}", path.display())).unwrap_or_default(),
            },
        }),
    }
}

impl InitialWeights {
    /// Reads the file that the configuration's `init` names; `None` without one.
    ///
    /// # Errors
    /// [`TrainError::NoInit`] or [`TrainError::File`] if there is no file or it cannot be read, otherwise as
    /// [`InitialWeights::parse`].
    pub fn read(config: &Config, network: &Network) -> Result<Option<Self>, TrainError> {
        let Some(init) = &config.init else { return Ok(None) };
        let path = init_file(init)?;
        let bytes = disk::read(&path).map_err(TrainError::file(&path, "reading it"))?;
        Self::parse(&path, &bytes, config, network).map(Some)
    }

    /// Weights of a file's content for a run's network; heads are new, from the run's seed. `path` is for messages.
    ///
    /// # Errors
    /// [`TrainError::Init`] if the content is not safetensors, is damaged, or has other tensors than the network: the message
    /// names the first by name and shape.
    pub fn parse(path: &Path, bytes: &[u8], config: &Config, network: &Network) -> Result<Self, TrainError> {
        let refused = |reason: String| TrainError::Init { path: path.to_owned(), reason };
        let file = SafeTensors::deserialize(bytes)
            .map_err(|e| refused(other_format(bytes).unwrap_or_else(|| damage(bytes, &e))))?;
        let metadata = SafeTensors::read_metadata(bytes).ok().and_then(|(_, all)| all.metadata().clone());
        let is_checkpoint =
            metadata.and_then(|all| all.get("format").cloned()).is_some_and(|format| format == FORMAT);
        let (expected, others) = if is_checkpoint {
            let (saved, header) = header_of(path, bytes)?;
            let depths = [header.image[2], network.channels];
            let of_checkpoint = of_checkpoint(network);
            let fits = check_depths(depths)
                .and_then(|()| {
                    check_names(&file, &of_checkpoint, &config.network, |name| {
                        !name.starts_with("ema.") && !name.starts_with("bn.") || is_head(name, "ema.")
                    })
                })
                .and_then(|()| check_content(bytes, &file));
            fits.map_err(|reason| {
                let [side, ..] = header.image;
                let advice = match saved.network == config.network && side != network.height {
                    true => format!(
                        "; its images have {side}x{side} pixels and those of this run {own}x{own}: set image_size to {side}",
                        own = network.height
                    ),
                    false => String::new(),
                };
                refused(format!("it is a checkpoint of the network '{}': {reason}{advice}", saved.network))
            })?;
            (of_checkpoint, vec!["its heads".to_owned()])
        } else {
            if !matches!(config.architecture()?, Architecture::EfficientNetLite(_)) {
                return Err(refused(format!(
                    "it is not a checkpoint of this program, and only those fit the network '{}': set network to \
                     'efficientnet-lite0', or give a checkpoint",
                    config.network
                )));
            }
            let of_timm = of_timm(network);
            check_names(&file, &of_timm, &config.network, |name| {
                is_left_out(name) || name.ends_with(".num_batches_tracked")
            })
            .map_err(refused)?;
            let left: Vec<String> =
                file.names().into_iter().filter(|name| is_left_out(name)).map(str::to_owned).collect();
            (of_timm, left)
        };
        let values = |of: &Expected<'_>| read_values(&file, of).map_err(refused);
        let mut weights = initial_values(&network.parameters, config.seed);
        let parameters = network.backbone_parameters().len();
        for (to, of) in weights.iter_mut().zip(&expected[..parameters]) {
            *to = values(of)?;
        }
        let taken = expected[..parameters].iter().zip(&weights);
        check_weights(taken.map(|(of, values)| (of.name.clone(), &of.parameter.shape[..], &values[..])))
            .map_err(refused)?;
        let statistics: Vec<_> = expected[parameters..].iter().map(values).collect::<Result<_, _>>()?;
        let name = config.init.clone().unwrap_or_else(|| path.to_string_lossy().into_owned());
        let source = InitSource { name, hash: format!("{:032x}", xxh3_128(bytes)) };
        let new: Vec<_> = network.parameters.list[parameters..].iter().map(|p| p.name.as_str()).collect();
        let mut left = others;
        left.sort_unstable();
        let left = if left.is_empty() { String::new() } else { format!("; left out: {}", left.join(", ")) };
        let notice = format!(
            "the run starts from {}: {} and {} are taken, new: {}{left}",
            shown_name(&source.name),
            counted(parameters, "tensor of weights", "tensors of weights"),
            counted(statistics.len(), "of batch norm's statistics", "of batch norm's statistics"),
            new.join(", "),
        );
        Ok(Self { source, weights, statistics, notice })
    }
}

/// What bytes are that a person may take for weights, and how they become such.
fn other_format(bytes: &[u8]) -> Option<String> {
    let is_pickle = bytes.len() > 2 && bytes[0] == 0x80 && (2..=5).contains(&bytes[1]);
    if is_pickle || bytes.starts_with(b"PK\x03\x04") {
        return Some(
            "it is a PyTorch file (.pth), which is a program and is not read: scripts/fetch_backbone.py --pth converts that \
             of EfficientNet-Lite0; save another one with safetensors.torch.save_file(model.state_dict(), ...)"
                .to_owned(),
        );
    }
    bytes.starts_with(b"\x89HDF").then(|| "it is an HDF5 file, safetensors are expected".to_owned())
}

fn is_head(name: &str, group: &str) -> bool {
    let name = name.strip_prefix(group).unwrap_or(name);
    name.starts_with("classify.") || name.starts_with("rotation.")
}

/// The tensors of a checkpoint: EMA weights and statistics, with our names and shapes.
fn of_checkpoint(network: &Network) -> Vec<Expected<'_>> {
    fn expected<'a>(group: &str, parameter: &'a Parameter) -> Expected<'a> {
        let Parameter { name, shape, .. } = parameter;
        Expected { name: format!("{group}.{name}"), shape: shape.clone(), order: Order::Same, parameter }
    }
    let weights = network.backbone_parameters().iter().map(|p| expected("ema", p));
    weights.chain(network.statistics.list.iter().map(|p| expected("bn", p))).collect()
}

/// The tensors that timm stores for an EfficientNet: layers have the same names, their tensors PyTorch's.
fn of_timm(network: &Network) -> Vec<Expected<'_>> {
    fn expected(parameter: &Parameter) -> Expected<'_> {
        let Parameter { name, shape, .. } = parameter;
        let (layer, tensor) = name.rsplit_once('.').unwrap_or(("", name));
        let theirs = match tensor {
            "kernel" | "gamma" => "weight",
            "beta" => "bias",
            "mean" => "running_mean",
            "variance" => "running_var",
            other => other,
        };
        let (shape, order) = match shape[..] {
            [height, width, channels, 1] => (vec![channels, 1, height, width], Order::Depthwise),
            [height, width, inputs, outputs] => (vec![outputs, inputs, height, width], Order::Oihw),
            _ => (shape.clone(), Order::Same),
        };
        Expected { name: format!("{layer}.{theirs}"), parameter, shape, order }
    }
    network.backbone_parameters().iter().chain(&network.statistics.list).map(expected).collect()
}

fn check_depths([found, expected]: [usize; 2]) -> Result<(), String> {
    let colour = |channels| if channels == 1 { "grey" } else { "RGB" };
    match found == expected {
        true => Ok(()),
        false => Err(format!("it reads {} images, this run has {} ones", colour(found), colour(expected))),
    }
}

/// Whether a file has exactly the expected tensors, but for those that are `ignored`.
fn check_names(
    file: &SafeTensors<'_>,
    expected: &[Expected<'_>],
    network: &str,
    ignored: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let found: BTreeSet<&str> = file.names().into_iter().filter(|name| !ignored(name)).collect();
    let names: BTreeSet<&str> = expected.iter().map(|of| of.name.as_str()).collect();
    let first = |of: &BTreeSet<&str>, other: &BTreeSet<&str>| {
        let mut rest = of.difference(other);
        let name = rest.next()?;
        let more = match rest.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("'{}'{more}", shown_name(name)))
    };
    match (first(&names, &found), first(&found, &names)) {
        (None, None) => Ok(()),
        (Some(missing), None) => Err(format!("it lacks {missing} of the tensors of '{network}'")),
        (None, Some(extra)) => Err(format!("it has {extra}, which '{network}' does not have")),
        (Some(missing), Some(extra)) => {
            Err(format!("it has the tensors of another network than '{network}': {extra}, and not {missing}"))
        }
    }
}

/// The values of a tensor in our order.
fn read_values(file: &SafeTensors<'_>, of: &Expected<'_>) -> Result<Vec<f32>, String> {
    let Expected { name, shape, .. } = of;
    let view: TensorView<'_> = file.tensor(name).map_err(|error| error.to_string())?;
    if view.shape() != shape {
        if let ([_, found, ..], [_, expected, ..], Order::Oihw) = (view.shape(), &shape[..], of.order)
            && found != expected
            && *expected <= 3
        {
            return Err(format!(
                "'{name}' is {:?}, {shape:?} is expected: it reads images with {}, this run has {expected}",
                view.shape(),
                counted(*found, "channel", "channels"),
            ));
        }
        return Err(format!("'{name}' is {:?}, {shape:?} is expected", view.shape()));
    }
    if view.dtype() != Dtype::F32 {
        return Err(format!("'{name}' is {:?}, F32 is expected: convert the file", view.dtype()));
    }
    let values: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
    if values.iter().any(|value| !value.is_finite()) {
        return Err(format!("'{name}' has a value that is NaN or infinite"));
    }
    if of.parameter.name.ends_with(".variance") && values.iter().any(|value| *value < 0.0) {
        return Err(format!("'{name}' has a negative variance"));
    }
    Ok(match of.order {
        Order::Same => values,
        Order::Oihw | Order::Depthwise => transposed(&values, shape),
    })
}

/// `[a, b, height, width]` as `[height, width, b, a]`, or as `[height, width, a, 1]` where b is 1: the same order of values.
fn transposed(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let [a, b, height, width] = shape[..] else { return values.to_vec() };
    let mut to = Vec::with_capacity(values.len());
    for tap in 0..height * width {
        for second in 0..b {
            to.extend((0..a).map(|first| values[(first * b + second) * height * width + tap]));
        }
    }
    to
}
