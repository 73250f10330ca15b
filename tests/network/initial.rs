//! Initial weights.

use remixmatch::nn::{Architecture, ConvTiling, Network, initial_values};

fn network() -> Network {
    Network::new(&Architecture::named("wrn-28-2").unwrap(), [32, 32, 3], 10, ConvTiling::REGISTER).unwrap()
}

/// `(mean, standard deviation)`.
fn spread(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// He's rule on the fan-out for convolutions, Glorot's for heads, each within five standard errors.
#[test]
fn kernels_are_normal_and_the_rest_constant() {
    let n = network();
    for (parameter, values) in n.parameters.list.iter().zip(initial_values(&n.parameters, 3)) {
        assert_eq!(values.len(), parameter.elements(), "{}", parameter.name);
        let expected = match parameter.shape[..] {
            [kh, kw, _, out] => (2.0 / (kh * kw * out) as f64).sqrt(),
            [inputs, outputs] => (2.0 / (inputs + outputs) as f64).sqrt(),
            _ => {
                let constant = if parameter.name.ends_with(".gamma") { 1.0 } else { 0.0 };
                assert!(values.iter().all(|v| *v == constant), "{} is not {constant}", parameter.name);
                continue;
            }
        };
        let count = values.len() as f64;
        let (mean, std) = spread(&values);
        assert!(mean.abs() < 5.0 * expected / count.sqrt(), "mean of {} is {mean}", parameter.name);
        let error = (std / expected - 1.0).abs();
        assert!(error < 5.0 / (2.0 * count).sqrt(), "std of {} is {std}, not {expected}", parameter.name);
    }
}

/// The heads' normal is cut at two standard deviations, the convolutions' is not.
#[test]
fn only_head_kernels_are_truncated() {
    let n = network();
    let values = initial_values(&n.parameters, 4);
    for (parameter, values) in n.parameters.list.iter().zip(&values) {
        let largest = values.iter().fold(0.0f32, |top, v| top.max(v.abs()));
        if let [inputs, outputs] = parameter.shape[..] {
            let std = (2.0 / (inputs + outputs) as f32).sqrt();
            assert!(largest <= 2.0 * std / 0.8796 + 1e-6, "{} reaches {largest}", parameter.name);
        }
    }
    let largest = values.iter().flatten().fold(0.0f32, |top, v| top.max(v.abs()));
    let widest = (2.0f32 / (9.0 * 16.0)).sqrt();
    assert!(largest > 2.5 * widest, "no convolution weight beyond 2.5 standard deviations");
}

#[test]
fn initial_values_depend_only_on_the_seed() {
    let n = network();
    assert!(initial_values(&n.parameters, 5) == initial_values(&n.parameters, 5));
    assert!(initial_values(&n.parameters, 5) != initial_values(&n.parameters, 6));
}
