//! The layouts that `web/tests/layouts.test.js` drops on the page, opened natively: one table tells what both expect.

use serde::Deserialize;

use super::layout_files::Files;
use super::layouts::evenly;

/// A layout as in `page_layouts.json`: files with their content, and what becomes of them. A path and an empty content
/// mean the same as in [`Files::new`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    name: String,
    files: Vec<(String, String)>,
    /// Class, labelled images to train on, and images to test on.
    #[serde(default)]
    classes: Vec<(String, usize, usize)>,
    #[serde(default)]
    unlabelled: usize,
    /// Words of notices.
    #[serde(default)]
    notices: Vec<String>,
    /// Words of the error, if the layout is refused.
    #[serde(default)]
    refused: Vec<String>,
}

#[test]
fn layouts_of_the_page_open_alike() {
    let table = include_str!("../fixtures/page_layouts.json");
    let table: Vec<Layout> = serde_json::from_str(table).expect("a table of layouts");
    for Layout { name, files, classes, unlabelled, notices, refused } in table {
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
        for (way, opened) in Files::new(&files).open_everywhere(&evenly()) {
            let set = match opened {
                Ok(set) => set,
                Err(error) => {
                    let message = error.to_string();
                    assert!(!refused.is_empty(), "{name} as {way}: {message}");
                    refused
                        .iter()
                        .for_each(|word| assert!(message.contains(word), "{name} as {way}: {message}"));
                    continue;
                }
            };
            assert!(refused.is_empty(), "{name} as {way} is accepted");
            let count = |class: usize| {
                let of = |label: &Option<u32>| *label == Some(class as u32);
                let tests = set.test_labels.iter().filter(|label| **label == class as u32).count();
                (set.classes[class].clone(), set.train_labels.iter().filter(|label| of(label)).count(), tests)
            };
            let counts: Vec<_> = (0..set.classes.len()).map(count).collect();
            assert_eq!(counts, classes, "{name} as {way}: {:?}", set.notices);
            let unknown = set.train_labels.iter().filter(|label| label.is_none()).count();
            assert_eq!(unknown, unlabelled, "{name} as {way}: {:?}", set.notices);
            let told = set.notices.join("\n");
            notices.iter().for_each(|word| assert!(told.contains(word), "{name} as {way}: {told}"));
        }
    }
}
