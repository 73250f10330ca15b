#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    remixmatch_fuzz::run("cifar_100_binary", bytes);
});
