//! How fast frames follow each other: what an input waits for at most.

use std::time::Duration;

use web_time::Instant;

/// Times between the beginnings of frames that were asked for at once.
#[derive(Default)]
pub struct Frames {
    last: Option<Instant>,
    times: Vec<Duration>,
}

impl Frames {
    /// Notes a frame's beginning; call it only while every frame asks for the next.
    pub fn begin(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            self.times.push(now.duration_since(last));
        }
    }

    /// Milliseconds that a share of the frames took at most; 0 before the second frame.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    pub fn count(&self) -> usize {
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let frames = Frames { last: None, times };
        assert_eq!((frames.percentile(0.0), frames.percentile(1.0)), (1.0, 100.0));
        assert!((frames.percentile(0.95) - 95.0).abs() < 1.01);
        assert_eq!(Frames::default().percentile(0.5), 0.0);
    }
}
