//! Enums as settings: each value has one name, in files, links and options alike, and a line that describes it.

use serde::Serialize;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, IntoDeserializer as _};

/// An enum that is a setting. serde's names of its variants are its names everywhere.
pub trait Named: Copy + Serialize + DeserializeOwned + 'static {
    /// Every value in the order to list them, with a description for help texts.
    const VALUES: &'static [(Self, &'static str)];

    /// The value's name.
    fn name(self) -> String {
        // A formatter is serde's serialiser for names.
        std::fmt::from_fn(|f| self.serialize(f)).to_string()
    }

    /// The value with this name.
    ///
    /// # Errors
    /// Lists the names if none is `name`.
    fn from_name(name: &str) -> Result<Self, Error> {
        Self::deserialize(name.into_deserializer())
    }
}
