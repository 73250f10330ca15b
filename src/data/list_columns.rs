//! The columns of a list: the names by which they are recognised, and whether two of them say the same.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use super::list_labels::is_no_label;
use super::names::{class_key, whole_number};
use super::split_words::{SplitName, is_left_out, split_name, words_of, yes_or_no};

pub(super) const FILE: [&str; 36] = [
    "file",
    "filename",
    "file_name",
    "image",
    "path",
    "image_path",
    "filepath",
    "file_path",
    "image_name",
    "img",
    "img_path",
    "img_name",
    "image_file",
    "파일",
    "파일명",
    "이미지",
    "datei",
    "dateiname",
    "bild",
    "fichier",
    "nom_du_fichier",
    "archivo",
    "fichero",
    "nombre_de_archivo",
    "imagen",
    "immagine",
    "imagem",
    "arquivo",
    "文件",
    "文件名",
    "图片",
    "檔案",
    "ファイル",
    "ファイル名",
    "画像",
    "файл",
];
/// Columns that name a file only if there is such a file.
pub(super) const ID: [&str; 5] = ["id", "image_id", "img_id", "id_code", "name"];
pub(super) const LABEL: [&str; 33] = [
    "label",
    "class",
    "category",
    "class_name",
    "category_name",
    "labels",
    "target",
    "breed",
    "species",
    "diagnosis",
    "라벨",
    "레이블",
    "클래스",
    "klasse",
    "kategorie",
    "beschriftung",
    "classe",
    "catégorie",
    "étiquette",
    "clase",
    "categoría",
    "etiqueta",
    "categoria",
    "etichetta",
    "标签",
    "类别",
    "標籤",
    "類別",
    "ラベル",
    "クラス",
    "метка",
    "класс",
    "категория",
];
pub(super) const SPLIT: [&str; 9] =
    ["split", "data_split", "set", "subset", "partition", "phase", "usage", "분할", "구분"];
/// Columns that may say the split in words that are no split words.
pub(super) const MAYBE_SPLIT: [&str; 10] =
    ["part", "role", "stage", "purpose", "used_for", "mode", "dataset", "aufteilung", "satz", "용도"];
/// Columns that say with yes that an image does not count.
const EXCLUSION: [&str; 24] = [
    "exclude",
    "excluded",
    "exclusion",
    "skip",
    "skipped",
    "ignore",
    "ignored",
    "omit",
    "omitted",
    "leave_out",
    "left_out",
    "discard",
    "discarded",
    "delete",
    "deleted",
    "remove",
    "removed",
    "drop",
    "dropped",
    "reject",
    "rejected",
    "제외",
    "삭제",
    "除外",
];
/// Columns that name the folder of a file beside a column of its name.
const FOLDER: [&str; 9] =
    ["relative_path", "rel_path", "folder", "folder_name", "directory", "dir", "subfolder", "ordner", "폴더"];
/// Columns of folds of a cross-validation, which this program does not read.
const FOLD: [&str; 8] = ["fold", "folds", "kfold", "k_fold", "fold_id", "cv_fold", "cv", "폴드"];

/// Whether a column of [`ID`] names images by its own name, and not rows.
pub(super) fn names_images(column: &str) -> bool {
    matches!(column, "image_id" | "img_id")
}

/// A column's name for comparison.
pub(super) fn column_name(header: &str) -> String {
    header.trim().nfc().collect::<String>().to_lowercase().replace([' ', '-'], "_")
}

/// Whether a column has one of these names, with or without `_` between words (`class_name`, `ClassName`).
pub(super) fn is_one_of(header: &str, names: &[&str]) -> bool {
    let squeezed = |name: &str| name.replace('_', "");
    let name = squeezed(&column_name(header));
    names.iter().any(|other| squeezed(other) == name)
}

/// Whether a column says which images do not count.
pub(super) fn is_exclusion(header: &str) -> bool {
    let name = column_name(header);
    let name = ["is_", "to_be_", "to_"].iter().find_map(|start| name.strip_prefix(start)).unwrap_or(&name);
    let name = name.strip_suffix("flag").map_or(name, |name| name.trim_end_matches('_'));
    EXCLUSION.contains(&name)
}

/// Whether a cell in a column of exclusions leaves the image out; `None` if it says neither yes nor no.
pub(super) fn excludes(cell: &str) -> Option<bool> {
    let marks = ["x", "\u{2713}", "\u{2714}", "\u{2611}"];
    match yes_or_no(cell) {
        Some(yes) => Some(yes),
        None if is_left_out(cell) || marks.contains(&cell.trim().to_lowercase().as_str()) => Some(true),
        None => is_no_label(cell).then_some(false),
    }
}

/// Whether a column names the folders of files.
pub(super) fn is_folder_column(header: &str) -> bool {
    is_one_of(header, &FOLDER)
}

/// Whether a column of another name may be one of classes: `label_2`, `second label`, `class_id`.
pub(super) fn is_like_label(header: &str) -> bool {
    let is_label = |word: &String| LABEL.contains(&word.as_str());
    words_of(header).iter().any(is_label)
}

/// Whether a column is one of folds.
pub(super) fn is_fold(header: &str) -> bool {
    FOLD.contains(&column_name(header).as_str())
}

/// The split of which a column of this name says yes or no.
pub(super) fn flag_of(name: &str) -> Option<SplitName> {
    let split = split_name(name.strip_prefix("is_").or_else(|| name.strip_prefix("in_")).unwrap_or(name))?;
    // `valid` may mean that the file is.
    (split != SplitName::Unlabelled && !matches!(name, "valid" | "validate")).then_some(split)
}

/// Whether a column of this name says yes or no about a split.
pub(super) fn is_split_column(name: &str) -> bool {
    flag_of(name).is_some()
}

/// A row, and its cells in two columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clash {
    pub line: u64,
    pub cells: [String; 2],
}

/// The cells of columns of classes beside those of the column that is read. Two columns say the same if each value of one
/// goes with one value of the other, such as a number with a name.
#[derive(Default)]
pub(super) struct Pairs {
    /// By column, by which of the two cells, and by its value: the first row that has it.
    first: HashMap<(usize, usize, String), Clash>,
}

impl Pairs {
    /// The earlier row that contradicts a row, if any. `cells`: of the column that is read, and of the column `other`.
    pub fn clash(&mut self, other: usize, line: u64, cells: [&str; 2]) -> Option<Clash> {
        let keys = cells.map(key);
        for side in 0..2 {
            let clash = || Clash { line, cells: cells.map(str::to_owned) };
            let first = self.first.entry((other, side, keys[side].clone())).or_insert_with(clash);
            if key(&first.cells[1 - side]) != keys[1 - side] {
                return Some(first.clone());
            }
        }
        None
    }

    /// Two rows in which a class has another class's name, and the column that says so.
    pub fn exchanged(&self) -> Option<(usize, Clash, Clash)> {
        let differs = |row: &&Clash| key(&row.cells[0]) != key(&row.cells[1]);
        let found = self.first.iter().filter(|((_, side, value), row)| {
            *side == 0 && differs(row) && !value.is_empty() && whole_number(value).is_none()
        });
        let meant = found.filter_map(|((other, _, value), row)| {
            Some((*other, row.clone(), self.first.get(&(*other, 1, value.clone()))?.clone()))
        });
        meant.min_by_key(|(other, row, _)| (*other, row.line))
    }
}

/// A class for comparison; empty if there is none.
fn key(cell: &str) -> String {
    if is_no_label(cell) { String::new() } else { class_key(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_exclusions_are_told() {
        for (header, is_meant) in [
            ("exclude", true),
            ("DeleteFlag", true),
            ("delete_flag", true),
            ("Is Excluded", true),
            ("to_ignore", true),
            ("skip", true),
            ("skipper", false),
            ("note", false),
            ("flag", false),
        ] {
            assert_eq!(is_exclusion(header), is_meant, "{header}");
        }
        for (cell, excluded) in [
            ("true", Some(true)),
            ("1", Some(true)),
            ("X", Some(true)),
            ("skip", Some(true)),
            ("false", Some(false)),
            ("0", Some(false)),
            ("", Some(false)),
            ("NaN", Some(false)),
            ("blurry", None),
            ("2", None),
        ] {
            assert_eq!(excludes(cell), excluded, "{cell}");
        }
    }

    #[test]
    fn columns_like_labels_are_told() {
        for (header, is_meant) in [
            ("label_2", true),
            ("label2", true),
            ("Second Label", true),
            ("labelled_by", false),
            ("note", false),
        ] {
            assert_eq!(is_like_label(header), is_meant, "{header}");
        }
    }

    #[test]
    fn columns_of_classes_are_compared() {
        for (rows, same) in [
            (&[["0", "cat"], ["1", "dog"], ["0", "cat"]][..], true),
            (&[["cat", "Cat"], ["dog", "dog"], ["", "?"]], true),
            (&[["0", "1"], ["1", "2"]], true),
            (&[["0", "cat"], ["1", "cat"]], false),
            (&[["cat", "cat"], ["cat", "dog"]], false),
            (&[["cat", "cat"], ["", "cat"]], false),
            (&[["cat", "dog"], ["dog", "cat"]], false),
        ] {
            let mut pairs = Pairs::default();
            let clash = (2..).zip(rows).any(|(line, cells)| pairs.clash(1, line, *cells).is_some());
            assert_eq!(!clash && pairs.exchanged().is_none(), same, "{rows:?}");
        }
    }
}
