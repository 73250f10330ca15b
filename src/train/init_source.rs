//! What a checkpoint records of the first weights of its run.

use serde::{Deserialize, Serialize};

/// Where the first weights of a run came from, as its checkpoints record it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitSource {
    /// The setting [`Config::init`](super::Config::init).
    pub name: String,
    /// XXH3-128 of the file, hexadecimal.
    pub hash: String,
}
