//! Which layers of a network are frozen: they run forward with moving statistics and are not trained.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The frozen layers of a network: none, those from the input to the end of a stage, or all but the heads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Freeze {
    #[default]
    None,
    /// Name of a stage; [`Architecture::stages`](super::Architecture::stages) lists them.
    Stage(String),
    /// Only the heads are trained: a linear probe.
    All,
}

impl Freeze {
    /// The names that are no stage's.
    pub const NONE: &str = "none";
    pub const ALL: &str = "all";

    /// Whether no layer is frozen.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl From<String> for Freeze {
    fn from(name: String) -> Self {
        match name.as_str() {
            Self::NONE => Self::None,
            Self::ALL => Self::All,
            _ => Self::Stage(name),
        }
    }
}

impl FromStr for Freeze {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(name.to_owned().into())
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => Self::NONE,
            Self::Stage(name) => name,
            Self::All => Self::ALL,
        })
    }
}

impl From<Freeze> for String {
    fn from(freeze: Freeze) -> Self {
        freeze.to_string()
    }
}
