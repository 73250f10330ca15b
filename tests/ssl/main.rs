//! Every shader of guessing, alignment, MixUp of targets and losses on the adapter against the f64
//! reference.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "guesses and losses need only a part of the reference")]
mod oracle;
#[path = "../layers/trial.rs"]
#[expect(dead_code, reason = "there are no feature maps here")]
mod trial;

mod adamatch;
mod guess;
mod history;
mod rows;
mod softmax;
mod summary;
mod targets;

/// Largest deviation, as a share of the largest magnitude.
const EXACT: f64 = 1e-5;
/// Rows that take more than one workgroup of 64.
const MANY: usize = 70;

/// The method of most tests.
fn remixmatch() -> remixmatch::ssl::Method {
    remixmatch::ssl::Method { strong_views: 2, ..remixmatch::ssl::Method::remixmatch() }
}
