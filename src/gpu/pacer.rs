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

/// Runs one program in slices of about `target` each, whose lengths follow from measured times.
pub struct Pacer {
    target: Duration,
    /// Submits a program that takes less than the target without waiting for it.
    runs_ahead: bool,
    /// Seconds per operation of the program; empty before the first run.
    costs: Vec<f64>,
}

impl Pacer {
    /// A pacer for one program. `runs_ahead`: whether a program that takes less than the target is submitted without
    /// waiting for it, as where no window waits for the adapter.
    pub fn new(target: Duration, runs_ahead: bool) -> Self {
        Self { target, runs_ahead, costs: Vec::new() }
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
        // The costs of a program that has not run are infinite.
        let measured = self.costs.len() == program.len();
        if self.runs_ahead && measured && self.costs.iter().sum::<f64>() <= self.target.as_secs_f64() {
            return match stop.load(Ordering::Relaxed) {
                true => Err(GpuError::Stopped),
                false => {
                    plan.run(gpu, program);
                    Ok(())
                }
            };
        }
        let first = self.costs.len() != program.len();
        if first {
            self.costs = vec![f64::INFINITY; program.len()];
        }
        // In the first run each operation is a slice of its own, to be measured.
        let depth = if first { 1 } else { depth(gpu) };
        let mut in_flight: VecDeque<(std::ops::Range<usize>, InFlight)> = VecDeque::new();
        let mut last_done = Instant::now();
        let mut next = 0;
        while next < program.len() || !in_flight.is_empty() {
            if next <= last_stop && stop.load(Ordering::Relaxed) {
                return Err(GpuError::Stopped);
            }
            if next < program.len() && in_flight.len() < depth {
                let slice = next..self.slice_end(next);
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
            self.learn(slice, now.duration_since(last_done).as_secs_f64());
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

    /// Scales the estimates of a slice's operations towards what it took.
    fn learn(&mut self, slice: std::ops::Range<usize>, seconds: f64) {
        let expected: f64 = self.costs[slice.clone()].iter().sum();
        if !expected.is_finite() {
            self.costs[slice].fill(seconds);
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
        Pacer { target: Duration::from_millis(milliseconds), runs_ahead: false, costs: costs.to_vec() }
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
    fn estimates_converge_to_measured_times() {
        let mut pacer = pacer(10, &[0.001, 0.002]);
        for _ in 0..50 {
            pacer.learn(0..2, 0.006);
        }
        assert!((pacer.costs[0] - 0.002).abs() < 1e-5 && (pacer.costs[1] - 0.004).abs() < 1e-5);
    }
}
