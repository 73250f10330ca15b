//! Looking at a run: it shows what was trained on, and changes nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pollster::block_on;
use remixmatch::data::{DataSet, Images, OpenOptions, open};
use remixmatch::gpu::{Gpu, Pictures};
use remixmatch::ssl::Method;
use remixmatch::train::{AnchorRow, Capture, Config, Guessed, Observation, Pace, Trainer, Weights, preset};

fn digits() -> Arc<DataSet> {
    Arc::new(open("builtin:digits", &OpenOptions::default()).expect("built-in data"))
}

fn config(method: Method) -> Config {
    let mut config = preset("digits", None).expect("the preset exists").config;
    (config.batch, config.steps, config.warmup_images) = (8, 4, 16);
    config.method = method;
    config
}

fn gpu() -> Arc<Gpu> {
    Arc::new(Gpu::new_blocking().expect("tests need a WebGPU adapter"))
}

fn two_views() -> Method {
    Method { strong_views: 2, ..Method::remixmatch() }
}

fn observed(gpu: &Arc<Gpu>, method: Method, follow: &[usize]) -> (Trainer, Observation) {
    let mut trainer =
        Trainer::new(Arc::clone(gpu), config(method), digits(), Capture::Views).expect("a trainer");
    trainer.follow(follow);
    for _ in 0..2 {
        block_on(trainer.step()).expect("a step");
    }
    let seen = block_on(trainer.observe()).expect("an observation").expect("steps were made");
    (trainer, seen)
}

#[test]
fn observing_and_pacing_change_no_bit() {
    let gpu = gpu();
    let end = |capture: Capture, paced: bool| {
        let mut trainer =
            Trainer::new(Arc::clone(&gpu), config(two_views()), digits(), capture).expect("a trainer");
        if paced {
            let stop = Arc::new(AtomicBool::new(false));
            trainer.engine.pace = Some(Pace::new(Duration::from_millis(5), stop));
        }
        while !trainer.is_done() {
            block_on(trainer.step()).expect("a step");
            if capture == Capture::Views {
                block_on(trainer.observe()).expect("an observation");
            }
        }
        block_on(trainer.checkpoint()).expect("a checkpoint").weights
    };
    let plain = end(Capture::State, false);
    assert!(plain == end(Capture::Views, false), "observing changed the weights");
    assert!(plain == end(Capture::Views, true), "slices changed the weights");
}

#[test]
fn a_stopped_run_says_so_between_two_slices() {
    let mut trainer = Trainer::new(gpu(), config(two_views()), digits(), Capture::State).expect("a trainer");
    let stop = Arc::new(AtomicBool::new(true));
    trainer.engine.pace = Some(Pace::new(Duration::from_millis(5), stop));
    let error = block_on(trainer.step()).expect_err("it was stopped");
    assert!(error.to_string().contains("stopped"), "{error}");
}

fn normalised(values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    values.into_iter().map(|value| value / sum).collect()
}

fn close(found: &[f32], expected: &[f64], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() < 2e-5, "{what}: {found} for {expected}");
    }
}

/// Specification 1.2: align, then sharpen with T = 0.5.
fn check_guess(guess: &Guessed, p_data: &[f32], p_model: &[f32]) {
    let ratio = |c: usize| (1e-6 + f64::from(p_data[c])) / (1e-6 + f64::from(p_model[c]));
    let q = guess.prediction.iter().enumerate();
    let aligned = normalised(q.map(|(c, q)| f64::from(*q) * ratio(c)).collect());
    close(&guess.aligned, &aligned, "aligned");
    let target = normalised(aligned.iter().map(|a| a * a).collect());
    close(&guess.target, &target, "target");
}

#[test]
fn observed_guesses_equal_those_of_the_step() {
    let (trainer, seen) = observed(&gpu(), two_views(), &[17, 400]);
    assert_eq!(seen.step, 2);
    let guesses = seen.guesses.as_ref().expect("guesses");
    assert_eq!(guesses.rows.len(), 8);
    close(&guesses.label_distribution, &[0.1; 10], "p(y)");
    guesses
        .rows
        .iter()
        .for_each(|guess| check_guess(guess, &guesses.label_distribution, &guesses.average_prediction));
    let samples = trainer.samples().expect("samples");
    for (i, row) in seen.anchors.iter().enumerate() {
        assert_eq!(row.image, samples.unlabelled[i]);
        assert_eq!(row.class, trainer.data.train_labels[row.image]);
        assert_eq!(row.guess.as_ref(), Some(&guesses.rows[i]));
        for (k, view) in row.strong.iter().enumerate() {
            let of_view: Vec<_> = samples.ops.iter().map(|op_slot| op_slot[(2 + k) * 8 + i]).collect();
            assert_eq!(view.operations, of_view);
        }
    }
    assert_eq!(seen.followed.iter().map(|row| row.image).collect::<Vec<_>>(), [17, 400]);
    for row in &seen.followed {
        // After the step's own push the history has moved on by one batch: the guess is normalised anew.
        let guess = row.guess.as_ref().expect("a guess");
        assert!((guess.target.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(row.strong.len(), 2);
    }
}

/// Pixels of a tile, RGBA words.
struct Sheet {
    words: Vec<u32>,
    columns: usize,
    width: usize,
}

impl Sheet {
    fn read(gpu: &Gpu, pictures: &Pictures) -> Self {
        let size = pictures.texture.size();
        let stride = (size.width * 4).next_multiple_of(256);
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(stride * size.height),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        encoder.copy_texture_to_buffer(
            pictures.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(stride),
                    rows_per_image: None,
                },
            },
            size,
        );
        gpu.queue.submit([encoder.finish()]);
        buffer.map_async(wgpu::MapMode::Read, .., |result| result.expect("a mapped sheet"));
        gpu.wait("the sheet").expect("an adapter without faults");
        let view = buffer.get_mapped_range(..).expect("a mapped sheet");
        let rows = view.chunks_exact(stride as usize);
        let words =
            rows.flat_map(|row| bytemuck::pod_collect_to_vec::<u8, u32>(&row[..size.width as usize * 4]));
        Self { words: words.collect(), columns: pictures.columns, width: size.width as usize }
    }

    fn tile(&self, tile: usize) -> Vec<u32> {
        let (left, top) = (tile % self.columns * 28, tile / self.columns * 28);
        (0..784).map(|p| self.words[(top + p / 28) * self.width + left + p % 28]).collect()
    }
}

fn grey(word: u32) -> u8 {
    word as u8
}

#[test]
fn observed_tiles_and_predictions_match_the_trained_views() {
    let gpu = gpu();
    let (mut trainer, seen) = observed(&gpu, two_views(), &[3]);
    let pictures = trainer.engine.pictures(&gpu).expect("pictures").expect("views are kept");
    pictures.draw(&gpu);
    let sheet = Sheet::read(&gpu, &pictures);
    let views: Vec<u32> = trainer.engine.recorded().read(&gpu, trainer.engine.tensors.views).expect("views");
    let view = |index: usize| views[index * 784..][..784].to_vec();
    for (i, row) in seen.anchors.iter().enumerate() {
        assert_eq!(sheet.tile(row.tile), view(8 + i), "anchor {i}");
        for (k, strong) in row.strong.iter().enumerate() {
            assert_eq!(sheet.tile(strong.tile), view((2 + k) * 8 + i), "strong {k} of {i}");
        }
    }
    let samples = trainer.samples().expect("samples").clone();
    for mix in &seen.mixes {
        let [a, b, both] = mix.tiles.map(|tile| sheet.tile(tile));
        for p in 0..784 {
            let expected = mix.lambda * f32::from(grey(a[p])) + (1.0 - mix.lambda) * f32::from(grey(b[p]));
            assert!((f32::from(grey(both[p])) - expected).abs() <= 1.0, "pixel {p}");
        }
        assert!((mix.target.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(samples.lambda.contains(&mix.lambda));
    }
    let rotated: Vec<u32> = seen.rotations.iter().map(|row| row.rotation).collect();
    assert_eq!(rotated, [0, 0, 1, 1, 2, 2, 3, 3]);
    let upright = sheet.tile(seen.rotations[2].tile);
    let source = view(16 + 2);
    assert!((0..784).all(|p| upright[p] == source[783 - p]), "180 degrees");
    let rows: Vec<&AnchorRow> = seen.anchors.iter().chain(&seen.followed).collect();
    let tiles: Vec<usize> = rows
        .iter()
        .flat_map(|row| [row.tile].into_iter().chain(row.strong.iter().map(|view| view.tile)))
        .collect();
    let pixels = tiles.iter().flat_map(|tile| sheet.tile(*tile).into_iter().map(grey)).collect();
    let images = Images::new(28, 28, 1, pixels);
    let expected = block_on(trainer.engine.evaluate(&gpu, &images, Weights::Raw)).expect("predictions");
    let found = rows.iter().flat_map(|row| {
        let strong = row.strong.iter().flat_map(|view| &view.prediction);
        row.prediction.iter().chain(strong).copied().collect::<Vec<f32>>()
    });
    for (found, expected) in found.zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
    }
}

#[test]
fn every_method_can_be_observed() {
    let gpu = gpu();
    for name in Method::NAMES {
        let method = Method { strong_views: 2, ..Method::named(name).expect("a method") };
        let (_, seen) = observed(&gpu, method.clone(), &[5]);
        assert_eq!(seen.guesses.is_some(), method.unlabelled, "{name}");
        assert_eq!(seen.rotations.is_empty(), !(method.unlabelled && method.rotation), "{name}");
        assert_eq!(seen.mixes.is_empty(), !method.mixup, "{name}");
        assert!(!seen.anchors.is_empty() && seen.followed.len() == 1, "{name}");
    }
}

#[test]
fn another_label_distribution_is_aligned_with() {
    let (mut trainer, _) = observed(&gpu(), two_views(), &[]);
    let mut skewed = vec![0.05; 10];
    skewed[3] = 0.55;
    trainer.set_label_distribution(&skewed);
    block_on(trainer.step()).expect("a step");
    let seen = block_on(trainer.observe()).expect("an observation").expect("steps were made");
    let guesses = seen.guesses.expect("guesses");
    assert_eq!(guesses.label_distribution, skewed);
    guesses.rows.iter().for_each(|guess| check_guess(guess, &skewed, &guesses.average_prediction));
}
