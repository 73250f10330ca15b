//! What is going on in the app as data, for tests that drive a page.

use serde_json::{Value, json};

use super::session::Phase;
use super::views::view::View;
use super::{App, layout};

impl App {
    /// The data, the settings and every run, as the window shows them in this frame.
    pub fn state(&self) -> Value {
        let runs: Vec<_> = self
            .runs
            .iter()
            .map(|run| {
                let state = &run.state;
                let losses = state.statistics.iter();
                json!({
                    "name": run.name,
                    "phase": match &state.phase {
                        Phase::Preparing => "preparing",
                        Phase::Paused => "paused",
                        Phase::Running => "running",
                        Phase::Finished => "finished",
                        Phase::Failed(_) => "failed",
                    },
                    "failure": match &state.phase {
                        Phase::Failed(reason) => Some(reason),
                        _ => None,
                    },
                    "step": state.progress.map_or(0, |progress| progress.step),
                    "steps": losses
                        .map(|s| json!({ "step": s.step, "losses": [s.loss_x, s.loss_u, s.loss_u1, s.loss_r] }))
                        .collect::<Vec<_>>(),
                    "reports": *state.reports,
                    "config": run.session.config,
                })
            })
            .collect();
        let set = self.data.ready();
        json!({
            "adapter": super::platform::adapter_name(&self.gpu),
            "data": set.map(|set| json!({
                "name": set.name,
                "format": set.format,
                "classes": set.classes,
                "train": set.train.len(),
                "test": set.test.len(),
            })),
            "opening": self.data.opening(),
            "failure": self.data.failure().map(|failure| &failure.reason),
            "all_views": self.views.iter().map(View::title).collect::<Vec<_>>(),
            "views": self
                .views
                .iter()
                .filter(|view| layout::is_shown(&self.settings.layout, &view.id()))
                .map(View::title)
                .collect::<Vec<_>>(),
            "log": self.log.lines(),
            "config": self.settings.config,
            "compare": self.settings.compare.map(super::parts::Variation::name),
            "runs": runs,
        })
    }
}
