//! Bytes changed as files are when they are damaged or made to do harm: the same ones every time.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Longer inputs find nothing that shorter ones do not.
const LONGEST: usize = 1 << 16;
/// Numbers at which lengths and counts go wrong.
const EDGES: [u64; 12] =
    [0, 1, 2, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff];

/// What numbers and lists in texts are made of.
const LETTERS: &[u8] = b"0123456789-.,=&%'\"\n[]{}()";

/// Input `index` of those made from `corpus`: a seed with up to eight changes.
pub fn input(corpus: &[Vec<u8>], index: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(index);
    let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
    for _ in 0..rng.random_range(1..=8) {
        change(&mut bytes, corpus, &mut rng);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..=bytes.len());
    // A place to write to or to take from; headers are short and come first.
    let place = if rng.random::<bool>() { at } else { at.min(rng.random_range(0..64)) };
    let left = bytes.len() - place;
    match rng.random_range(0..9) {
        0 if left > 0 => bytes[place] ^= 1 << rng.random_range(0..8),
        1 if left > 0 => bytes[place] = rng.random(),
        2 => {
            let mut number =
                EDGES[rng.random_range(0..EDGES.len())].wrapping_add(rng.random_range(0..3)).to_le_bytes();
            let width = [1, 2, 4, 8][rng.random_range(0..4)].min(left);
            if rng.random() {
                number[..width].reverse();
            }
            bytes[place..place + width].copy_from_slice(&number[..width]);
        }
        3 => {
            let count = rng.random_range(1..=16);
            let new: Vec<u8> = (0..count).map(|_| rng.random()).collect();
            bytes.splice(place..place, new);
        }
        4 => {
            let count = rng.random_range(0..=left.min(64));
            bytes.drain(place..place + count);
        }
        5 => {
            let part = bytes[place..place + rng.random_range(0..=left.min(256))].to_vec();
            bytes.splice(at..at, part);
        }
        6 => bytes.truncate(at),
        7 => {
            let other = &corpus[rng.random_range(0..corpus.len())];
            let from = rng.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        // A digit or sign for another keeps texts texts.
        _ if left > 0 => bytes[place] = LETTERS[rng.random_range(0..LETTERS.len())],
        _ => bytes.push(rng.random()),
    }
}
