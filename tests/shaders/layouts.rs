//! Every `#[repr(C)]` struct of `src/` has the members of its WGSL struct, at the same offsets.
//!
//! A struct names its counterpart in its doc comment, "`Params` of `shaders/nn/dense.wgsl`" (several shaders may follow),
//! and every struct in a uniform block or a storage buffer must have such a Rust struct. All fields are 32-bit scalars or
//! arrays of them; members named `unused..` are padding.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use naga::{AddressSpace, ArraySize, Module, ScalarKind, Type, TypeInner};
use remixmatch::gpu::SHADERS;

use crate::validate;

/// A word of a struct: the member's name and scalar type; `None` for padding.
type Word = Option<(String, &'static str)>;

/// The words of a struct; those of a last member of unknown length are left out.
#[derive(Debug, PartialEq)]
struct Layout {
    words: Vec<Word>,
    open_end: bool,
}

/// A WGSL struct: file below `shaders/` without extension, and name.
type Key = (String, String);

/// A Rust struct with the WGSL structs that its doc comment names.
struct HostStruct {
    place: String,
    counterparts: Vec<Key>,
    layout: Layout,
}

fn word(name: &str, scalar: &'static str) -> Word {
    (!name.starts_with("unused")).then(|| (name.to_owned(), scalar))
}

/// Scalar and number of words of a Rust type; `None` words if its length is not a literal constant of `sources`.
fn rust_type(text: &str, sources: &str) -> (&'static str, Option<usize>) {
    if let Some(scalar) = ["u32", "i32", "f32"].into_iter().find(|scalar| *scalar == text) {
        return (scalar, Some(1));
    }
    let array = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).and_then(|t| t.rsplit_once("; "));
    let (element, length) = array.unwrap_or_else(|| panic!("{text} is neither a 32-bit scalar nor an array"));
    let constant = || {
        let (_, after) = sources.split_once(&format!("const {length}: usize = "))?;
        after.split(';').next()?.parse().ok()
    };
    let (scalar, words) = rust_type(element, sources);
    (
        scalar,
        words
            .zip(length.parse().ok().or_else(constant))
            .map(|(words, length): (usize, usize)| words * length),
    )
}

/// The layout of a Rust struct from the lines of its fields.
fn rust_layout<'a>(lines: impl Iterator<Item = &'a str>, sources: &str) -> Layout {
    let mut layout = Layout { words: Vec::new(), open_end: false };
    for line in lines.map(str::trim).filter(|line| !line.starts_with("//") && !line.is_empty()) {
        assert!(!layout.open_end, "{line} follows a field of unknown length");
        let field = line.trim_start_matches("pub ").trim_end_matches(',');
        let (name, text) = field.split_once(": ").unwrap_or_else(|| panic!("'{line}' is not a field"));
        let (scalar, words) = rust_type(text, sources);
        layout.open_end = words.is_none();
        layout.words.extend((0..words.unwrap_or(0)).map(|_| word(name, scalar)));
    }
    layout
}

/// Pairs "`Name` of `shaders/a/b.wgsl`" of a doc comment; further shaders may follow the first.
fn counterparts(docs: &str) -> Vec<Key> {
    // Code is at odd places, the text between at even ones.
    let texts: Vec<_> = docs.split('`').collect();
    let mut found = Vec::new();
    let mut name = None;
    for pair in texts[1..].chunks_exact(2) {
        let (code, after) = (pair[0], pair[1]);
        match code.strip_prefix("shaders/").and_then(|path| path.strip_suffix(".wgsl")) {
            Some(path) => found.extend(name.map(|name: &str| (path.to_owned(), name.to_owned()))),
            None => name = (after == " of ").then_some(code),
        }
    }
    found
}

fn source_files(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push((path.display().to_string(), fs::read_to_string(&path).expect("a source file")));
        }
    }
}

/// All `#[repr(C)]` structs of `src/`.
fn host_structs() -> Vec<HostStruct> {
    let mut files = Vec::new();
    source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let sources: String = files.iter().map(|(_, text)| text.as_str()).collect();
    let mut found = Vec::new();
    for (path, text) in &files {
        let lines: Vec<_> = text.lines().collect();
        for at in (0..lines.len()).filter(|at| lines[*at].trim() == "#[repr(C)]") {
            let docs: Vec<_> =
                lines[..at].iter().rev().take_while(|line| line.starts_with("///")).copied().collect();
            let docs: String = docs.into_iter().rev().map(|line| format!("{} ", &line[3..])).collect();
            let start = at + lines[at..].iter().position(|line| line.contains("struct ")).expect("a struct");
            let fields = lines[start + 1..].iter().copied().take_while(|line| *line != "}");
            found.push(HostStruct {
                place: format!("{path}:{}", start + 1),
                counterparts: counterparts(&docs.replace("  ", " ")),
                layout: rust_layout(fields, &sources),
            });
        }
    }
    found
}

/// Scalar and number of words of a WGSL type; `None` words for a runtime-sized array.
fn wgsl_type(module: &Module, inner: &TypeInner) -> (&'static str, Option<usize>) {
    let scalar = |kind: ScalarKind| match kind {
        ScalarKind::Uint => "u32",
        ScalarKind::Sint => "i32",
        ScalarKind::Float => "f32",
        other => panic!("{other:?} cannot be shared with the host"),
    };
    match *inner {
        TypeInner::Scalar(s) | TypeInner::Atomic(s) => (scalar(s.kind), Some(1)),
        TypeInner::Vector { size, scalar: s } => (scalar(s.kind), Some(size as usize)),
        TypeInner::Array { base, size, stride } => {
            let (scalar, words) = wgsl_type(module, &module.types[base].inner);
            let words = words.expect("elements have a size");
            assert_eq!(stride as usize, words * 4, "elements without padding");
            match size {
                ArraySize::Constant(length) => (scalar, Some(words * length.get() as usize)),
                _ => (scalar, None),
            }
        }
        ref other => panic!("{other:?} cannot be shared with the host"),
    }
}

/// The layout of a WGSL struct by naga's reflection.
fn wgsl_layout(module: &Module, ty: &Type) -> Layout {
    let TypeInner::Struct { members, span } = &ty.inner else { panic!("{:?} is not a struct", ty.name) };
    let mut layout = Layout { words: vec![None; *span as usize / 4], open_end: false };
    for member in members {
        let name = member.name.as_deref().expect("members have names");
        let (scalar, words) = wgsl_type(module, &module.types[member.ty].inner);
        let at = member.offset as usize / 4;
        match words {
            Some(words) => layout.words[at..at + words].fill(word(name, scalar)),
            None => (layout.words.truncate(at), layout.open_end = true).0,
        }
    }
    layout
}

/// The shader file and name of a struct in a linked shader: imported structs have their module in their names.
fn key(shader: &str, name: &str) -> Key {
    if let Some((module, name)) = name.strip_prefix("package_common_").and_then(|rest| rest.rsplit_once('_'))
    {
        return (format!("common/{module}"), name.to_owned());
    }
    let end = ["_subgroups", "_workgroup_", "_16", "_32", "_half", "_relu6", "_linear", "_3", "_5"]
        .iter()
        .filter_map(|suffix| shader.find(suffix))
        .min();
    (shader[..end.unwrap_or(shader.len())].to_owned(), name.to_owned())
}

#[test]
fn rust_structs_match_their_wgsl_struct_layouts() {
    let hosts = host_structs();
    assert!(hosts.len() > 10, "only {} structs", hosts.len());
    let mut compared = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for (shader, source) in SHADERS {
        let (module, _) = validate(shader, source).unwrap_or_else(|e| panic!("{shader}: {e}"));
        let structs = module.types.iter().filter(|(_, ty)| matches!(ty.inner, TypeInner::Struct { .. }));
        for (_, ty) in structs {
            let key = key(shader, ty.name.as_deref().expect("structs have names"));
            for host in hosts.iter().filter(|host| host.counterparts.contains(&key)) {
                let wgsl = wgsl_layout(&module, ty);
                assert_eq!(host.layout, wgsl, "{} and {key:?} as linked in {shader}", host.place);
                compared.insert(key.clone());
            }
        }
        for (_, variable) in module.global_variables.iter() {
            let ty = match &module.types[variable.ty].inner {
                TypeInner::Array { base, .. } => &module.types[*base],
                _ => &module.types[variable.ty],
            };
            let is_shared = matches!(variable.space, AddressSpace::Uniform | AddressSpace::Storage { .. });
            if is_shared && matches!(ty.inner, TypeInner::Struct { .. }) {
                shared.insert(key(shader, ty.name.as_deref().expect("structs have names")));
            }
        }
    }
    for host in &hosts {
        assert!(
            !host.counterparts.is_empty(),
            "{}: its doc comment names no `Struct` of `shaders/..`",
            host.place
        );
        for key in &host.counterparts {
            assert!(compared.contains(key), "{}: no shader has {key:?}", host.place);
        }
    }
    let without: Vec<_> = shared.difference(&compared).collect();
    assert!(without.is_empty(), "no Rust struct has the layout of {without:?}");
}

#[test]
fn moved_renamed_and_retyped_members_are_found() {
    let wgsl = |members: &str| {
        let source = format!(
            "struct P {{ {members} }}
            @group(0) @binding(0) var<storage, read_write> p: P;
            @compute @workgroup_size(1) fn f() {{ p.a = 1u; }}"
        );
        let (module, _) = validate("case", &source).unwrap();
        let ty = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("P")).expect("the struct").1;
        wgsl_layout(&module, ty)
    };
    let rust = |fields: &str| rust_layout(fields.lines(), "const N: usize = 2;");
    let expected = rust("pub a: u32,\n/// About b.\nb: f32,\nunused: [u32; 2],\nc: [[u32; 4]; N],");
    assert_eq!(wgsl("a: u32, b: f32, unused_a: u32, unused_b: u32, c: array<vec4<u32>, 2>"), expected);
    // Implicit padding is padding too.
    assert_eq!(wgsl("a: u32, b: f32, c: array<vec4<u32>, 2>"), expected);
    for members in [
        "b: f32, a: u32, c: array<vec4<u32>, 2>",
        "a: u32, bb: f32, c: array<vec4<u32>, 2>",
        "a: u32, b: u32, c: array<vec4<u32>, 2>",
        "a: u32, b: f32, c: array<vec4<u32>, 3>",
        "a: u32, unused: u32, b: f32, c: array<vec4<u32>, 2>",
    ] {
        assert_ne!(wgsl(members), expected, "{members}");
    }
    assert_eq!(wgsl("a: u32, b: array<f32>"), rust("a: u32,\nb: [f32; UNKNOWN],"));
    let docs = "The draw; `Draw` of `shaders/a/b.wgsl` and `shaders/a/c.wgsl`.";
    assert_eq!(counterparts(docs), ["a/b", "a/c"].map(|file| (file.to_owned(), "Draw".to_owned())));
}
