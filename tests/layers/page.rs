//! The tests of the layers for a browser: a page calls them one by one. Natively this is empty.
#![cfg(target_arch = "wasm32")]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "layers need only a part of the reference")]
mod oracle;

mod adam;
mod batch_norm;
mod common;
mod conv2d;
mod dense;
mod depthwise;
mod limits;
mod pool;
mod reduce;
mod trial;

use std::panic;
use std::pin::Pin;

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);
}

/// Opens the device. A test that fails says so in the console, and ends the program.
#[wasm_bindgen]
pub async fn open() {
    panic::set_hook(Box::new(|failure| error(&failure.to_string())));
    harness::open().await;
}

/// The tests' names, in order.
#[wasm_bindgen]
pub fn names() -> Vec<String> {
    tests().into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// Runs the test of that place.
#[wasm_bindgen]
pub async fn run(place: usize) {
    if let Some((_, test)) = tests().into_iter().nth(place) {
        test.await;
    }
}

type Test = (&'static str, Pin<Box<dyn Future<Output = ()>>>);

fn tests() -> Vec<Test> {
    [
        adam::tests(),
        batch_norm::tests(),
        conv2d::tests(),
        dense::tests(),
        depthwise::tests(),
        limits::tests(),
        pool::tests(),
        reduce::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
