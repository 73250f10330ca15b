//! Classes that someone else has changed: what a person is told, and which keys label with another class than before. Such a
//! key is told once before it labels.

use std::collections::BTreeMap;

use super::guesses::renamed;
use crate::data::listed_name;

/// Number of classes that have a key.
const KEYS: usize = 10;

/// What of the classes was changed elsewhere, until a person has seen it.
#[derive(Default)]
pub struct ChangedClasses {
    /// The classes that the person saw last, if others have changed them since.
    seen: Option<Vec<String>>,
    /// Old and new names since then.
    renamed: Vec<[String; 2]>,
    /// By key, from 0: the class that it labelled with.
    keys: BTreeMap<usize, String>,
}

impl ChangedClasses {
    /// Records that someone else has changed the classes from `before` to `now`; `renamed` are old and new names.
    pub fn record(&mut self, before: &[String], now: &[String], renamed: &[[String; 2]]) {
        if before == now {
            return;
        }
        let seen = self.seen.get_or_insert_with(|| before.to_vec());
        if seen == now {
            *self = Self::default();
            return;
        }
        self.renamed.extend_from_slice(renamed);
        let moved = seen.iter().take(KEYS).enumerate().filter(|(key, name)| now.get(*key) != Some(*name));
        self.keys = moved.map(|(key, name)| (key, name.clone())).collect();
    }

    /// The class that a key labelled with before others changed the classes, if a person is to be told so: once.
    pub fn take(&mut self, key: usize) -> Option<String> {
        self.keys.remove(&key)
    }

    /// What has changed, in words, if a person has not seen it. `now` are the classes.
    pub fn told(&self, now: &[String]) -> Option<String> {
        let changes = differences(self.seen.as_ref()?, now, &self.renamed);
        let changes = changes.unwrap_or_else(|| "they have another order".to_owned());
        let keys = self.keys.iter().map(|(key, before)| {
            let number = (key + 1) % KEYS;
            match now.get(*key) {
                Some(class) => format!("{number} is {} (was {})", listed_name(class), listed_name(before)),
                None => format!("{number} has no class (was {})", listed_name(before)),
            }
        });
        let keys = keys.collect::<Vec<_>>().join(", ");
        let keys = if keys.is_empty() { String::new() } else { format!(" Keys: {keys}.") };
        Some(format!("The classes were changed elsewhere: {changes}.{keys}"))
    }
}

/// How classes differ from those of `before`, in words; `None` if they do not, but for their order. `changes` are old and new
/// names.
pub fn differences(before: &[String], now: &[String], changes: &[[String; 2]]) -> Option<String> {
    let (mut renames, mut removed) = (Vec::new(), Vec::new());
    let named: Vec<String> = before.iter().map(|name| renamed(name, changes)).collect();
    for (old, new) in before.iter().zip(&named) {
        if !now.contains(new) {
            removed.push(listed_name(old));
        } else if old != new {
            renames.push(format!("{} (now {})", listed_name(old), listed_name(new)));
        }
    }
    let added = now.iter().filter(|name| !named.contains(name)).map(|name| listed_name(name));
    let part =
        |verb: &str, names: Vec<String>| (!names.is_empty()).then(|| format!("{verb} {}", names.join(", ")));
    let parts =
        [part("removed", removed), part("renamed", renames), part("added", added.collect())].into_iter();
    let parts: Vec<String> = parts.flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &str) -> Vec<String> {
        names.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn keys_with_other_classes_are_told_once() {
        for (now, renames, keys, told) in [
            ("a b c", &[][..], &[][..], None),
            ("a b c d", &[], &[], Some("added d.")),
            (
                "b c",
                &[],
                &[(0, "a"), (1, "b"), (2, "c")],
                Some("removed a. Keys: 1 is b (was a), 2 is c (was b), 3 has no class (was c)."),
            ),
            ("x b c", &[["a", "x"]], &[(0, "a")], Some("renamed a (now x). Keys: 1 is x (was a).")),
            (
                "a c b",
                &[],
                &[(1, "b"), (2, "c")],
                Some("they have another order. Keys: 2 is c (was b), 3 is b (was c)."),
            ),
        ] {
            let mut changed = ChangedClasses::default();
            let renames: Vec<_> = renames.iter().map(|names: &[&str; 2]| names.map(str::to_owned)).collect();
            changed.record(&names("a b c"), &names(now), &renames);
            let expected = told.map(|told| format!("The classes were changed elsewhere: {told}"));
            assert_eq!(changed.told(&names(now)), expected, "{now}");
            let found: Vec<(usize, String)> =
                (0..4).filter_map(|key| Some((key, changed.take(key)?))).collect();
            let keys: Vec<_> = keys.iter().map(|(key, name)| (*key, (*name).to_owned())).collect();
            assert_eq!(found, keys, "{now}");
            assert!((0..4).all(|key| changed.take(key).is_none()), "{now}");
        }
        // Changed twice, and back.
        let mut changed = ChangedClasses::default();
        changed.record(&names("a b"), &names("b a"), &[]);
        changed.record(&names("b a"), &names("a b"), &[]);
        assert_eq!((changed.take(0), changed.told(&names("a b"))), (None, None));
    }
}
