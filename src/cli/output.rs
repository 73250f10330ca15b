//! Results on standard output, everything else on standard error. `println!` and `eprintln!` would panic
//! where the other end is full or closed.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _, stderr, stdout};

use anyhow::Context as _;

/// Writes a line of the result. A reader that has gone, as `head` does, has read enough: no failure.
pub fn print(line: impl Display) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("writing the result to standard output failed")
        }
        _ => Ok(()),
    }
}

/// Tells people something. Nobody can be told that nobody can be told: failures are let go.
pub fn note(line: impl Display) {
    let _ = writeln!(stderr().lock(), "{line}");
}
