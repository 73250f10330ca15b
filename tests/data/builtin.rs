use remixmatch::data::{OpenOptions, open, summary};

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_built_in_sets_are_whole_and_balanced() {
    for (name, shape, train, test) in [
        ("fashion", (28, 28, 1), 6_000, 1_000),
        ("digits", (28, 28, 1), 4_000, 1_000),
        ("shapes", (32, 32, 3), 5_000, 1_000),
    ] {
        let set = open(&format!("builtin:{name}"), &OpenOptions::default()).unwrap();
        assert_eq!(set.name, format!("builtin:{name}"));
        assert_eq!((set.train.height, set.train.width, set.train.channels), shape);
        assert_eq!((set.train.len(), set.test.len(), set.classes.len()), (train, test, 10));
        let told = summary(&set);
        assert!(
            told.classes.iter().all(|class| (class.train, class.test) == (train / 10, test / 10)),
            "{name}"
        );
        // No test image is a training image.
        let seen: std::collections::HashSet<&[u8]> = (0..train).map(|i| set.train.image(i)).collect();
        assert!((0..test).all(|i| !seen.contains(set.test.image(i))), "{name}");
    }
}

/// Means known of the whole sets (0.2860 and, of MNIST, 0.1307): a cut comes near.
#[test]
fn the_real_sets_look_like_their_sources() {
    for (name, mean) in [("fashion", 0.2860), ("digits", 0.1307)] {
        let set = open(&format!("builtin:{name}"), &OpenOptions::default()).unwrap();
        let sum: u64 = set.train.pixels.iter().map(|&value| u64::from(value)).sum();
        let found = sum as f64 / set.train.pixels.len() as f64 / 255.0;
        assert!((found - mean).abs() < 0.005, "{name}: {found}, expected about {mean}");
    }
}

#[test]
fn shapes_are_the_same_bytes_everywhere() {
    let set = open("builtin:shapes", &OpenOptions::default()).unwrap();
    assert_eq!(set.classes[8], "star");
    assert_eq!(set.train_labels[18], Some(8));
    assert_eq!(
        (checksum(&set.train.pixels), checksum(&set.test.pixels)),
        (0xf9a4_2d31_640b_f9d1, 0x8f84_2151_cd5c_9f97)
    );
}
