//! Autosaved runs: no run is lost to a reset, a closed window or a crash.

use std::path::{Path, PathBuf};
use std::time::Duration;

use web_time::UNIX_EPOCH;

use crate::data::counted;
use crate::disk;
use crate::train::{Config, RunFolder};

/// Runs that are kept when the window opens; older ones are removed.
const MAX_RUNS: usize = if cfg!(target_arch = "wasm32") { 4 } else { 20 };

/// Most letters of the data's name in that of a run.
const MAX_NAME: usize = 40;

/// The folder of the autosaved runs, with one folder per run in it.
#[derive(Clone, Debug)]
pub struct AutosavedRuns {
    folder: PathBuf,
}

impl AutosavedRuns {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder for a new run, named by its settings and the current time.
    pub fn folder_for(&self, name: &str, config: &Config) -> PathBuf {
        let now = web_time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let what = if name.is_empty() { &config.method_name } else { name };
        let data = config.data.trim_end_matches(['/', '\\']);
        let data = data.rsplit(['/', '\\', ':']).next().unwrap_or_default();
        let data: String = data.chars().take(MAX_NAME).collect();
        let text = format!("{data} {} {what} {} labels seed {}", config.preset, config.labels, config.seed);
        let safe: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        self.folder.join(format!("{safe}-{}", now.as_millis()))
    }

    /// The folders of all autosaved runs, the latest first.
    pub fn list(&self) -> Vec<PathBuf> {
        // The first autosave creates the folder.
        let mut runs: Vec<_> = disk::list(&self.folder)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|path| Some((disk::modified(&RunFolder::new(&path).model()).ok()?, path)))
            .collect();
        runs.sort_by(|a, b| b.cmp(a));
        runs.into_iter().map(|(_, path)| path).collect()
    }

    /// Removes all runs but the latest [`MAX_RUNS`].
    pub fn remove_oldest(&self) {
        for old in self.list().into_iter().skip(MAX_RUNS) {
            remove(&old);
        }
    }
}

/// What a list of autosaved runs calls a run: its data and settings, and how long ago it was saved.
pub fn title(run: &Path) -> String {
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    let now = web_time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let saved = disk::modified(&RunFolder::new(run).model()).ok();
    title_at(&name, saved.and_then(|saved| saved.duration_since(UNIX_EPOCH).ok()), now)
}

/// [`title`] of a folder's name at a time since 1970: of a run that was saved at another time, or else has just begun.
fn title_at(name: &str, saved: Option<Duration>, now: Duration) -> String {
    let began = name.rsplit_once('-').and_then(|(what, millis)| Some((what, millis.parse().ok()?)));
    let Some((what, millis)) = began else { return name.to_owned() };
    let saved = saved.unwrap_or(Duration::from_millis(millis));
    format!("{}, {}", what.replace('-', " "), age(now.saturating_sub(saved)))
}

/// A time in the past, in the largest unit that fits.
fn age(passed: Duration) -> String {
    let minutes = passed.as_secs() / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..1_440 => format!("{} h ago", minutes / 60),
        _ => format!("{} ago", counted((minutes / 1_440) as usize, "day", "days")),
    }
}

/// Removes the files that a run wrote, and the folder if it is empty then.
fn remove(path: &Path) {
    let run = RunFolder::new(path);
    for file in [run.config(), run.metrics(), run.model(), run.summary()] {
        // A file that cannot be removed stays; nothing depends on it.
        let _ = disk::remove(&file);
    }
    let _ = disk::remove_folder(path);
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::train::preset;

    #[test]
    fn autosaved_runs_are_told_by_data_and_age() {
        let autosaved = AutosavedRuns::new(PathBuf::from("runs"));
        let mut config = preset("quick", None).expect("a preset").config;
        for (data, named) in [
            ("builtin:digits", "digits quick"),
            ("/home/me/사진 4/", "사진 4 quick"),
            (r"C:\photos\Grüße", "Grüße quick"),
            ("d/photos.tar.gz", "photos tar gz quick"),
        ] {
            config.data = data.to_owned();
            let folder = autosaved.folder_for("", &config);
            let expected = format!("{named} remixmatch 40 labels seed 0, just now");
            assert_eq!(title(&folder), expected, "{folder:?}");
        }
        for (minutes, age_then) in
            [(3, "3 min ago"), (125, "2 h ago"), (1_500, "1 day ago"), (9_000, "6 days ago")]
        {
            let name = format!("quick-remixmatch-16-labels-seed-0-{}", 1_795_728_127_807u64);
            let now = Duration::from_millis(1_795_728_127_807) + Duration::from_secs(60 * minutes);
            let expected = |age: &str| format!("quick remixmatch 16 labels seed 0, {age}");
            assert_eq!(title_at(&name, None, now), expected(age_then));
            // A run that went on is as old as its last state.
            let saved = now - Duration::from_secs(70);
            assert_eq!(title_at(&name, Some(saved), now), expected("1 min ago"));
        }
        assert_eq!(title_at("my run", None, Duration::ZERO), "my run");
    }

    #[test]
    fn only_the_oldest_autosaved_runs_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let autosaved = AutosavedRuns::new(folder.path().to_owned());
        let config = preset("quick", None).expect("a preset").config;
        let new = autosaved.folder_for("no alignment", &config);
        assert!(new.to_string_lossy().contains("quick-no-alignment-40-labels"));
        let began = SystemTime::now() - Duration::from_secs(1_000);
        for i in 0..MAX_RUNS as u64 + 3 {
            let run = RunFolder::new(folder.path().join(format!("run {i}")));
            std::fs::create_dir(run.path()).expect("a folder");
            let model = std::fs::File::create(run.model()).expect("a file");
            model.set_modified(began + Duration::from_secs(i)).expect("a time");
        }
        std::fs::create_dir(folder.path().join("other")).expect("a folder");
        autosaved.remove_oldest();
        let names: Vec<_> =
            autosaved.list().iter().map(|path| path.file_name().map(|n| n.to_owned())).collect();
        assert_eq!(names.len(), MAX_RUNS);
        assert_eq!(names[0].as_deref(), Some("run 22".as_ref()));
        assert!(folder.path().join("other").exists() && !folder.path().join("run 2").exists());
    }
}
