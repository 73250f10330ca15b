//! Recomputes the guess of a traced step in f64 and compares it with the tensors in the trace:
//!
//! ```text
//! remixmatch trace --preset digits --out step.safetensors
//! cargo run --example replay_trace step.safetensors
//! ```
//!
//! q is the softmax of the anchors' logits; alignment multiplies it by p(y) / p̃(y) and normalises (section 3.1 of the
//! paper); sharpening raises it to 1/T and normalises. `docs/reading-a-trace.md` lists the tensors of a trace.

use std::error::Error;

use safetensors::SafeTensors;
use serde_json::Value;

/// Largest difference that rounding in f32 explains.
const TOLERANCE: f64 = 1e-5;
/// Added to both distributions (the reference's `1e-6`).
const ALIGN_EPSILON: f64 = 1e-6;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected one argument: TRACE.safetensors")?;
    replay(&std::fs::read(path)?)
}

/// Recomputes the guess of a trace.
///
/// # Errors
/// When the bytes are no trace of a method with one guess per image, or when a tensor differs by more than rounding.
pub fn replay(bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let trace = SafeTensors::deserialize(bytes)?;
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let metadata = header.metadata().as_ref().ok_or("the file has no metadata: expected a trace")?;
    let facts: Value = serde_json::from_str(&metadata["hyperparameters"])?;
    let method = &facts["config"]["method"];
    let temperature = method["temperature"].as_f64().ok_or("the trace has no temperature")?;
    let aligns = method["alignment"].as_bool().ok_or("the trace has no alignment switch")?;

    let logits = tensor(&trace, "guess.logits")?;
    let (p_data, p_model) = (tensor(&trace, "align.p_data")?, tensor(&trace, "align.p_model")?);
    let classes = p_data.len();
    let (mut q, mut aligned, mut target) = (Vec::new(), Vec::new(), Vec::new());
    for row in logits.chunks_exact(classes) {
        let top = row.iter().copied().fold(f64::MIN, f64::max);
        let guess = normalised(row.iter().map(|logit| (logit - top).exp()));
        let ratio = |c: usize| (ALIGN_EPSILON + p_data[c]) / (ALIGN_EPSILON + p_model[c]);
        let moved = match aligns {
            true => normalised(guess.iter().enumerate().map(|(c, q)| q * ratio(c))),
            false => guess.clone(),
        };
        target.extend(normalised(moved.iter().map(|q| q.powf(1.0 / temperature))));
        aligned.extend(moved);
        q.extend(guess);
    }

    let mut agrees = true;
    for (name, found) in [("guess.probs", q), ("guess.aligned", aligned), ("guess.target", target)] {
        let expected = tensor(&trace, name)?;
        let difference = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{name:15} largest difference {difference:.1e}");
        agrees &= difference <= TOLERANCE && found.len() == expected.len();
    }
    if agrees { Ok(()) } else { Err(format!("the trace differs by more than {TOLERANCE:.0e}").into()) }
}

/// A float32 tensor of the trace.
fn tensor(trace: &SafeTensors, name: &str) -> Result<Vec<f64>, Box<dyn Error>> {
    let view = trace.tensor(name).map_err(|error| format!("{name}: {error}"))?;
    let words = view.data().as_chunks::<4>().0;
    Ok(words.iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect())
}

/// Values divided by their sum.
fn normalised(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let sum: f64 = values.iter().sum();
    values.into_iter().map(|value| value / sum).collect()
}
