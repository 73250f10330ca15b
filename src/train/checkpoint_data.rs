//! What a checkpoint says of a run's images, as tensors, and the checksum of its content.

use safetensors::SafeTensors;
use xxhash_rust::xxh3::Xxh3;

use super::files::TensorFile;
use super::fingerprint::{DataFacts, Fingerprint, RecordedImage, Role};
use crate::data::ImageId;

/// Between the names of files, none of which contains it.
const SEPARATOR: &str = "\0";
/// Bytes of names that are stored at most.
const MAX_NAMES: usize = 16 << 20;

/// The checksum of the settings, the header and the tensors, which come in the order of their names.
pub(super) fn checksum<'a>(
    texts: [&String; 2],
    tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> String {
    let mut tensors: Vec<_> = tensors.into_iter().collect();
    tensors.sort_unstable();
    let texts = texts.into_iter().map(|text| ("", text.as_bytes()));
    let mut hash = Xxh3::new();
    for (name, bytes) in texts.chain(tensors) {
        hash.update(name.as_bytes());
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    format!("{:032x}", hash.digest128())
}

/// Checks the content of a file against its checksum; files of earlier versions have none.
pub(super) fn check_content(bytes: &[u8], file: &SafeTensors) -> Result<(), String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let entries = metadata.metadata().clone().unwrap_or_default();
    let (Some(expected), Some(config), Some(header)) =
        (entries.get("checksum"), entries.get("config"), entries.get("header"))
    else {
        return Ok(());
    };
    let names = file.names();
    let tensors = names.into_iter().filter_map(|name| Some((name, file.tensor(name).ok()?.data())));
    if checksum([config, header], tensors) == *expected {
        return Ok(());
    }
    Err("its content does not match its checksum: it is damaged or was changed; use a copy of it".to_owned())
}

/// Checks that the weights of a network are those of a trained one, or of one that begins: they are finite, and not
/// constant in every kernel, so that the network would tell nothing apart. `tensors`: names, shapes and values.
pub(super) fn check_weights<'a>(
    tensors: impl IntoIterator<Item = (String, &'a [usize], &'a [f32])>,
) -> Result<(), String> {
    let (mut constant, mut varies) = (None, false);
    for (name, shape, values) in tensors {
        if values.iter().any(|value| !value.is_finite()) {
            return Err(format!("'{name}' has a value that is NaN or infinite: use a copy of the file"));
        }
        if shape.len() > 1 && values.len() > 1 {
            match values.iter().all(|value| *value == values[0]) {
                true => constant = constant.or(Some((name, values[0]))),
                false => varies = true,
            }
        }
    }
    match constant.filter(|_| !varies) {
        None => Ok(()),
        Some((name, value)) => Err(format!(
            "all its kernels are constant ('{name}' is {value} throughout), as in a file that was wiped or never filled: use \
             a copy of it"
        )),
    }
}

/// Adds 20 bytes per image: the hashes of content and name, and the role with the class; and the names of files, by which
/// messages name those that are gone. Images that trained earlier take 16 bytes.
pub(super) fn write_fingerprint(file: &mut TensorFile, fingerprint: &Fingerprint) {
    let images = &fingerprint.images;
    let contents: Vec<u64> = images.iter().map(|image| image.id.content).collect();
    let names: Vec<u64> = images.iter().map(|image| image.id.name).collect();
    let role =
        |image: &RecordedImage| (image.role as u32) << ROLE_SHIFT | image.class.map_or(0, |class| class + 1);
    let roles: Vec<u32> = images.iter().map(role).collect();
    file.words("data.contents", &[images.len(), 2], &contents);
    file.words("data.names", &[images.len(), 2], &names);
    file.words("data.roles", &[images.len()], &roles);
    if !fingerprint.earlier.is_empty() {
        let ids: Vec<u64> = fingerprint.earlier.iter().flat_map(|id| [id.content, id.name]).collect();
        file.words("data.earlier", &[fingerprint.earlier.len(), 4], &ids);
    }
    let files = fingerprint.files.join(SEPARATOR);
    if !files.is_empty() && files.len() <= MAX_NAMES {
        file.bytes("data.files", files.as_bytes());
    }
}

/// Bits of a word of `data.roles` below the role: 0, or the class plus 1.
const ROLE_SHIFT: u32 = 24;

/// The fingerprint of a checkpoint, if it has one; otherwise what about it is wrong.
pub(super) fn read_fingerprint(
    file: &SafeTensors,
    facts: &Option<DataFacts>,
    classes: &[String],
) -> Result<Option<Fingerprint>, String> {
    let Some(facts) = *facts else { return Ok(None) };
    let bytes = |name: &str| {
        file.tensor(name).map(|view| view.data()).map_err(|_| format!("it has no tensor '{name}'"))
    };
    let contents: Vec<u64> = bytemuck::pod_collect_to_vec(bytes("data.contents")?);
    let names: Vec<u64> = bytemuck::pod_collect_to_vec(bytes("data.names")?);
    let roles: Vec<u32> = bytemuck::pod_collect_to_vec(bytes("data.roles")?);
    if contents.len() != names.len() || contents.len() != roles.len() {
        return Err("its lists of images have different lengths".to_owned());
    }
    let mut images = Vec::with_capacity(contents.len());
    for ((content, name), word) in contents.into_iter().zip(names).zip(roles) {
        let class = (word & ((1 << ROLE_SHIFT) - 1)).checked_sub(1);
        let roles = [Role::Labelled, Role::Unlabelled, Role::Unused, Role::Test];
        let role = roles.into_iter().find(|role| *role as u32 == word >> ROLE_SHIFT);
        let is_class = class.is_none_or(|class| (class as usize) < classes.len());
        match role.filter(|_| is_class) {
            Some(role) => images.push(RecordedImage { id: ImageId { content, name }, class, role }),
            None => return Err(format!("the role of image {} is damaged", images.len())),
        }
    }
    // Not in files of earlier versions, nor for very many images.
    let text = file.tensor("data.files").ok().map(|view| String::from_utf8_lossy(view.data()).into_owned());
    let files: Vec<String> = text.iter().flat_map(|text| text.split(SEPARATOR)).map(str::to_owned).collect();
    let files = if files.len() == images.len() { files } else { Vec::new() };
    // Not in files of earlier versions, nor where no image has ceased to train.
    let ids: Vec<u64> =
        file.tensor("data.earlier").map(|view| bytemuck::pod_collect_to_vec(view.data())).unwrap_or_default();
    let earlier = ids.chunks_exact(2).map(|id| ImageId { content: id[0], name: id[1] }).collect();
    Ok(Some(Fingerprint { images, facts, files, earlier }))
}
