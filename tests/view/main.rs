//! Principal components on the adapter against an f64 reference, and the embeddings of a trainer.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "these tests need only its random data and its comparison")]
mod oracle;

mod embedding;
mod pca;
mod reference;
mod table;
