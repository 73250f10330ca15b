//! Checkpoints: one safetensors file with everything that a run is resumed from, and a model is used from.

use std::path::Path;

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};

use super::checkpoint_data::{check_content, check_weights, checksum, read_fingerprint, write_fingerprint};
use super::config::Config;
use super::error::TrainError;
use super::files::TensorFile;
use super::fingerprint::{DataFacts, Fingerprint};
use super::init_source::InitSource;
use super::precision::Precision;
use super::statistics::Window;
use crate::augment::{DEPTH, OpDraw};
use crate::data::{DataSet, SIDES, SourceKind, counted, listed_name};
use crate::disk;
use crate::nn::{Network, ParameterSet};
use crate::optim::StateTensor;

/// Version of the layout, under `format` in the metadata.
pub(super) const FORMAT: &str = "remixmatch-1";

/// A probe whose match has arrived but is not yet due to move the policy's bins.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingProbe {
    pub step: u64,
    pub ops: Vec<[OpDraw; DEPTH]>,
    pub matches: Vec<f32>,
}

/// The small facts of a checkpoint, as JSON in its metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Height, width, channels.
    pub image: [usize; 3],
    pub classes: Vec<String>,
    /// Steps done.
    pub step: u64,
    pub seconds: f64,
    pub(super) window: Window,
    pending_steps: Vec<u64>,
    /// Facts of the fingerprint; version 0.1 recorded none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataFacts>,
    /// Where the first weights came from; `None` if they were random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitSource>,
    /// What the run has reported; earlier versions did not record it.
    #[serde(default)]
    pub reported: Reported,
}

/// What a checkpoint says of the reports of its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Step and seconds of the last report. No other run has taken the same time, so that they tell its reports from
    /// those of a run with the same settings.
    pub last: Option<(u64, f64)>,
    /// [`Report::test_set`](super::Report::test_set) of the next report.
    pub test_set: u64,
}

/// A run's whole state. Parameters are logical tensors, in the network's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub config: Config,
    pub header: Header,
    /// The images of the run; `None` in a checkpoint of version 0.1.
    pub fingerprint: Option<Fingerprint>,
    pub weights: Vec<Vec<f32>>,
    pub ema: Vec<Vec<f32>>,
    /// One element per state tensor of the configuration's optimiser, each like `weights` without the frozen ones.
    pub optimiser: Vec<Vec<Vec<f32>>>,
    /// Moving means and variances.
    pub statistics: Vec<Vec<f32>>,
    /// `[128, classes]`
    pub history: Vec<f32>,
    pub label_distribution: Vec<f32>,
    /// CTAugment's rates; empty for other policies.
    pub rates: Vec<f32>,
    /// The loss scale and the steps since it changed, with mixed precision.
    pub loss_scale: Option<[f32; 2]>,
    pub pending: Vec<PendingProbe>,
}

impl Header {
    pub(super) fn new(
        image: [usize; 3],
        classes: Vec<String>,
        step: u64,
        seconds: f64,
        window: Window,
        pending: &[PendingProbe],
    ) -> Self {
        let pending_steps = pending.iter().map(|p| p.step).collect();
        let reported = Reported::default();
        Self { image, classes, step, seconds, window, pending_steps, data: None, init: None, reported }
    }

    /// What the images were that the checkpoint was trained on, and what those of a data set are; `None` if they have the
    /// same shape and classes.
    pub fn differences(&self, data: &DataSet) -> Option<String> {
        let image = [data.train.height, data.train.width, data.train.channels];
        if self.image == image && self.classes == data.classes {
            return None;
        }
        let lacking = |all: &[String], of: &[String]| {
            let names: Vec<&String> = all.iter().filter(|name| !of.contains(name)).collect();
            (!names.is_empty()).then(|| named(names.into_iter()))
        };
        let gone = lacking(&self.classes, &data.classes).map(|names| format!("; it lacks {names}"));
        let new = lacking(&data.classes, &self.classes).map(|names| format!("; new: {names}"));
        Some(format!(
            "{}; {} has {}{}{}",
            describe(self.image, &self.classes),
            data.name,
            describe(image, &data.classes),
            gone.unwrap_or_default(),
            new.unwrap_or_default()
        ))
    }

    /// [`Header::differences`] with how to make the data fit. A run keeps its classes.
    pub fn differences_with_advice(&self, data: &DataSet) -> Option<String> {
        let reason = self.differences(data)?;
        let is_gone = self.classes.iter().any(|name| !data.classes.contains(name));
        let is_new = data.classes.iter().any(|name| !self.classes.contains(name));
        let [gone, new] = match data.source_kind() {
            SourceKind::ByHand => [
                "rename the class that had another name, or label its images again",
                "rename or remove the classes that are new",
            ],
            SourceKind::List => [
                "put their rows and labels back into the list",
                "leave the label of the images of a new class empty",
            ],
            SourceKind::Folders => [
                "put their images back, or rename the folder that had another name",
                "move the images of a new class into a folder 'unlabeled'",
            ],
            SourceKind::Arrays => ["put their records back", "take the records of a new class out"],
        };
        let advice: Vec<&str> = [(is_gone, gone), (is_new, new)]
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, advice)| *advice)
            .collect();
        Some(match advice.is_empty() {
            true => reason,
            false => format!("{reason}: a run keeps its classes: {}", advice.join(", and ")),
        })
    }

    /// Whether a data set's images have the shape and the classes that the checkpoint at `path` knows.
    ///
    /// # Errors
    /// [`TrainError::OtherData`] says what differs.
    pub fn check(&self, path: &Path, data: &DataSet) -> Result<(), TrainError> {
        match self.differences_with_advice(data) {
            Some(reason) => {
                let reason = format!("{reason}; or start another run");
                Err(TrainError::OtherData { path: path.to_owned(), reason })
            }
            None => Ok(()),
        }
    }
}

/// The first of the names of classes.
fn named<'a>(names: impl Iterator<Item = &'a String> + Clone) -> String {
    let more = if names.clone().nth(NAMED).is_some() { ", .." } else { "" };
    format!("{}{more}", names.take(NAMED).map(|name| listed_name(name)).collect::<Vec<_>>().join(", "))
}

impl Checkpoint {
    /// The state tensors of the optimiser with their values.
    pub(super) fn optimiser_state(&self) -> impl Iterator<Item = (&'static StateTensor, &Vec<Vec<f32>>)> {
        self.config.optimiser.state.iter().zip(&self.optimiser)
    }

    /// Writes the file beside its final name, then renames it: a crash leaves the old one whole.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be written; the old file stays then.
    pub fn save(&self, path: &Path, network: &Network) -> Result<(), TrainError> {
        let mut file = TensorFile::default();
        let all = &network.parameters;
        let mut groups = vec![("weights", all, &self.weights), ("ema", all, &self.ema)];
        groups.extend(self.optimiser_state().map(|(state, values)| (state.key, &network.trainable, values)));
        groups.push(("bn", &network.statistics, &self.statistics));
        for (group, set, values) in groups {
            for (parameter, values) in set.list.iter().zip(values) {
                file.f32(format!("{group}.{}", parameter.name), &parameter.shape, values);
            }
        }
        let classes = self.header.classes.len();
        file.f32("align.history", &[self.history.len() / classes, classes], &self.history);
        file.f32("align.label_distribution", &[classes], &self.label_distribution);
        file.f32("policy.rates", &[self.rates.len()], &self.rates);
        if let Some(scale) = &self.loss_scale {
            file.f32("loss_scale", &[scale.len()], scale);
        }
        for (i, pending) in self.pending.iter().enumerate() {
            let count = pending.ops.len();
            file.words(format!("pending.{i}.ops"), &[count, DEPTH, size_of::<OpDraw>() / 4], &pending.ops);
            file.f32(format!("pending.{i}.matches"), &[count], &pending.matches);
        }
        if let Some(fingerprint) = &self.fingerprint {
            write_fingerprint(&mut file, fingerprint);
        }
        let broken = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
        let config = toml::to_string(&self.config).map_err(|e| broken(e.to_string()))?;
        let data = self.fingerprint.as_ref().map(|fingerprint| fingerprint.facts);
        let header = Header { data, ..self.header.clone() };
        let header = serde_json::to_string(&header).map_err(|e| broken(e.to_string()))?;
        let checksum = checksum([&config, &header], file.tensors());
        let metadata =
            [("format", FORMAT.to_owned()), ("config", config), ("header", header), ("checksum", checksum)];
        file.save(path, metadata.map(|(key, value)| (key.to_owned(), value)).into())
    }

    /// Configuration and header of a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be read, [`TrainError::Checkpoint`] if it is not a checkpoint.
    pub fn read_header(path: &Path) -> Result<(Config, Header), TrainError> {
        let bytes = disk::read(path).map_err(TrainError::file(path, "reading it"))?;
        Self::parse_header(path, &bytes)
    }

    /// [`Checkpoint::read_header`] of a file's content; `path` is for messages.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if the content is not a checkpoint.
    pub fn parse_header(path: &Path, bytes: &[u8]) -> Result<(Config, Header), TrainError> {
        header_of(path, bytes)
    }

    /// Configuration, header and fingerprint of a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be read, [`TrainError::Checkpoint`] if it is not a checkpoint.
    pub fn read_data(path: &Path) -> Result<(Config, Header, Option<Fingerprint>), TrainError> {
        let bytes = disk::read(path).map_err(TrainError::file(path, "reading it"))?;
        let (config, header) = header_of(path, &bytes)?;
        let broken = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
        let file = SafeTensors::deserialize(&bytes).map_err(|e| broken(e.to_string()))?;
        let fingerprint = read_fingerprint(&file, &header.data, &header.classes).map_err(broken)?;
        Ok((config, header, fingerprint))
    }

    /// Reads the file for a network, with the same frozen layers.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be read, [`TrainError::Checkpoint`] if it is not a checkpoint or its content
    /// does not match its checksum, [`TrainError::WrongNetwork`] if a tensor is missing or has another size.
    pub fn load(path: &Path, network: &Network) -> Result<Self, TrainError> {
        let bytes = disk::read(path).map_err(TrainError::file(path, "reading it"))?;
        Self::parse(path, &bytes, network)
    }

    /// [`Checkpoint::load`] of a file's content; `path` is for messages.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if the content is not a checkpoint, [`TrainError::WrongNetwork`] if a tensor is missing or
    /// has another size.
    pub fn parse(path: &Path, bytes: &[u8], network: &Network) -> Result<Self, TrainError> {
        let (config, header) = header_of(path, bytes)?;
        let broken = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
        let file = SafeTensors::deserialize(bytes).map_err(|e| broken(e.to_string()))?;
        let group = |group: &str, set: &ParameterSet| -> Result<Vec<Vec<f32>>, TrainError> {
            set.list
                .iter()
                .map(|p| {
                    let name = format!("{group}.{}", p.name);
                    let view = file.tensor(&name).map_err(|_| TrainError::WrongNetwork {
                        path: path.to_owned(),
                        reason: format!("it has no tensor '{name}'"),
                    })?;
                    if view.shape() != p.shape {
                        return Err(TrainError::WrongNetwork {
                            path: path.to_owned(),
                            reason: format!("'{name}' is {:?} there and {:?} here", view.shape(), p.shape),
                        });
                    }
                    floats(view.dtype(), view.data()).ok_or_else(|| broken(format!("'{name}' is not f32")))
                })
                .collect()
        };
        let single = |name: &str| -> Result<Vec<f32>, TrainError> {
            let view = file.tensor(name).map_err(|_| broken(format!("it has no tensor '{name}'")))?;
            floats(view.dtype(), view.data()).ok_or_else(|| broken(format!("'{name}' is not f32")))
        };
        let pending = header
            .pending_steps
            .iter()
            .enumerate()
            .map(|(i, step)| {
                let name = format!("pending.{i}.ops");
                let view = file.tensor(&name).map_err(|_| broken(format!("it has no tensor '{name}'")))?;
                let ops: Vec<[OpDraw; DEPTH]> = bytemuck::pod_collect_to_vec(view.data());
                let matches = single(&format!("pending.{i}.matches"))?;
                if ops.len() != matches.len() {
                    return Err(broken(format!(
                        "probe {i} has {} operations and {} matches",
                        ops.len(),
                        matches.len()
                    )));
                }
                Ok(PendingProbe { step: *step, ops, matches })
            })
            .collect::<Result<_, _>>()?;
        let classes = header.classes.len();
        let history = single("align.history")?;
        let label_distribution = single("align.label_distribution")?;
        if history.len() != classes * crate::ssl::HISTORY || label_distribution.len() != classes {
            return Err(broken(format!("its alignment state is not that of {classes} classes")));
        }
        let loss_scale =
            match config.precision {
                Precision::Mixed => {
                    let state = single("loss_scale")?;
                    let state = <[f32; 2]>::try_from(state);
                    Some(state.map_err(|state| {
                        broken(format!("its loss scale has {} values, not 2", state.len()))
                    })?)
                }
                Precision::Single => None,
            };
        let checkpoint = Self {
            weights: group("weights", &network.parameters)?,
            ema: group("ema", &network.parameters)?,
            optimiser: config
                .optimiser
                .state
                .iter()
                .map(|state| group(state.key, &network.trainable))
                .collect::<Result<_, _>>()?,
            statistics: group("bn", &network.statistics)?,
            history,
            label_distribution,
            rates: single("policy.rates")?,
            loss_scale,
            pending,
            fingerprint: read_fingerprint(&file, &header.data, &header.classes).map_err(broken)?,
            config,
            header,
        };
        // Last: what else is wrong says more.
        check_content(bytes, &file).map_err(broken)?;
        for (group, values) in [("weights", &checkpoint.weights), ("ema", &checkpoint.ema)] {
            let named = network.parameters.list.iter().zip(values).map(|(parameter, values)| {
                (format!("{group}.{}", parameter.name), &parameter.shape[..], &values[..])
            });
            check_weights(named).map_err(broken)?;
        }
        Ok(checkpoint)
    }

    /// # Errors
    /// [`TrainError::NotFinite`] names the first parameter or other state that is not finite.
    pub fn check_finite(&self, network: &Network) -> Result<(), TrainError> {
        let (parameters, statistics) = (&network.parameters, &network.statistics);
        let state = self.optimiser_state();
        let mut groups = vec![
            ("parameter".to_owned(), parameters, &self.weights),
            ("EMA parameter".to_owned(), parameters, &self.ema),
        ];
        groups
            .extend(state.map(|(state, values)| (format!("{} of", state.label), &network.trainable, values)));
        groups.push(("batch norm's".to_owned(), statistics, &self.statistics));
        for (group, set, tensors) in groups {
            for (parameter, values) in set.list.iter().zip(tensors) {
                self.check_values(values, || format!("{group} {}", parameter.name))?;
            }
        }
        for (term, values) in [
            ("the history of predictions", &self.history),
            ("the distribution of labels", &self.label_distribution),
            ("a rate of CTAugment", &self.rates),
        ] {
            self.check_values(values, || term.to_owned())?;
        }
        Ok(())
    }

    fn check_values(&self, values: &[f32], term: impl FnOnce() -> String) -> Result<(), TrainError> {
        match values.iter().find(|v| !v.is_finite()) {
            None => Ok(()),
            Some(value) => {
                let step = self.header.step;
                Err(TrainError::NotFinite { step, term: term(), value: value.to_string() })
            }
        }
    }
}

pub(super) fn header_of(path: &Path, bytes: &[u8]) -> Result<(Config, Header), TrainError> {
    let broken = |reason: String| TrainError::Checkpoint { path: path.to_owned(), reason };
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| broken(damage(bytes, &e)))?;
    let entries = metadata.metadata().clone().unwrap_or_default();
    let entry = |key: &str| entries.get(key).ok_or_else(|| broken(format!("its metadata has no '{key}'")));
    let format = entry("format")?;
    if format != FORMAT {
        return Err(broken(format!("its format is '{format}', this program reads '{FORMAT}'")));
    }
    let config = toml::from_str(entry("config")?).map_err(|e| broken(e.to_string()))?;
    let header: Header = serde_json::from_str(entry("header")?).map_err(|e| broken(e.to_string()))?;
    let [height, width, channels] = header.image;
    let is_image = height == width && SIDES.contains(&height) && matches!(channels, 1 | 3);
    if !is_image || header.classes.is_empty() {
        return Err(broken(format!("it is for {}", describe(header.image, &header.classes))));
    }
    Ok((config, header))
}

/// Why bytes are no safetensors file, in words.
pub(super) fn damage(bytes: &[u8], error: &SafeTensorError) -> String {
    // The length at the start of a checkpoint that was cut off has zeros.
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    if bytes.is_empty() {
        "it is empty".to_owned()
    } else if text
        .and_then(|text| text.parse::<toml::Table>().ok())
        .is_some_and(|table| table.contains_key("preset"))
    {
        "it is a config.toml, the settings of a run: give the model.safetensors beside it, or the folder of the run".to_owned()
    } else if text.is_some() {
        "it is a text file".to_owned()
    } else if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x89HDF") {
        "it is a file as Keras, PyTorch and NumPy write them (.keras, .pth, .npz, .h5), not a safetensors file".to_owned()
    } else {
        let length = counted(bytes.len(), "byte", "bytes");
        let reason = match error {
            SafeTensorError::MetadataIncompleteBuffer => match length_by_header(bytes) {
                Some(expected) if expected < bytes.len() as u64 => {
                    format!("the file has {length}, expected {expected}")
                }
                _ => format!("the file is cut off: it ends after {length}"),
            },
            SafeTensorError::InvalidHeaderLength | SafeTensorError::HeaderTooSmall => {
                format!("the file is cut off: it ends after {length}")
            }
            _ => error.to_string(),
        };
        format!("{reason}; copy it again, or take an earlier copy")
    }
}

/// The length of a safetensors file whose header is whole: 8 bytes, the header, and the tensors up to the last one's end.
fn length_by_header(bytes: &[u8]) -> Option<u64> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = u64::from_le_bytes(*length);
    let header: serde_json::Value =
        serde_json::from_slice(rest.get(..usize::try_from(length).ok()?)?).ok()?;
    let ends = header.as_object()?.values().filter_map(|tensor| tensor["data_offsets"][1].as_u64());
    Some(8 + length + ends.max()?)
}

/// Classes named in a message.
const NAMED: usize = 4;

fn describe([height, width, channels]: [usize; 3], classes: &[String]) -> String {
    let colour = if channels == 1 { "grey" } else { "RGB" };
    let count = counted(classes.len(), "class", "classes");
    format!("{width}x{height} {colour} images of {count} ({})", named(classes.iter()))
}

fn floats(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    (dtype == Dtype::F32).then(|| bytemuck::pod_collect_to_vec(bytes))
}
