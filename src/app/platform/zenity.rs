//! Saving with zenity where the desktop has no portal for dialogs: rfd would open it where the program was started, and
//! without a name.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The portal that opens dialogs, as the session's bus calls it.
const PORTAL: &str = "org.freedesktop.portal.Desktop";

/// Whether the session has a portal for dialogs, as far as that can be told.
pub fn is_portal_there() -> bool {
    let bus = "org.freedesktop.DBus";
    let list = |method: &str| {
        Command::new("dbus-send")
            .args(["--session", "--print-reply", "--reply-timeout=2000"])
            .arg(format!("--dest={bus}"))
            .args(["/org/freedesktop/DBus".to_owned(), format!("{bus}.{method}")])
            .output()
    };
    let names = ["ListActivatableNames", "ListNames"].map(list);
    let has_portal = |output: &Output| String::from_utf8_lossy(&output.stdout).contains(PORTAL);
    match &names[0] {
        // Without the program that asks, the bus's address tells whether there may be one.
        Err(_) => std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some(),
        Ok(_) => names.iter().flatten().any(has_portal),
    }
}

/// Asks where to write a file, at first at `path`; `None` if the person chose nothing or zenity is not there.
pub fn save(path: &Path) -> Option<PathBuf> {
    let output = Command::new("zenity").args(arguments(path)).output().ok()?;
    let mut chosen = output.stdout;
    if chosen.last() == Some(&b'\n') {
        chosen.pop();
    }
    (output.status.success() && !chosen.is_empty()).then(|| PathBuf::from(OsString::from_vec(chosen)))
}

/// The arguments of zenity.
fn arguments(path: &Path) -> [OsString; 5] {
    let mut first = OsString::from("--filename=");
    first.push(path);
    let flags = ["--file-selection", "--save", "--confirm-overwrite", "--title=Save"].map(OsString::from);
    let [selection, save, confirm, title] = flags;
    [selection, save, confirm, title, first]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zenity_begins_beside_the_data() {
        let arguments = arguments(Path::new("/photos/둘째 날/predictions.csv"));
        assert!(arguments.contains(&OsString::from("--filename=/photos/둘째 날/predictions.csv")));
        assert!(arguments.contains(&OsString::from("--save")));
    }
}
