//! Where the views are: tabs that can be split and rearranged.

use eframe::egui::style::ScrollAnimation;
use eframe::egui::{Frame, Id, Response, Ui, WidgetText};
use egui_tiles::{Behavior, Container, SimplificationOptions, Tile, TileId, Tiles, Tree, UiResponse};

use super::places::{Place, Places, ViewId};
use super::views::view::ViewContext;
use super::views::{self, Views, anchors};

/// One large pane with all views as tabs, and below it a lower one: see
/// [`View::is_in_lower_pane`](views::view::View::is_in_lower_pane).
pub fn default() -> Tree<ViewId> {
    let mut tiles = Tiles::default();
    let (mut main, mut lower) = (Vec::new(), Vec::new());
    for view in views::all() {
        let pane = tiles.insert_pane(view.id());
        if view.is_in_lower_pane() { lower.push(pane) } else { main.push(pane) }
    }
    let main = tiles.insert_tab_tile(main);
    let lower = tiles.insert_tab_tile(lower);
    let root = tiles.insert_vertical_tile(vec![main, lower]);
    let mut tree = Tree::new(Id::unique("views"), root, tiles);
    if let Some(Tile::Container(egui_tiles::Container::Linear(linear))) = tree.tiles.get_mut(root) {
        linear.shares.set_share(main, 2.0);
        linear.shares.set_share(lower, 1.0);
    }
    tree
}

fn is_pane_of(tile: &Tile<ViewId>, view: &ViewId) -> bool {
    matches!(tile, Tile::Pane(pane) if pane == view)
}

fn place(tree: &Tree<ViewId>, view: &ViewId) -> Option<TileId> {
    tree.tiles.iter().find(|(_, tile)| is_pane_of(tile, view)).map(|(id, _)| *id)
}

/// Brings a view to the front.
pub fn show(tree: &mut Tree<ViewId>, view: &ViewId) {
    tree.make_active(|_, tile| is_pane_of(tile, view));
}

/// Fits a layout of another version to the registered views: removes panes of views that are gone, and puts
/// missing views beside the anchors.
pub fn complete(tree: &mut Tree<ViewId>) {
    let registered: Vec<_> = views::all().iter().map(|view| view.id()).collect();
    let is_unknown = |tile: &Tile<ViewId>| matches!(tile, Tile::Pane(pane) if !registered.contains(pane));
    let unknown: Vec<_> = tree.tiles.iter().filter(|(_, tile)| is_unknown(tile)).map(|(id, _)| *id).collect();
    for id in unknown {
        tree.remove_recursively(id);
    }
    for view in registered {
        if place(tree, &view).is_some() {
            continue;
        }
        let Some(beside) = place(tree, &anchors::ID).and_then(|id| tree.tiles.parent_of(id)) else {
            *tree = default();
            return;
        };
        let pane = tree.tiles.insert_pane(view);
        if let Some(Tile::Container(container)) = tree.tiles.get_mut(beside) {
            container.add_child(pane);
        }
    }
}

/// Whether a view is in front.
pub fn is_shown(tree: &Tree<ViewId>, view: &ViewId) -> bool {
    tree.active_tiles().iter().any(|id| tree.tiles.get(*id).is_some_and(|tile| is_pane_of(tile, view)))
}

/// Draws the views of a frame.
pub struct Panes<'a, 'b> {
    pub views: &'a mut Views,
    pub context: &'a mut ViewContext<'b>,
    pub places: &'a mut Places,
}

impl Behavior<ViewId> for Panes<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, view: &mut ViewId) -> UiResponse {
        self.places.insert(Place::View(view.clone()), ui.max_rect());
        let frame = Frame::NONE.inner_margin(6.0);
        frame.show(ui, |ui| self.views.ui(view, ui, self.context));
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, view: &ViewId) -> WidgetText {
        self.views.title(view).into()
    }

    /// Scrolls a tab into the bar when it becomes active or the width of the window changes.
    fn on_tab_button(&mut self, tiles: &mut Tiles<ViewId>, tile: TileId, tab: Response) -> Response {
        let bar = tiles.parent_of(tile);
        if let Some(Tile::Container(Container::Tabs(tabs))) = bar.and_then(|bar| tiles.get(bar))
            && tabs.active == Some(tile)
        {
            let shown = (tile, tab.ctx.content_rect().width() as u32);
            let before = tab.ctx.data_mut(|data| {
                data.get_temp_mut_or_default::<Option<(TileId, u32)>>(Id::unique(("active tab", bar)))
                    .replace(shown)
            });
            if before != Some(shown) {
                tab.scroll_to_me_animation(None, ScrollAnimation::none());
            }
        }
        tab
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..Default::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::views::mixup;

    fn without(view: &ViewId) -> Tree<ViewId> {
        let mut tree = default();
        tree.remove_recursively(place(&tree, view).expect("the view"));
        tree
    }

    #[test]
    fn old_layouts_gain_missing_views() {
        let all: Vec<_> = views::all().iter().map(|view| view.id()).collect();
        for missing in &all {
            let mut tree = without(missing);
            show(&mut tree, &mixup::ID);
            complete(&mut tree);
            for view in &all {
                let panes = tree.tiles.tiles().filter(|tile| is_pane_of(tile, view)).count();
                assert_eq!(panes, 1, "{view}");
            }
            if ![anchors::ID, mixup::ID].contains(missing) {
                assert!(is_shown(&tree, &mixup::ID), "without {missing}");
            }
        }
        let mut whole = default();
        complete(&mut whole);
        assert_eq!(whole, default());
    }

    #[test]
    fn layouts_lose_views_that_are_gone() {
        let mut tree = default();
        let gone = ViewId::new("Gone");
        let pane = tree.tiles.insert_pane(gone.clone());
        let beside = place(&tree, &anchors::ID).and_then(|id| tree.tiles.parent_of(id)).expect("a tab bar");
        let Some(Tile::Container(tabs)) = tree.tiles.get_mut(beside) else { panic!("no tab bar") };
        tabs.add_child(pane);
        complete(&mut tree);
        assert_eq!(place(&tree, &gone), None);
        assert!(place(&tree, &anchors::ID).is_some());
    }
}
