//! Fuzzes the parser that the environment variable REMIXMATCH_FUZZ_TARGET names.
#![no_main]

use std::sync::LazyLock;

use remixmatch_fuzz::{Target, requested};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let mut targets = requested();
    assert_eq!(targets.len(), 1, "set REMIXMATCH_FUZZ_TARGET to the name of one target");
    targets.remove(0)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET.run(bytes);
});
