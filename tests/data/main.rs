//! Every format, written here byte by byte or by other programs, every kind of bad input, and the built-in sets.

mod builtin;
mod cifar;
mod common;
mod folders;
mod idx;
mod images;
mod splits;
