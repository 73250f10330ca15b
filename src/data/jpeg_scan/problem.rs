//! What a scan of a JPEG file lacks.

/// Why the blocks of a scan cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The scan ends before its last block, or has bits that are no code.
    Short,
    /// It is not coded in a way that is known here.
    Unknown,
}
