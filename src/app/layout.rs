//! Where the views are: tabs that can be split and rearranged.

use eframe::egui::{Frame, Id, Response, Role, Ui, WidgetInfo, WidgetText};
use egui_tiles::{
    Behavior, Container, LinearDir, SimplificationOptions, Tabs, Tile, TileId, Tiles, Tree, UiResponse,
};

use super::places::{Place, Places, ViewId};
use super::views::view::ViewContext;
use super::views::{self, Views, anchors, curves};

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

/// A lower pane that is drawn low for a frame.
pub struct Lowered {
    root: TileId,
    pane: TileId,
    /// Its share of the height before.
    share: f32,
}

/// Share of the height of a lower pane without content, where the other one has 2.
const LOW: f32 = 0.3;

/// Makes the lower pane low, as long as it shows one view that has no content yet; `None` if a person has arranged the
/// panes otherwise.
pub fn lower(tree: &mut Tree<ViewId>) -> Option<Lowered> {
    let root = tree.root()?;
    let pane = place(tree, &curves::ID).and_then(|view| tree.tiles.parent_of(view))?;
    let alone = matches!(tree.tiles.get(pane), Some(Tile::Container(tabs)) if tabs.num_children() == 1);
    let Some(Tile::Container(Container::Linear(linear))) = tree.tiles.get_mut(root) else { return None };
    if !(alone && linear.dir == LinearDir::Vertical && linear.children.last() == Some(&pane)) {
        return None;
    }
    let share = linear.shares[pane];
    linear.shares.set_share(pane, LOW.min(share));
    Some(Lowered { root, pane, share })
}

/// Gives a lowered pane its height back, unless it was changed meanwhile.
pub fn restore(tree: &mut Tree<ViewId>, Lowered { root, pane, share }: &Lowered) {
    if let Some(Tile::Container(Container::Linear(linear))) = tree.tiles.get_mut(*root)
        && linear.shares[*pane] == LOW.min(*share)
    {
        linear.shares.set_share(*pane, *share);
    }
}

/// Draws the views of a frame.
pub struct Panes<'a, 'b> {
    pub views: &'a mut Views,
    pub context: &'a mut ViewContext<'b>,
    pub places: &'a mut Places,
    /// The bar whose tabs are being drawn, and its active tab.
    pub bar: Option<(TileId, Option<TileId>)>,
    /// Set when a view is chosen from the menu of a tab bar.
    pub chosen: &'a mut Option<ViewId>,
}

/// Frames in a row in which the active tab is wholly visible before it counts as shown: the arrows of a full bar appear
/// one frame late.
const SETTLED: u32 = 3;
/// Frames after which a tab that does not fit into its bar is left as it is.
const MOST_FRAMES: u32 = 20;
/// Points between a tab that is scrolled into its bar and the bar's end.
const MARGIN: f32 = 4.0;

/// The active tab of a bar, and whether it is in sight.
#[derive(Clone, Copy)]
struct ActiveTab {
    tile: TileId,
    /// The width of the window.
    width: u32,
    /// Frames since it became active, and those of them in a row in which it was wholly visible.
    frames: u32,
    visible: u32,
    /// Points by which the bar has to scroll.
    scroll: f32,
}

/// Where the [`ActiveTab`] of a bar is kept between frames.
fn active_tab(bar: TileId) -> Id {
    Id::unique(("active tab", bar))
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

    /// A menu of the views, as some tabs of a narrow bar are out of sight. It is drawn before the tabs of its bar.
    fn top_bar_right_ui(
        &mut self,
        tiles: &Tiles<ViewId>,
        ui: &mut Ui,
        tile: TileId,
        tabs: &Tabs,
        scroll_offset: &mut f32,
    ) {
        // A container is not among the tiles while it is drawn.
        self.bar = Some((tile, tabs.active));
        ui.data_mut(|data| {
            if let Some(mut active) = data.get_temp::<ActiveTab>(active_tab(tile)) {
                *scroll_offset += std::mem::take(&mut active.scroll);
                data.insert_temp(active_tab(tile), active);
            }
        });
        if tabs.children.len() < 2 {
            return;
        }
        let menu = ui.menu_button("☰", |ui| {
            for tab in &tabs.children {
                if let Some(Tile::Pane(view)) = tiles.get(*tab)
                    && ui.selectable_label(tabs.is_active(*tab), self.views.title(view)).clicked()
                {
                    *self.chosen = Some(view.clone());
                    ui.close();
                }
            }
        });
        let button = menu.response.on_hover_text("All views of this bar");
        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, "all views"));
    }

    /// Has a tab scrolled into its bar when it becomes active or the width of the window changes.
    fn on_tab_button(&mut self, _tiles: &mut Tiles<ViewId>, tile: TileId, tab: Response) -> Response {
        if let Some((bar, _)) = self.bar.filter(|(_, active)| *active == Some(tile)) {
            let (id, width) = (active_tab(bar), tab.ctx.content_rect().width() as u32);
            let before: Option<ActiveTab> = tab.ctx.data(|data| data.get_temp(id));
            let new = ActiveTab { tile, width, frames: 0, visible: 0, scroll: 0.0 };
            let mut active = before.filter(|of| (of.tile, of.width) == (tile, width)).unwrap_or(new);
            // Afterwards a person may scroll it out of sight.
            if active.visible < SETTLED && active.frames < MOST_FRAMES {
                let (whole, seen) = (tab.rect.x_range(), tab.interact_rect.x_range());
                active.scroll = match (seen.max < whole.max - 0.5, seen.min > whole.min + 0.5) {
                    (true, _) => whole.max - seen.max + MARGIN,
                    (false, true) => whole.min - seen.min - MARGIN,
                    (false, false) => 0.0,
                };
                active.frames += 1;
                active.visible = if active.scroll == 0.0 { active.visible + 1 } else { 0 };
                tab.ctx.request_repaint();
            }
            tab.ctx.data_mut(|data| data.insert_temp(id, active));
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
    fn lower_pane_is_low_for_a_frame_only() {
        let mut tree = default();
        let lowered = lower(&mut tree).expect("the default layout has a lower pane");
        assert_ne!(tree, default());
        restore(&mut tree, &lowered);
        assert_eq!(tree, default());
        let mut arranged = without(&curves::ID);
        complete(&mut arranged);
        assert!(lower(&mut arranged).is_none());
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
