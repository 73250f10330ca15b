//! Data sets: formats, built-in sets, labelling by hand, and the choice of labelled images.
//!
//! [`open`] detects the format of a source and returns a [`DataSet`]: bytes in memory, except training images beyond the
//! memory limit, which are decoded on demand. Nothing here depends on the GPU or on training.
//!
//! A new format is one file in `formats/`, declared and listed in `formats/mod.rs`; nothing else needs to change.

mod archive;
mod archived_images;
mod batch_size;
mod bit_depth;
mod builtin;
mod check;
mod class_lines;
mod classes;
mod colour;
mod copied_names;
mod counted;
mod decode;
mod described;
mod encodings;
mod error;
mod file_kinds;
mod files;
mod fit;
mod format;
mod formats;
mod hash_cache;
mod heic;
mod held_out;
mod host;
mod identity;
mod image_files;
mod image_list;
mod image_reader;
mod images;
mod json_lists;
mod labelling_folder;
mod labels;
mod layout;
mod letter_frequency;
mod limits;
mod list_agreement;
mod list_columns;
mod list_fields;
mod list_folders;
mod list_labels;
mod list_matches;
mod list_precedence;
mod list_scope;
mod list_table;
mod list_text;
mod listed;
mod loose_image;
mod mat;
mod merged_labels;
mod named_paths;
mod names;
mod npy;
mod open;
mod original;
mod other_tasks;
mod palette;
mod parallel;
mod pickle;
mod png_chunks;
mod records;
mod report;
mod resized;
mod saved_labels;
mod set;
mod sheet;
mod sheet_text;
mod slices;
mod source_kind;
mod split;
mod split_compounds;
mod split_lists;
mod split_table;
mod split_words;
mod stream;
mod structure;
mod subfolders;
mod summary;
mod unclassed;
mod unreadable;
mod unsorted_names;
mod used_bits;
mod user_folder;

pub use archived_images::{ArchivedImages, archived_images};
pub use bit_depth::SignificantBits;
#[cfg(target_arch = "wasm32")]
pub(crate) use builtin::FILES as BUILTIN_FILES;
pub use check::{
    Checker, CorrectedList, Example, Finding, Group, Kind, Place, RepairError, Report, Severity, Use, check,
};
#[cfg(not(target_arch = "wasm32"))]
pub use check::{ListFile, ListFileError, check_list_path, is_inside, list_beside, write_corrected_list};
pub use counted::{counted, counted_of};
pub use decode::{Picture, is_image_file, read_image, read_images, read_picture};
pub use error::{DataError, LabelsError};
pub use file_kinds::left_out_folder;
pub use fit::Fit;
pub use format::{Format, Parser, SampleFiles};
pub use formats::{FORMATS, parsers};
pub use identity::{Identities, ImageId, RecordedRoles, SplitRule, test_key};
pub use images::Images;
pub use labelling_folder::LabellingFolder;
pub use labels::{CLASSES_FILE, HELD_OUT, LABELS_FILE, Labels};
pub use layout::{Ignored, Layout, LayoutRow, Role};
pub use limits::SIDES;
pub use loose_image::LooseImage;
pub use merged_labels::MergedLabels;
pub use names::{Shown, class_key, listed_name, shown, shown_name, unique};
pub use open::{open, open_async, open_files};
pub use original::Original;
pub use report::layout;
pub use set::{Choice, DataSet, Decoding, OnProgress, OpenOptions, Origin};
pub use sheet::sheet_key;
pub use source_kind::SourceKind;
pub use split::{Balance, Split, Spread, Tail, split};
pub use stream::StreamStats;
pub use summary::{ClassSummary, Summary, contact_sheet, summary};
pub use used_bits::significant_bits_of;
pub use user_folder::data_folder;
