//! A trace file, read back.

use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::oracle::Map;

pub struct Entry {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    words: Vec<u32>,
}

pub struct Traced {
    pub entries: HashMap<String, Entry>,
    metadata: HashMap<String, String>,
}

impl Traced {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("the trace is there");
        let file = SafeTensors::deserialize(&bytes).expect("the trace is a safetensors file");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("the trace has a header");
        let entry = |(name, view): (&str, safetensors::tensor::TensorView)| {
            let words = bytemuck::pod_collect_to_vec(view.data());
            (name.to_owned(), Entry { dtype: view.dtype(), shape: view.shape().to_vec(), words })
        };
        let entries = file.iter().map(entry).collect();
        Self { entries, metadata: header.metadata().clone().expect("the trace has metadata") }
    }

    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    fn entry(&self, name: &str, dtype: Dtype) -> &Entry {
        let entry = self.entries.get(name).unwrap_or_else(|| panic!("the trace has no '{name}'"));
        assert_eq!(entry.dtype, dtype, "{name}");
        entry
    }

    pub fn shape(&self, name: &str) -> &[usize] {
        &self.entries.get(name).unwrap_or_else(|| panic!("the trace has no '{name}'")).shape
    }

    pub fn f32(&self, name: &str) -> Vec<f32> {
        self.entry(name, Dtype::F32).words.iter().map(|w| f32::from_bits(*w)).collect()
    }

    /// The same numbers for the reference.
    pub fn wide(&self, name: &str) -> Vec<f64> {
        self.f32(name).into_iter().map(f64::from).collect()
    }

    /// A tensor of one element.
    pub fn scalar(&self, name: &str) -> f64 {
        let values = self.wide(name);
        assert_eq!(values.len(), 1, "{name}");
        values[0]
    }

    pub fn i32(&self, name: &str) -> Vec<i32> {
        self.entry(name, Dtype::I32).words.iter().map(|w| *w as i32).collect()
    }

    /// Integers that are all known, hence indices.
    pub fn indices(&self, name: &str) -> Vec<usize> {
        let index = |i: i32| usize::try_from(i).unwrap_or_else(|_| panic!("{name} has {i}"));
        self.i32(name).into_iter().map(index).collect()
    }

    /// Images `[.., height, width, channels]`, one map for each of a leading fifth dimension.
    pub fn maps(&self, name: &str) -> Vec<Map> {
        let all = self.wide(name);
        match *self.shape(name) {
            [n, h, w, c] => vec![Map::new([n, h, w, c], all)],
            [k, n, h, w, c] => {
                all.chunks_exact(all.len() / k).map(|m| Map::new([n, h, w, c], m.to_vec())).collect()
            }
            ref other => panic!("{name} is {other:?}, which are no images"),
        }
    }

    /// Tensors of a group such as `before.` by the rest of their names; `selects` says which.
    pub fn group(&self, prefix: &str, selects: impl Fn(&str) -> bool) -> HashMap<String, Vec<f64>> {
        let rest = self.entries.keys().filter_map(|name| name.strip_prefix(prefix));
        rest.filter(|name| selects(name))
            .map(|n| (n.to_owned(), self.wide(&format!("{prefix}{n}"))))
            .collect()
    }

    /// JSON under a key of the metadata.
    pub fn json(&self, key: &str) -> Value {
        let text = self.metadata.get(key).unwrap_or_else(|| panic!("the metadata has no '{key}'"));
        serde_json::from_str(text).expect("JSON")
    }
}
