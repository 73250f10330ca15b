#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    remixmatch_fuzz::run("tar_gzip", bytes);
});
