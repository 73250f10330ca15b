//! Every format, written here byte by byte or by other programs, every kind of bad input, and the built-in sets.

mod archives;
mod builtin;
mod cifar;
mod cifar_python;
mod common;
mod folders;
mod idx;
mod images;
mod listed;
mod memory;
mod numpy;
mod pickles;
mod pictures;
mod splits;
mod stl10;
mod streamed;
mod svhn;
