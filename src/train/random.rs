use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a generator's numbers are for; each use has a sequence of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    LabelledOrder = 1,
    UnlabelledOrder = 2,
    Weak = 3,
    Strong = 4,
    Probe = 5,
    MixUp = 6,
    /// Views of followed images, which are no part of training.
    Followed = 7,
    /// Images whose embedding is shown.
    Embedded = 8,
}

/// The generator of one stream at one step (or epoch): a function of its arguments alone, so that any
/// step can be drawn again without those before it.
pub fn stream_rng(seed: u64, stream: Stream, step: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&step.to_le_bytes());
    key[16..24].copy_from_slice(&(stream as u64).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_and_steps_differ_and_repeat() {
        let first = |seed, stream, step| stream_rng(seed, stream, step).next_u64();
        let base = first(1, Stream::Weak, 7);
        assert_eq!(base, first(1, Stream::Weak, 7));
        assert_ne!(base, first(2, Stream::Weak, 7));
        assert_ne!(base, first(1, Stream::Strong, 7));
        assert_ne!(base, first(1, Stream::Weak, 8));
    }
}
