//! The command line from outside: the binary, its files, its messages and its exit status.

mod ablation;
mod answers;
mod bad_checkpoints;
mod bad_data;
mod bad_options;
mod bench;
mod broken_off;
mod closed_off;
mod common;
mod earlier;
mod hostile;
mod killed;
mod labelled;
mod offline;
mod output_folder;
mod runs;
