//! Adam, weight decay and EMA.

use bytemuck::{Pod, Zeroable};
use remixmatch::gpu::{Arg, Kernel, groups_for_items, run_once_async};
use remixmatch::optim::{FAULTS, Fault};

use crate::common::{FORWARD, assert_folds, on_the_adapter};
use crate::harness::GPU;
use crate::oracle::compare::assert_close;
use crate::oracle::optim::{Adam, Slot};
use crate::oracle::random::{Random, widen};

/// `Step` of `shaders/common/step.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Step {
    learning_rate: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    decay: f32,
    ema: f32,
    rest: [u32; 6],
}

/// The reference's settings rounded to f32, with an EMA fast enough that its changes exceed rounding errors.
fn adam() -> Adam {
    let round = |v: f64| f64::from(v as f32);
    let a = Adam::REFERENCE;
    Adam { beta1: round(a.beta1), beta2: round(a.beta2), ema: 0.75, ..a }
}

fn step(t: i32) -> Step {
    let a = adam();
    Step {
        learning_rate: a.step_size(t) as f32,
        beta1: a.beta1 as f32,
        beta2: a.beta2 as f32,
        epsilon: a.epsilon as f32,
        decay: (1.0 - a.weight_decay * a.learning_rate) as f32,
        ema: a.ema as f32,
        rest: [0; 6],
    }
}

/// Weights, first moment, second moment and EMA after one update on the adapter, in which all values are finite.
async fn update(t: i32, gradient: &[f32], decayed: &[u32], state: [&[f32]; 4]) -> [Vec<f32>; 4] {
    let (after, faults) = update_with_faults(t, gradient, decayed, state).await;
    assert_eq!(Fault::find(gradient.len(), &faults), None);
    after
}

async fn update_with_faults(
    t: i32,
    gradient: &[f32],
    decayed: &[u32],
    state: [&[f32]; 4],
) -> ([Vec<f32>; 4], Vec<u32>) {
    let vec4s = gradient.len() / 4;
    let step = [step(t)];
    let mut args = vec![Arg::input(&step), Arg::input(gradient), Arg::input(decayed)];
    args.extend(state.map(Arg::in_out));
    args.push(Arg::in_out(&[0u32; FAULTS]));
    let params = [vec4s as u32, 0, 0, 0];
    let kernel = Kernel::new("optim/adam", "update");
    let results = run_once_async(&GPU, kernel, &params, &args, groups_for_items(vec4s, 64)).await.unwrap();
    let after = [0, 1, 2, 3].map(|i| results[i].iter().copied().map(f32::from_bits).collect());
    (after, results[4].clone())
}

on_the_adapter! {
    async fn non_finite_values_are_located() {
        const WORDS: usize = 64 * 5;
        let decayed = [1, 0, 1, 0, 1];
        let fault = async |place: usize, at: &[usize], value: f32| {
            // Gradient, weights, first moment, second moment, EMA.
            let mut all: Vec<Vec<f32>> = vec![vec![0.5; WORDS]; 5];
            at.iter().for_each(|at| all[place][*at] = value);
            let state = [1, 2, 3, 4].map(|i| all[i].as_slice());
            let (_, faults) = update_with_faults(3, &all[0], &decayed, state).await;
            Fault::find(WORDS, &faults)
        };
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 7, 161, WORDS - 1] {
                // Faults are located to four words.
                let first_of_vec4 = at / 4 * 4;
                assert_eq!(fault(0, &[at], value).await, Some(Fault::Gradient(first_of_vec4)), "{value} at {at}");
                assert_eq!(fault(0, &[WORDS - 1, at, WORDS - 2], value).await, Some(Fault::Gradient(first_of_vec4)));
                for place in 1..5 {
                    assert_eq!(
                        fault(place, &[at], value).await,
                        Some(Fault::State(first_of_vec4)),
                        "{value} in {place} at {at}"
                    );
                }
            }
        }
        // Finite, but its square is not.
        assert_eq!(fault(0, &[8], 1e25).await, Some(Fault::State(8)));
        assert_eq!(fault(0, &[8], 1e15).await, None);
    }

    async fn updates_follow_the_reference() {
        const WORDS: usize = 64 * 5;
        let mut random = Random::new(11);
        let mut state = [random.normal(WORDS, 0.05), vec![0.0; WORDS], vec![0.0; WORDS], Vec::new()];
        state[3] = state[0].clone();
        let decayed = [1, 0, 0, 1, 1];
        let mut slots: Vec<Slot> = state[0].chunks_exact(64).map(|w| Slot::new(widen(w))).collect();
        for t in 1..=6 {
            let before = state[0].clone();
            let was: Vec<f64> = slots.iter().flat_map(|s| s.weights.clone()).collect();
            let gradient = random.normal(WORDS, 10f64.powi(t - 4));
            for ((slot, g), flag) in slots.iter_mut().zip(gradient.chunks_exact(64)).zip(decayed) {
                slot.update(&widen(g), &adam(), t, flag == 1);
            }
            state = update(t, &gradient, &decayed, state.each_ref().map(Vec::as_slice)).await;
            let all =
                |part: fn(&Slot) -> &Vec<f64>| slots.iter().flat_map(|s| part(s).clone()).collect::<Vec<_>>();
            assert_close(&format!("weights {t}"), &state[0], &all(|s| &s.weights), FORWARD);
            assert_close(&format!("first moment {t}"), &state[1], &all(|s| &s.first), FORWARD);
            assert_close(&format!("second moment {t}"), &state[2], &all(|s| &s.second), FORWARD);
            assert_close(&format!("EMA {t}"), &state[3], &all(|s| &s.ema), FORWARD);
            let moved: Vec<f32> = state[0].iter().zip(&before).map(|(a, b)| a - b).collect();
            let expected: Vec<f64> = all(|s| &s.weights).iter().zip(&was).map(|(a, b)| a - b).collect();
            assert_close(&format!("movement {t}"), &moved, &expected, 1e-3);
        }
    }

    /// Decay flags and values repeat, so that the reference does not compute 17 million of them.
    async fn folded_updates() {
        const BLOCKS: usize = 262_200;
        const PERIOD: usize = 64 * 3;
        assert_folds(BLOCKS * 16);
        let mut random = Random::new(4);
        let repeat = |values: &[f32]| -> Vec<f32> { values.iter().copied().cycle().take(BLOCKS * 64).collect() };
        let [gradient, weights, first, ema] = [0; 4].map(|_| random.normal(PERIOD, 1.0));
        let second = random.uniform(PERIOD, 0.1, 1.0);
        let decayed: Vec<u32> = [1, 0, 1].into_iter().cycle().take(BLOCKS).collect();
        let state = [repeat(&weights), repeat(&first), repeat(&second), repeat(&ema)];
        let found = update(9, &repeat(&gradient), &decayed, state.each_ref().map(Vec::as_slice)).await;
        let mut expected = [const { Vec::new() }; 4];
        for (block, flag) in [1, 0, 1].into_iter().enumerate() {
            let part = |values: &[f32]| widen(&values[block * 64..(block + 1) * 64]);
            let mut slot = Slot {
                weights: part(&weights),
                first: part(&first),
                second: part(&second),
                ema: part(&ema),
            };
            slot.update(&part(&gradient), &adam(), 9, flag == 1);
            for (all, one) in expected.iter_mut().zip([slot.weights, slot.first, slot.second, slot.ema]) {
                all.extend(one);
            }
        }
        for (name, (found, expected)) in
            ["weights", "first moment", "second moment", "EMA"].iter().zip(found.iter().zip(&expected))
        {
            let all: Vec<f64> = expected.iter().copied().cycle().take(BLOCKS * 64).collect();
            assert_close(name, found, &all, FORWARD);
        }
    }
}
