//! What undo brings back: the labels and classes before each change that a person has made in this window.

use std::collections::HashMap;

use crate::data::Labels;

/// A change that can be undone.
enum Change {
    /// An image had this class, by name, or no label.
    Label { image: usize, before: Option<String> },
    /// Classes were removed or merged: all labels before, and the old and new names of the run's classes. Renamed and new
    /// classes since are among them.
    Classes(Box<Labels>, Vec<[String; 2]>),
}

/// What [`Undo::undo`] has undone.
pub struct Undone {
    /// The image to go to.
    pub image: usize,
    /// Old and new names of the classes that were renamed since the run began, if classes are those of before.
    pub renamed: Option<Vec<[String; 2]>>,
}

/// A change, and the image that the queue moved to after it.
struct Entry {
    change: Change,
    then: usize,
}

/// The changes since the labels were opened, the latest last.
#[derive(Default)]
pub struct Undo(Vec<Entry>);

impl Undo {
    /// Records the label of an image before it is changed.
    pub fn label(&mut self, image: usize, labels: &Labels) {
        let before = labels.of(image).map(|class| labels.classes()[class as usize].clone());
        self.0.push(Entry { change: Change::Label { image, before }, then: image });
    }

    /// Records all labels before classes are removed or merged. `current`: the current image; `renamed`: old and new names
    /// of the classes that were renamed since the run began.
    pub fn classes(&mut self, labels: &Labels, renamed: &[[String; 2]], current: usize) {
        let change = Change::Classes(Box::new(labels.clone()), renamed.to_vec());
        self.0.push(Entry { change, then: current });
    }

    /// A run begins, whose classes have the names of now.
    pub fn begin_run(&mut self) {
        for entry in &mut self.0 {
            if let Change::Classes(_, renamed) = &mut entry.change {
                renamed.clear();
            }
        }
    }

    /// Tells which image the queue moved to after the last change.
    pub fn moved_to(&mut self, image: usize) {
        if let Some(last) = self.0.last_mut() {
            last.then = image;
        }
    }

    /// A class has another name.
    pub fn renamed(&mut self, old: &str, new: &str) {
        for entry in &mut self.0 {
            match &mut entry.change {
                Change::Label { before: Some(name), .. } if name == old => new.clone_into(name),
                Change::Label { .. } => {}
                Change::Classes(before, renamed) => {
                    // A class that is back keeps its name, even if another one has it now.
                    if let Some(class) = before.class(old)
                        && before.rename(class, new).is_ok()
                    {
                        renamed.push([old.to_owned(), new.to_owned()]);
                    }
                }
            }
        }
    }

    /// There is a new class.
    pub fn added(&mut self, name: &str) {
        for entry in &mut self.0 {
            if let Change::Classes(before, _) = &mut entry.change {
                // It is there already if it was removed and is made again.
                let _ = before.add_class(name);
            }
        }
    }

    /// Forgets what would overwrite labels that someone else has changed: those of images whose label differs.
    pub fn adopt(&mut self, old: &Labels, new: &Labels) {
        let name =
            |labels: &Labels, image| labels.of(image).map(|class| labels.classes()[class as usize].clone());
        self.0.retain(|entry| match &entry.change {
            Change::Label { image, .. } => name(old, *image) == name(new, *image),
            Change::Classes(..) => false,
        });
    }

    /// The changes of a folder whose images were `before` and are `now`, by their paths: without those of images that are gone.
    pub fn of_files(self, before: &[String], now: &[String]) -> Self {
        let places: HashMap<&str, usize> =
            now.iter().enumerate().map(|(place, file)| (file.as_str(), place)).collect();
        let place = |image: usize| places.get(before[image].as_str()).copied();
        let entries = self.0.into_iter().filter_map(|Entry { change, then }| {
            let change = match change {
                Change::Label { image, before } => Change::Label { image: place(image)?, before },
                Change::Classes(labels, renamed) => {
                    Change::Classes(Box::new(labels.of_files(before, now)), renamed)
                }
            };
            Some(Entry { change, then: place(then).unwrap_or_default() })
        });
        Self(entries.collect())
    }

    /// Undoes a change: the last change if the queue has stayed where that led, or if the
    /// current image has no label; otherwise the last change of the current image, unless classes were changed since.
    /// `None` if there is none.
    pub fn undo(&mut self, labels: &mut Labels, current: usize) -> Option<Undone> {
        let last = self.0.last()?;
        let at = if last.then == current || labels.of(current).is_none() {
            self.0.len() - 1
        } else {
            let changes = self.0.iter().enumerate().rev();
            let of_labels = changes.map_while(|(at, entry)| match entry.change {
                Change::Label { image, .. } => Some((at, image)),
                Change::Classes(..) => None,
            });
            of_labels.into_iter().find(|(_, image)| *image == current)?.0
        };
        let Entry { change, then } = self.0.remove(at);
        match change {
            Change::Classes(before, renamed) => {
                *labels = *before;
                Some(Undone { image: then, renamed: Some(renamed) })
            }
            Change::Label { image, before } => {
                match before.and_then(|name| labels.class(&name)) {
                    Some(class) => labels.set(image, class),
                    None => labels.unset(image),
                }
                Some(Undone { image, renamed: None })
            }
        }
    }
}
