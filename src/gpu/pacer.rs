//! Runs long programs in short slices, so that a window or page on the same adapter stays responsive and a run can be
//! interrupted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use web_time::Instant;

use super::device::{Gpu, InFlight};
use super::error::GpuError;
use super::memory::Program;
use super::plan::Plan;

/// Slices in flight: the adapter has the next one while the host learns that one is done. A software adapter runs on
/// the host's own cores and gains nothing by it, while a window would wait for both.
fn depth(gpu: &Gpu) -> usize {
    if gpu.is_software() { 1 } else { 2 }
}

/// Weight of a new measurement in the running estimate of an operation's time.
const LEARNING: f64 = 0.3;

/// A program that is submitted without waiting is measured again if this many targets pass between two runs: the adapter
/// may have become slow. Where something else took the time, one run is waited for.
const CHECK_AFTER: u32 = 4;

/// Runs one program in slices of about `target` each, whose lengths follow from measured times.
pub struct Pacer {
    target: Duration,
    /// Submits a program that takes less than the target without waiting for it.
    runs_ahead: bool,
    /// Seconds per operation of the program; empty before a run that measures them.
    costs: Vec<f64>,
    /// When the program was last submitted without waiting.
    ahead_since: Option<Instant>,
}

impl Pacer {
    /// A pacer for one program. `runs_ahead`: whether a program that takes less than the target is submitted without
    /// waiting for it, as where no window waits for the adapter.
    pub fn new(target: Duration, runs_ahead: bool) -> Self {
        Self { target, runs_ahead, costs: Vec::new(), ahead_since: None }
    }

    /// Whether the next run of the program, of `operations` operations, is one submission that is not waited for.
    pub fn submits_ahead(&self, operations: usize) -> bool {
        let measured = self.costs.len() == operations;
        self.runs_ahead && measured && self.costs.iter().sum::<f64>() <= self.target.as_secs_f64()
    }

    /// Notes that the program is submitted without waiting, and has it measured again if it seems to have become slow.
    fn submitted_ahead(&mut self, now: Instant) {
        let before = self.ahead_since.replace(now);
        if before.is_some_and(|before| now.duration_since(before) > CHECK_AFTER * self.target) {
            self.costs.clear();
            self.ahead_since = None;
        }
    }

    /// Runs a program, the same one in each call, slice by slice. Once an operation from `last_stop` on is submitted the
    /// program is completed.
    ///
    /// # Errors
    /// [`GpuError::Stopped`] if `stop` becomes true, which is checked between slices: of the program's effects those of
    /// the operations before `last_stop` may be there; as [`Gpu::wait`].
    pub async fn run(
        &mut self,
        gpu: &Gpu,
        plan: &Plan,
        program: Program,
        stop: &AtomicBool,
        last_stop: usize,
    ) -> Result<(), GpuError> {
        if self.submits_ahead(program.len()) {
            return match stop.load(Ordering::Relaxed) {
                true => Err(GpuError::Stopped),
                false => {
                    plan.run(gpu, program);
                    self.submitted_ahead(Instant::now());
                    Ok(())
                }
            };
        }
        let first = self.costs.len() != program.len();
        if first {
            self.costs = vec![f64::INFINITY; program.len()];
        }
        // Slices of the first run have few operations, to be measured: more while they are short.
        let mut measured = 1;
        let depth = if first { 1 } else { depth(gpu) };
        let mut in_flight: VecDeque<(std::ops::Range<usize>, InFlight)> = VecDeque::new();
        let mut last_done = Instant::now();
        let mut next = 0;
        while next < program.len() || !in_flight.is_empty() {
            if next <= last_stop && stop.load(Ordering::Relaxed) {
                return Err(GpuError::Stopped);
            }
            if next < program.len() && in_flight.len() < depth {
                let end = if first { program.len().min(next + measured) } else { self.slice_end(next) };
                let slice = next..end;
                next = slice.end;
                let mut encoder = gpu.device.create_command_encoder(&Default::default());
                plan.encode_range(&mut encoder, program, slice.clone());
                in_flight.push_back((slice, gpu.submit(encoder)));
                if in_flight.len() < depth {
                    continue;
                }
            }
            let Some((slice, work)) = in_flight.pop_front() else { continue };
            gpu.done(work, "a slice of a step").await?;
            let now = Instant::now();
            let took = now.duration_since(last_done);
            measured = self.measured_after(measured, took).min(program.len());
            self.learn(slice, took.as_secs_f64());
            last_done = now;
        }
        Ok(())
    }

    /// End of the longest slice from `start` that fits the target; at least one operation.
    fn slice_end(&self, start: usize) -> usize {
        let mut left = self.target.as_secs_f64() - self.costs[start];
        let mut end = start + 1;
        while end < self.costs.len() && left >= self.costs[end] {
            left -= self.costs[end];
            end += 1;
        }
        end
    }

    /// The number of operations that are measured together after so many took this long.
    fn measured_after(&self, operations: usize, took: Duration) -> usize {
        match took {
            took if took < self.target / 8 => operations.saturating_mul(2),
            took if took > self.target / 2 => (operations / 2).max(1),
            _ => operations,
        }
    }

    /// Scales the estimates of a slice's operations towards what it took.
    fn learn(&mut self, slice: std::ops::Range<usize>, seconds: f64) {
        let expected: f64 = self.costs[slice.clone()].iter().sum();
        // The costs of operations that have not run are infinite.
        if !expected.is_finite() {
            let each = seconds / slice.len().max(1) as f64;
            self.costs[slice].fill(each);
            return;
        }
        let factor = 1.0 - LEARNING + LEARNING * seconds / expected.max(1e-7);
        self.costs[slice].iter_mut().for_each(|cost| *cost *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer(milliseconds: u64, costs: &[f64]) -> Pacer {
        Pacer { costs: costs.to_vec(), ..Pacer::new(Duration::from_millis(milliseconds), false) }
    }

    #[test]
    fn slices_reach_the_target_or_hold_one_operation() {
        let pacer = pacer(10, &[0.004, 0.004, 0.004, 0.050, 0.001]);
        assert_eq!(pacer.slice_end(0), 2);
        assert_eq!(pacer.slice_end(2), 3);
        assert_eq!(pacer.slice_end(3), 4);
        assert_eq!(pacer.slice_end(4), 5);
    }

    #[test]
    fn measured_operations_grow_without_overflow() {
        let pacer = pacer(10, &[]);
        let mut measured = 1;
        for _ in 0..200 {
            measured = pacer.measured_after(measured, Duration::ZERO);
        }
        assert_eq!(measured, usize::MAX);
        assert_eq!(pacer.measured_after(1, Duration::from_secs(1)), 1);
    }

    #[test]
    fn slow_programs_are_not_submitted_ahead() {
        let ahead =
            |costs: &[f64]| Pacer { costs: costs.to_vec(), ..Pacer::new(Duration::from_millis(10), true) };
        assert!(ahead(&[0.004, 0.005]).submits_ahead(2));
        assert!(!ahead(&[0.004, 0.007]).submits_ahead(2), "it takes longer than the target");
        assert!(!ahead(&[0.004, 0.005]).submits_ahead(3), "not measured");
        assert!(!pacer(10, &[0.001]).submits_ahead(1), "a window waits");
    }

    #[test]
    fn programs_that_become_slow_are_measured_again() {
        let mut pacer = Pacer { costs: vec![0.001], ..Pacer::new(Duration::from_millis(10), true) };
        let begun = Instant::now();
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        for now in [0, 30, 60] {
            pacer.submitted_ahead(at(now));
            assert!(pacer.submits_ahead(1));
        }
        pacer.submitted_ahead(at(200));
        assert!(!pacer.submits_ahead(1));
        // Measured as fast, the program is submitted ahead again.
        pacer.costs = vec![0.001];
        pacer.submitted_ahead(at(900));
        assert!(pacer.submits_ahead(1));
    }

    #[test]
    fn first_slices_grow_while_they_are_short() {
        let pacer = pacer(80, &[]);
        let after =
            |operations, milliseconds| pacer.measured_after(operations, Duration::from_millis(milliseconds));
        assert_eq!([after(4, 1), after(4, 20), after(4, 50), after(1, 900)], [8, 4, 2, 1]);
        // Without a target each operation is a slice of its own.
        assert_eq!(Pacer::new(Duration::ZERO, false).measured_after(1, Duration::ZERO), 1);
    }

    #[test]
    fn estimates_converge_to_measured_times() {
        let mut pacer = pacer(10, &[0.001, 0.002]);
        for _ in 0..50 {
            pacer.learn(0..2, 0.006);
        }
        assert!((pacer.costs[0] - 0.002).abs() < 1e-5 && (pacer.costs[1] - 0.004).abs() < 1e-5);
    }
}
