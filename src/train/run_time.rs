//! How long a run takes, told before it begins: the work of its recorded plan, over how fast this adapter did such work.
//!
//! `workload.rs` counts the work in seconds of a nominal adapter. How much slower this one is was found by a run of the same
//! network on it, or by a few steps of the plan itself, see `speed.rs`.

use super::config::Config;
use super::speed::{Basis, Speed};
use super::workload::Workload;
use crate::data::grouped;

/// How long a run is expected to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunTime {
    pub seconds: f64,
    pub steps: u64,
    pub basis: Basis,
}

impl RunTime {
    /// The time of runs that train beside each other with these settings, each on an adapter as fast as its [`Speed`].
    pub fn of_runs<'a>(
        runs: impl IntoIterator<Item = (&'a Workload, &'a Config, Speed)>,
        tested: usize,
    ) -> Option<Self> {
        let of_run = |(workload, config, speed): (&Workload, &Config, Speed)| Self {
            seconds: workload.of_run(config, tested) * speed.slowness,
            steps: config.steps,
            basis: speed.basis,
        };
        runs.into_iter().map(of_run).reduce(|all, run| Self { seconds: all.seconds + run.seconds, ..all })
    }

    /// For example `about 12 min for 1,000 steps (measured with 3 steps of 4 images)`.
    pub fn text(&self) -> String {
        let noun = if self.steps == 1 { "step" } else { "steps" };
        format!("about {} for {} {noun} ({})", rough(self.seconds), grouped(self.steps), self.basis)
    }
}

/// A time with as many digits as an estimate has.
fn rough(seconds: f64) -> String {
    let rounded = |value: f64, unit: &str| match value {
        value if value < 9.95 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    };
    match seconds {
        s if s < 10.0 => format!("{:.0} s", s.max(1.0)),
        s if s < 90.0 => format!("{:.0} s", (s / 5.0).round() * 5.0),
        s if s < 5_400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => rounded(s / 3_600.0, "h"),
        s => rounded(s / 86_400.0, "days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::preset;

    const BASIS: Basis = Basis::Trial { images: 4 };

    #[test]
    fn times_have_the_digits_of_an_estimate() {
        for (seconds, steps, expected) in [
            (0.2, 1, "about 1 s for 1 step"),
            (7.4, 60, "about 7 s for 60 steps"),
            (57.0, 500, "about 55 s for 500 steps"),
            (720.0, 1_000, "about 12 min for 1,000 steps"),
            (9_000.0, 12_345, "about 2.5 h for 12,345 steps"),
            (36_000.0, 1_000, "about 10 h for 1,000 steps"),
            (21_000_000.0, 1 << 20, "about 243 days for 1,048,576 steps"),
        ] {
            let text = RunTime { seconds, steps, basis: BASIS }.text();
            assert_eq!(text, format!("{expected} ({BASIS})"));
        }
    }

    #[test]
    fn evaluations_and_compared_runs_are_counted() {
        let mut config = preset("digits", None).expect("a preset").config;
        (config.steps, config.report_every) = (100, 40);
        let workload = Workload::of_programs(0.5, 2.0, 10);
        // Three reports of two chunks each.
        assert_eq!(workload.of_run(&config, 11), 50.0 + 12.0);
        assert_eq!(workload.of_run(&config, 0), 50.0);
        let speed = Speed { slowness: 3.0, basis: Basis::Run };
        let time = |runs: usize| RunTime::of_runs((0..runs).map(|_| (&workload, &config, speed)), 11);
        let expected = |seconds| Some(RunTime { seconds, steps: 100, basis: Basis::Run });
        assert_eq!([time(0), time(1), time(2)], [None, expected(186.0), expected(372.0)]);
    }
}
