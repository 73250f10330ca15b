//! The fuzz targets: a function of bytes for every parser that reads what a stranger may have made.
//!
//! The parsers of data sets come from the registry of formats (`remixmatch::data::parsers`), so a new format needs no
//! change here. `fuzz_targets/parser.rs` fuzzes one target with libFuzzer; the ordinary tests
//! (`tests/reliability/parsers.rs`) run all of them. Whatever the bytes, a target returns a value or an error with a
//! message; a panic, a hang or unbounded memory is a finding.

use std::env;
use std::path::Path;

use remixmatch::app::Address;
use remixmatch::data::{self, Parser, open_files};
use remixmatch::nn::{ConvTiling, Network};
use remixmatch::train::{Checkpoint, Config};

/// A fuzz target.
pub struct Target {
    /// The name, also of the folder in `fuzz/corpus` with its seeds.
    pub name: &'static str,
    parser: AnyParser,
}

enum AnyParser {
    /// A parser of data sets.
    Data(&'static Parser),
    /// Another parser: whether it accepts the bytes.
    Other(fn(&[u8]) -> bool),
}

/// All targets.
pub fn targets() -> Vec<Target> {
    let other = |name, parse| Target { name, parser: AnyParser::Other(parse) };
    data::parsers()
        .map(|parser| Target { name: parser.name, parser: AnyParser::Data(parser) })
        .chain([other("checkpoint", checkpoint), other("config", config), other("address", address)])
        .collect()
}

/// The target that REMIXMATCH_FUZZ_TARGET names; all targets if it is not set.
///
/// # Panics
/// When there is no target of that name.
pub fn requested() -> Vec<Target> {
    let Ok(name) = env::var("REMIXMATCH_FUZZ_TARGET") else { return targets() };
    let found: Vec<Target> = targets().into_iter().filter(|target| target.name == name).collect();
    assert!(!found.is_empty(), "there is no fuzz target '{name}'");
    found
}

impl Target {
    /// Parses `bytes`; returns whether they are accepted.
    ///
    /// # Panics
    /// On a finding.
    pub fn run(&self, bytes: &[u8]) -> bool {
        match self.parser {
            AnyParser::Data(parser) => data_set(parser, bytes),
            AnyParser::Other(parse) => parse(bytes),
        }
    }

    /// The seed that the parser itself provides, if any.
    pub fn seed(&self) -> Option<Vec<u8>> {
        match self.parser {
            AnyParser::Data(parser) => parser.seed(),
            AnyParser::Other(_) => None,
        }
    }
}

/// Opens the parser's set with `bytes` as one of its files.
fn data_set(parser: &Parser, bytes: &[u8]) -> bool {
    let files = parser.files(bytes).into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    let set = open_files("set", files, &(parser.options)());
    if let Ok(set) = &set {
        assert!(!set.train.is_empty() && set.classes.len() > 1, "an accepted set can be trained on");
    }
    is_accepted(set)
}

/// Whether a parser returned a value; an error must have a message.
fn is_accepted<T, E: ToString>(result: Result<T, E>) -> bool {
    result.map_err(|error| assert!(!error.to_string().is_empty(), "an error has a message")).is_ok()
}

/// The parts of a checkpoint that need no device: all except a network too large to allocate.
fn checkpoint(bytes: &[u8]) -> bool {
    let path = Path::new("model.safetensors");
    let found = Checkpoint::parse_header(path, bytes);
    if let Ok((config, header)) = &found
        && let Ok(architecture) = config.architecture()
        && let Ok(network) =
            Network::new(&architecture, header.image, header.classes.len(), ConvTiling::REGISTER)
    {
        is_accepted(Checkpoint::parse(path, bytes, &network));
    }
    is_accepted(found)
}

fn config(bytes: &[u8]) -> bool {
    let config = Config::parse(Path::new("config.toml"), bytes);
    if let Ok(config) = &config {
        is_accepted(config.validate(32, 32));
    }
    is_accepted(config)
}

/// A link that is accepted must survive a round trip.
fn address(bytes: &[u8]) -> bool {
    let address = Address::parse(&String::from_utf8_lossy(bytes));
    if let Ok(Some(address)) = &address {
        let again = Address::parse(&address.fragment());
        assert_eq!(again.map(|again| again.map(|again| again.fragment())), Ok(Some(address.fragment())));
    }
    is_accepted(address)
}
