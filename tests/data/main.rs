//! Every data format, written here byte by byte or by other programs; every kind of damaged or hostile file; the
//! built-in sets, streaming and splits.

mod archives;
mod bad_images;
mod beside_formats;
mod check;
mod cifar;
mod colours;
mod common;
mod copied_files;
mod depths;
mod fits;
mod folders;
mod formats;
mod identity;
mod idx;
mod images;
#[path = "../fixtures/layouts.rs"]
mod layout_files;
mod layouts;
mod list_columns;
mod list_forms;
mod list_versions;
mod lists;
mod lists_beside;
mod names;
mod not_square;
mod numpy;
mod page_layouts;
mod pickles;
mod resized;
mod skipped;
mod sources;
mod splits;
mod stl10;
mod streamed;
mod svhn;
