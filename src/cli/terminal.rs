//! What commands share at their ends: outcome, results on standard output, messages on standard error, and the flags
//! behind the settings that an error names.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _, stderr, stdout};

use anyhow::Context as _;
use remixmatch::ablation::AblationError;
use remixmatch::data::DataError;
use remixmatch::train::TrainError;

/// How a command ended without an error.
pub enum Outcome {
    Done,
    /// Ctrl-C, after everything was saved.
    Interrupted,
    /// `data --check` has found something serious.
    Serious,
}

/// Text for a terminal: control characters and those that reverse text, which names of files and classes may contain,
/// become `\uXXXX`, which in JSON is the same character. Line breaks stay.
fn visible(text: &str) -> String {
    let reverses =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && c.is_control() || reverses(c) {
            shown.push_str(&format!("\\u{:04x}", c as u32));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Writes a line of the result. A closed pipe, as `head` leaves it, is no failure. (`println!` would panic.)
pub fn print(line: impl Display) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match writeln!(out, "{}", visible(&line.to_string())).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("writing the result to standard output failed")
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error. A failure is ignored: there is no other place to report it. (`eprintln!` would
/// panic.)
pub fn note(line: impl Display) {
    let _ = writeln!(stderr().lock(), "{}", visible(&line.to_string()));
}

/// An error with its causes and [`flags`], in one line.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    let flags = flags(error).map(|flags| format!(" ({flags})")).unwrap_or_default();
    parts.join(": ") + &flags
}

/// The flags for what the library's error advises: its message names settings alone.
fn flags(error: &anyhow::Error) -> Option<String> {
    if let Some(AblationError::OtherSettings { .. } | AblationError::Occupied { .. }) = error.downcast_ref() {
        return Some("another --out".to_owned());
    }
    if let Some(error) = error.downcast_ref::<DataError>() {
        return data_flag(error);
    }
    match error.downcast_ref()? {
        TrainError::Data(error) => data_flag(error),
        TrainError::OutputNotEmpty { path } => {
            Some(format!("--resume {}, --force, or another --out", path.display()))
        }
        TrainError::ChangedData { .. } => Some("--accept-changed-data".to_owned()),
        TrainError::LostData { .. } => Some("--data".to_owned()),
        TrainError::NotARun { .. } | TrainError::Link { .. } => Some("another --out".to_owned()),
        TrainError::EditedSettings { path, .. } => {
            Some(format!("train --config {} --out ANOTHER", path.display()))
        }
        TrainError::LostModel { path, .. } => {
            let config = path.with_file_name("config.toml");
            Some(format!("train --config {} --out ANOTHER", config.display()))
        }
        TrainError::StepsDone { done, .. } => {
            Some(format!("--steps {done} trains nothing more, a greater number goes on"))
        }
        _ => None,
    }
}

/// The flag for what an error of the data advises, if the command line has one.
fn data_flag(error: &DataError) -> Option<String> {
    match error {
        DataError::SmallClass { most, .. } if *most > 0 => {
            Some(format!("--labels {most}, or --label-balance train"))
        }
        other => flag(other.setting()?),
    }
}

/// The flag of a setting of the data, if the command line has one.
fn flag(setting: &str) -> Option<String> {
    match setting {
        "balance" => Some("--label-balance train".to_owned()),
        "test_share" => None,
        other => Some(format!("--{}", other.replace('_', "-"))),
    }
}

/// Bytes in the largest unit that keeps the number above one.
pub fn bytes_text(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_are_escaped_as_in_json() {
        for (text, expected) in [
            ("cat.png: cat 99.0 %", "cat.png: cat 99.0 %"),
            ("two\nlines", "two\nlines"),
            ("\u{1b}[2Jgone", "\\u001b[2Jgone"),
            ("over\rwritten\u{8}\u{7f}\u{9b}31m", "over\\u000dwritten\\u0008\\u007f\\u009b31m"),
            ("gpj.\u{202e}exe", "gpj.\\u202eexe"),
            ("강아지 🐶", "강아지 🐶"),
        ] {
            assert_eq!(visible(text), expected);
        }
        let json = serde_json::to_string("\u{9b}\u{202e}\u{1b}").expect("JSON");
        assert_eq!(serde_json::from_str::<String>(&visible(&json)).expect("JSON"), "\u{9b}\u{202e}\u{1b}");
    }
}
