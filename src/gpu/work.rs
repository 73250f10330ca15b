//! What the dispatches of a plan have to do, for estimates of an adapter that is not there.

/// The work of one dispatch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Floating-point operations; a multiply-accumulate is two.
    pub operations: u64,
    /// Bytes of the bound tensors, each counted once.
    pub bytes: u64,
    /// Bytes read from workgroup memory or a cache, in units of a core's full width: reads that are spread over cache lines
    /// count as whole lines.
    pub local_bytes: u64,
    /// Reads that an invocation waits for one after another, or stages that its workgroup does.
    pub chain: u64,
}

impl Work {
    /// An elementwise dispatch on tensors of these lengths: one operation per word, each read once.
    pub fn of_words(tensors: impl Iterator<Item = usize>) -> Self {
        let words: usize = tensors.sum();
        Self { operations: words as u64, bytes: words as u64 * 4, local_bytes: 0, chain: 1 }
    }
}

/// The work of a dispatch, with what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchWork {
    pub kernel: String,
    /// The section it was recorded in.
    pub section: Option<String>,
    pub workgroups: u64,
    pub work: Work,
}
