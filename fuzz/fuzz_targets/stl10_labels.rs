#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    remixmatch_fuzz::run("stl10_labels", bytes);
});
