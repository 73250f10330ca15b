//! Where the views are: tabs that can be split and rearranged.

use std::collections::HashMap;

use eframe::egui::{Frame, Id, Rect, Ui, WidgetText};
use egui_tiles::{Behavior, SimplificationOptions, Tile, TileId, Tiles, Tree, UiResponse};

use super::tour::Place;
use super::views::{ViewContext, ViewKind, Views};

/// Anchors large, curves below them, the rest behind.
pub fn default() -> Tree<ViewKind> {
    let mut tiles = Tiles::default();
    let mut pane = |kind| tiles.insert_pane(kind);
    let main: Vec<_> = [
        ViewKind::Anchors,
        ViewKind::Alignment,
        ViewKind::Policy,
        ViewKind::MixUp,
        ViewKind::Rotation,
        ViewKind::Confusion,
        ViewKind::Embedding,
        ViewKind::Network,
        ViewKind::Labelling,
        ViewKind::Ablation,
    ]
    .map(&mut pane)
    .into();
    let curves = pane(ViewKind::Curves);
    let main = tiles.insert_tab_tile(main);
    let lower = tiles.insert_tab_tile(vec![curves]);
    let root = tiles.insert_vertical_tile(vec![main, lower]);
    let mut tree = Tree::new(Id::unique("views"), root, tiles);
    if let Some(Tile::Container(egui_tiles::Container::Linear(linear))) = tree.tiles.get_mut(root) {
        linear.shares.set_share(main, 2.0);
        linear.shares.set_share(lower, 1.0);
    }
    tree
}

fn is_pane_of(tile: &Tile<ViewKind>, kind: ViewKind) -> bool {
    matches!(tile, Tile::Pane(pane) if *pane == kind)
}

fn place(tree: &Tree<ViewKind>, kind: ViewKind) -> Option<TileId> {
    tree.tiles.iter().find(|(_, tile)| is_pane_of(tile, kind)).map(|(id, _)| *id)
}

/// Brings a view to the front.
pub fn show(tree: &mut Tree<ViewKind>, kind: ViewKind) {
    tree.make_active(|_, tile| is_pane_of(tile, kind));
}

/// Puts views that a layout of an earlier version lacks beside the anchors.
pub fn complete(tree: &mut Tree<ViewKind>) {
    for kind in ViewKind::ALL {
        if place(tree, kind).is_some() {
            continue;
        }
        let Some(beside) = place(tree, ViewKind::Anchors).and_then(|id| tree.tiles.parent_of(id)) else {
            *tree = default();
            return;
        };
        let pane = tree.tiles.insert_pane(kind);
        if let Some(Tile::Container(container)) = tree.tiles.get_mut(beside) {
            container.add_child(pane);
        }
    }
}

/// Whether a view is in front.
pub fn is_shown(tree: &Tree<ViewKind>, kind: ViewKind) -> bool {
    tree.active_tiles().iter().any(|id| tree.tiles.get(*id).is_some_and(|tile| is_pane_of(tile, kind)))
}

/// Draws the views of a frame.
pub struct Panes<'a, 'b> {
    pub views: &'a mut Views,
    pub context: &'a mut ViewContext<'b>,
    pub places: &'a mut HashMap<Place, Rect>,
}

impl Behavior<ViewKind> for Panes<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, kind: &mut ViewKind) -> UiResponse {
        self.places.insert(Place::View(*kind), ui.max_rect());
        let frame = Frame::NONE.inner_margin(6.0);
        frame.show(ui, |ui| self.views.show(*kind, ui, self.context));
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, kind: &ViewKind) -> WidgetText {
        kind.title().into()
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..Default::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(kind: ViewKind) -> Tree<ViewKind> {
        let mut tree = default();
        tree.remove_recursively(place(&tree, kind).expect("the view"));
        tree
    }

    #[test]
    fn a_layout_of_before_a_view_gets_it_and_stays_as_it_is() {
        for kind in ViewKind::ALL {
            let mut tree = without(kind);
            show(&mut tree, ViewKind::MixUp);
            complete(&mut tree);
            for kind in ViewKind::ALL {
                let panes = tree.tiles.tiles().filter(|tile| is_pane_of(tile, kind)).count();
                assert_eq!(panes, 1, "{}", kind.title());
            }
            if ![ViewKind::Anchors, ViewKind::MixUp].contains(&kind) {
                assert!(is_shown(&tree, ViewKind::MixUp), "without {}", kind.title());
            }
        }
        let mut whole = default();
        complete(&mut whole);
        assert_eq!(whole, default());
    }
}
