//! What is wrong with the settings of a network.

use thiserror::Error;

/// An unknown network, or settings that it does not allow.
#[derive(Debug, Error, PartialEq)]
pub enum NetworkError {
    /// No network has this name.
    #[error("no network is named '{0}': choose wrn-28-2, wrn-28-8, wrn-16-1, wrn-10-1 or efficientnet-lite0")]
    UnknownName(String),
    /// A setting of the network is out of range.
    #[error("{field} is {found}, it must be {expected}")]
    OutOfRange { field: &'static str, found: usize, expected: &'static str },
    /// The network has no stage of the name that the layers are frozen to.
    #[error("freeze is '{found}', but the network has no stage of that name: choose none, {stages} or all")]
    UnknownStage { found: String, stages: String },
    /// The images are too small or too large.
    #[error(
        "images of {height}x{width} are outside the 8 to {largest} pixels that the network takes: set image_size to one of \
         them, or network to another one"
    )]
    ImageSize { height: usize, width: usize, largest: usize },
}
