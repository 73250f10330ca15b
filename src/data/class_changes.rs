//! How the classes of labels have changed between two versions: new names, and another order.

use super::labels::Labels;

/// Old and new names of the classes that `after` has renamed: all labels of the one are labels of the other, or, of a class
/// without labels, the name in its place is the only one that differs.
pub(super) fn renames(before: &Labels, after: &Labels) -> Vec<[String; 2]> {
    let now = after.by_target();
    let (old, new) = (before.classes(), after.classes());
    let in_place = |class: usize| {
        let others_stay = || (0..old.len()).all(|other| other == class || old[other] == new[other]);
        new.get(class).filter(|_| old.len() == new.len() && others_stay()).map(String::as_str)
    };
    let mut found: Vec<[String; 2]> = Vec::new();
    for (class, name) in old.iter().enumerate().filter(|(_, name)| after.class(name).is_none()) {
        let mut names =
            before.targets().filter(|(_, of)| of == name).map(|(target, _)| now.get(&target).copied());
        let renamed = match names.next() {
            None => in_place(class),
            Some(first) => first.filter(|_| names.all(|other| other == first)),
        };
        let is_new = |name: &&str| before.class(name).is_none();
        found.extend(renamed.filter(is_new).map(|renamed| [name.clone(), renamed.to_owned()]));
    }
    let is_alone = |[_, name]: &[String; 2]| found.iter().filter(|[_, other]| other == name).count() == 1;
    let alone: Vec<bool> = found.iter().map(is_alone).collect();
    found.into_iter().zip(alone).filter(|(_, alone)| *alone).map(|(names, _)| names).collect()
}

/// Gives `merged` the order of the classes of `saved`, if that has changed it since `base` and `own` has not. Whether it has.
pub(super) fn take_order(merged: &mut Labels, own: &Labels, base: &Labels, saved: &Labels) -> bool {
    let common = |of: &Labels, with: &Labels| {
        of.classes().iter().filter(|name| with.class(name).is_some()).cloned().collect::<Vec<_>>()
    };
    if common(saved, base) == common(base, saved) || common(own, base) != common(base, own) {
        return false;
    }
    merged.order_as(saved.classes());
    true
}

impl Labels {
    /// Puts the classes into this order; others follow in the order that they have.
    pub fn order_as(&mut self, names: &[String]) {
        let mut order: Vec<usize> = (0..self.classes.len()).collect();
        let place = |class: &usize| {
            names.iter().position(|name| *name == self.classes[*class]).unwrap_or(names.len())
        };
        order.sort_by_key(place);
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, old)| places[*old] = new as u32);
        let all = self.class_of.values_mut().chain(self.absent.iter_mut().map(|(_, class)| class));
        all.for_each(|class| *class = places[*class as usize]);
        self.classes = order.iter().map(|old| self.classes[*old].clone()).collect();
    }
}
