//! Names for what a plan holds: tensors, programs and the memory they take.

/// Uniform blocks and buffer views start at multiples of this many bytes (WebGPU's default limit).
pub(super) const ALIGNMENT: u64 = 256;
/// [`ALIGNMENT`] in words: where a bound part of a tensor may begin.
pub const ALIGNED_WORDS: usize = ALIGNMENT as usize / 4;

/// A tensor of a plan, or a part of one: `words` 32-bit words from word `offset` of tensor `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    pub(super) id: usize,
    pub(super) offset: usize,
    pub(super) words: usize,
}

impl Tensor {
    /// Length in 32-bit words.
    pub fn words(&self) -> usize {
        self.words
    }

    /// A part of this tensor. To be bound, it must start at a multiple of
    /// [`ALIGNED_WORDS`].
    ///
    /// # Panics
    /// When the part does not lie inside the tensor: a mistake in the caller's layout.
    pub fn slice(&self, offset: usize, words: usize) -> Tensor {
        assert!(offset + words <= self.words, "part {offset}+{words} of a tensor of {} words", self.words);
        Tensor { id: self.id, offset: self.offset + offset, words }
    }
}

/// A named run of operations inside a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Program {
    /// Operations in the program.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// Bytes a plan takes on the adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Weights, optimiser state, tables: kept between steps.
    pub persistent: u64,
    /// Slots shared by tensors that live only inside a program.
    pub transient: u64,
    /// What the transient tensors would take without sharing.
    pub transient_unshared: u64,
    /// Parameter blocks of the dispatches.
    pub uniforms: u64,
    /// The largest tensor, by name.
    pub largest: (String, u64),
}

impl Memory {
    pub fn total(&self) -> u64 {
        self.persistent + self.transient + self.uniforms
    }
}

/// Bytes of a tensor in memory.
pub(super) fn bytes_of_words(words: usize) -> u64 {
    (words as u64 * 4).next_multiple_of(ALIGNMENT)
}
