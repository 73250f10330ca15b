//! The `remixmatch` program: parses arguments and starts a command. In a browser it is the app alone.

#[cfg(not(target_arch = "wasm32"))]
mod cli;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::run()
}

#[cfg(target_arch = "wasm32")]
fn main() {
    remixmatch::page::main();
}
