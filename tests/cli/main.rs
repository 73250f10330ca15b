//! The command line from outside: the binary, its files, its messages and its exit status.

mod ablation;
mod answers;
mod bad_checkpoints;
mod bad_data;
mod bad_options;
mod bench;
mod changed_data;
mod check;
mod common;
mod depths;
mod earlier;
mod exports;
mod hostile;
mod interrupted;
mod killed;
mod offline;
mod other_data;
mod output_folder;
mod predict_inputs;
mod predictions;
mod resumed;
mod run_folders;
mod runs;
mod special_files;
mod test_sets;
