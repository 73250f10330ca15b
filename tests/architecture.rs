//! Keeps the rooms of `src/` apart. Every import and every path of every file is read, and the tests fail on
//!
//! - a cycle between files,
//! - an arrow between rooms that the table in `docs/architecture.md` does not list,
//! - a word of learning in `src/gpu`.
//!
//! `cargo test --test architecture` prints the cycles in words. A `mod` declaration is no import, and neither is a
//! parent's `use` that re-exports its children. An import through a re-export counts as one of the file that defines
//! the item.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

#[test]
fn source_files_import_without_cycles() {
    let sources = Sources::read(Path::new("src"));
    let cycles = cycles(&sources.arrows());
    assert!(cycles.is_empty(), "{} import cycles:\n\n{}", cycles.len(), cycles.join("\n\n"));
}

#[test]
fn rooms_import_only_what_the_table_lists() {
    let document = fs::read_to_string("docs/architecture.md").unwrap();
    let allowed = table_of_rooms(&document);
    let sources = Sources::read(Path::new("src"));
    let rooms: BTreeSet<_> = sources.files.iter().filter_map(|file| room(file)).collect();
    let listed: BTreeSet<_> = allowed.iter().map(|(room, _)| room.clone()).collect();
    assert_eq!(listed, rooms, "docs/architecture.md lists other rooms than src/ has");
    assert_rows_point_upwards(&allowed);
    let allowed: BTreeMap<_, _> = allowed.into_iter().collect();
    let wrong: Vec<_> = sources
        .arrows()
        .into_iter()
        .filter_map(|arrow| {
            let (from, to) = (room(&arrow.from)?, room(&arrow.to)?);
            (from != to && !allowed[&from].contains(&to))
                .then(|| format!("{arrow}: {from} may not import {to}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} arrows against the table:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn lib_documentation_names_every_room() {
    let library = fs::read_to_string("src/lib.rs").unwrap();
    for file in Sources::read(Path::new("src")).files {
        if let Some(room) = room(&file) {
            assert!(
                library.contains(&format!("`{room}`")),
                "the documentation of src/lib.rs does not name `{room}`"
            );
        }
    }
}

#[test]
fn gpu_has_no_words_of_learning() {
    const WORDS: [&str; 18] = [
        "adam",
        "anchor",
        "augment",
        "augmentation",
        "bn",
        "conv",
        "conv2d",
        "convolution",
        "convolutions",
        "epoch",
        "gradient",
        "guess",
        "mixup",
        "optimiser",
        "rotation",
        "ssl",
        "unlabelled",
        "weights",
    ];
    let mut found = Vec::new();
    for file in rust_files(Path::new("src/gpu")) {
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            for word in words(line).filter(|word| WORDS.contains(&word.as_str())) {
                found.push(format!("{}:{}: {word}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "gpu knows nothing of learning, but names\n{}", found.join("\n"));
}

#[test]
fn made_up_cycle_is_found_in_words() {
    let sources = Sources::parse(&[
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a/mod.rs", "mod inner; pub use inner::Inner; pub struct Outer(crate::b::Leaf);"),
        ("src/a/inner.rs", "pub struct Inner; fn f() { let _ = super::Outer; }"),
        (
            "src/b.rs",
            "use crate::a::{Inner as I}; pub struct Leaf; #[cfg(test)] mod tests { use crate::a::Outer; }",
        ),
    ]);
    let cycles = cycles(&sources.arrows());
    assert_eq!(
        cycles,
        ["src/a/inner.rs imports Outer from src/a/mod.rs (line 1),\n\
          src/a/mod.rs imports Leaf from src/b.rs (line 1),\n\
          src/b.rs imports Inner from src/a/inner.rs (line 1)"]
    );
}

#[test]
fn re_exports_resolve_to_the_defining_file() {
    let arrows = |user: &str| -> Vec<String> {
        Sources::parse(&[
            ("src/lib.rs", "pub mod a; mod user;"),
            ("src/a/mod.rs", "mod leaf; pub use leaf::*;"),
            ("src/a/leaf.rs", "pub enum Leaf { One }"),
            ("src/user.rs", user),
        ])
        .arrows()
        .iter()
        .map(ToString::to_string)
        .collect()
    };
    let expected = ["src/user.rs imports Leaf from src/a/leaf.rs (line 1)"];
    assert_eq!(arrows("use crate::a::Leaf;"), expected);
    assert_eq!(arrows("use crate::a; fn f() { let _ = a::Leaf::One; }"), expected);
    assert_eq!(arrows("use super::a; fn f() { assert!(matches!(x, a::Leaf::One)) }"), expected);
    assert_eq!(arrows("fn f() -> crate::a::Leaf { todo!() }"), expected);
    assert_eq!(arrows("use crate::a;"), Vec::<String>::new());
}

#[test]
#[should_panic(expected = "upper")]
fn made_up_table_with_a_circle_is_refused() {
    assert_rows_point_upwards(&table_of_rooms(
        "| `src/lower` | `upper` | x |\n| `src/upper` | nothing | x |\n",
    ));
}

/// One file imports an item of another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    to: String,
    item: String,
    line: usize,
}

impl std::fmt::Display for Arrow {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { from, to, item, line } = self;
        write!(f, "{from} imports {item} from {to} (line {line})")
    }
}

/// A shortest cycle of every group of files that import each other, in words.
fn cycles(arrows: &[Arrow]) -> Vec<String> {
    let mut out: BTreeMap<&str, BTreeMap<&str, &Arrow>> = BTreeMap::new();
    for arrow in arrows {
        out.entry(&arrow.from).or_default().entry(&arrow.to).or_insert(arrow);
    }
    let mut seen: HashSet<&str> = HashSet::new();
    let mut found = Vec::new();
    for &start in out.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(cycle) = shortest_cycle(&out, start) {
            seen.extend(cycle.iter().map(|arrow| arrow.from.as_str()));
            found.push(cycle.iter().map(|arrow| arrow.to_string()).collect::<Vec<_>>().join(",\n"));
        }
    }
    found
}

/// The shortest way from a file back to itself, by breadth-first search.
fn shortest_cycle<'a>(
    out: &BTreeMap<&'a str, BTreeMap<&'a str, &'a Arrow>>,
    start: &'a str,
) -> Option<Vec<&'a Arrow>> {
    let mut reached: HashMap<&str, &Arrow> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for (&to, &arrow) in out.get(file).into_iter().flatten() {
            if reached.contains_key(to) {
                continue;
            }
            reached.insert(to, arrow);
            if to == start {
                let mut cycle = vec![arrow];
                while cycle[cycle.len() - 1].from != start {
                    cycle.push(reached[cycle[cycle.len() - 1].from.as_str()]);
                }
                cycle.reverse();
                return Some(cycle);
            }
            queue.push_back(to);
        }
    }
    None
}

/// The first folder or file below `src/`; none for the crates' roots, which declare the rooms.
fn room(file: &str) -> Option<String> {
    let first = file.strip_prefix("src/")?.split('/').next()?;
    (!matches!(first, "lib.rs" | "main.rs")).then(|| first.trim_end_matches(".rs").to_owned())
}

/// The rows "| `src/ROOM` | what it may import | ..." of a document, in order.
fn table_of_rooms(document: &str) -> Vec<(String, BTreeSet<String>)> {
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    document
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `src/")?.split('|');
            let room = cells.next()?.trim().trim_end_matches('`').to_owned();
            Some((room, quoted(cells.next()?).into_iter().collect()))
        })
        .collect()
}

/// A room imports only rooms of rows above it, so that rooms have no cycle either.
fn assert_rows_point_upwards(rows: &[(String, BTreeSet<String>)]) {
    for (i, (room, imports)) in rows.iter().enumerate() {
        for import in imports {
            assert!(
                rows[..i].iter().any(|(earlier, _)| earlier == import),
                "`{room}` may import `{import}`, which has no row above it"
            );
        }
    }
}

/// Lower-case words of a line, with names cut where they have an underscore or an upper-case letter.
fn words(line: &str) -> impl Iterator<Item = String> + '_ {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in line.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules of both crates, the library (root `src/lib.rs`) and the program (`src/main.rs`).
struct Sources {
    files: Vec<String>,
    modules: Vec<Module>,
}

/// A module: a file's, or an inline one of it.
#[derive(Default)]
struct Module {
    parent: Option<usize>,
    file: usize,
    children: HashMap<String, usize>,
    /// Names that the module defines.
    items: HashSet<String>,
    /// Names that it imports, with their paths.
    imports: HashMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    references: Vec<Reference>,
}

/// A path as it stands in a module.
struct Reference {
    segments: Vec<String>,
    line: usize,
    is_use: bool,
}

/// What a path leads to.
enum Target {
    Module(usize),
    Item { module: usize, name: String },
}

impl Sources {
    fn read(folder: &Path) -> Self {
        let texts: Vec<_> = rust_files(folder)
            .into_iter()
            .map(|path| (path.to_str().unwrap().replace('\\', "/"), fs::read_to_string(&path).unwrap()))
            .collect();
        Self::parse(&texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
    }

    fn parse(texts: &[(&str, &str)]) -> Self {
        let mut sources = Self { files: Vec::new(), modules: Vec::new() };
        for root in ["src/lib.rs", "src/main.rs"] {
            if texts.iter().any(|(path, _)| *path == root) {
                sources.add_file(texts, root, None, "src/");
            }
        }
        let missed: Vec<_> = texts
            .iter()
            .map(|(path, _)| *path)
            .filter(|path| !sources.files.iter().any(|f| f == path))
            .collect();
        assert!(missed.is_empty(), "no module declares {missed:?}");
        sources
    }

    /// Adds a file's module and those that it declares; `folder` is where the files of its children are.
    fn add_file(&mut self, texts: &[(&str, &str)], path: &str, parent: Option<usize>, folder: &str) -> usize {
        let text =
            texts.iter().find(|(other, _)| *other == path).unwrap_or_else(|| panic!("no file {path}")).1;
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        self.files.push(path.to_owned());
        let file = self.files.len() - 1;
        self.add_module(texts, &syntax.items, parent, file, folder)
    }

    fn add_module(
        &mut self,
        texts: &[(&str, &str)],
        items: &[syn::Item],
        parent: Option<usize>,
        file: usize,
        folder: &str,
    ) -> usize {
        let id = self.modules.len();
        self.modules.push(Module { parent, file, ..Module::default() });
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            if let syn::Item::Mod(module) = item {
                let name = module.ident.to_string();
                let inner = format!("{folder}{name}/");
                let child = match &module.content {
                    Some((_, items)) => self.add_module(texts, items, Some(id), file, &inner),
                    None => {
                        let named = path_attribute(&module.attrs).map(|path| format!("{folder}{path}"));
                        let paths = named.map_or_else(
                            || vec![format!("{folder}{name}.rs"), format!("{inner}mod.rs")],
                            |p| vec![p],
                        );
                        let path = paths.iter().find(|p| texts.iter().any(|(other, _)| other == p));
                        let path = path.unwrap_or_else(|| panic!("no file for {name} in {folder}"));
                        self.add_file(texts, path, Some(id), &inner)
                    }
                };
                // Where a platform has a module of its own under the same name, paths lead to the first.
                self.modules[id].children.entry(name).or_insert(child);
                continue;
            }
            self.modules[id].items.extend(name_of(item));
            Paths { module: &mut self.modules[id] }.visit_item(item);
        }
        id
    }

    fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeSet::new();
        for (id, module) in self.modules.iter().enumerate() {
            for reference in &module.references {
                // An import of a whole module says nothing yet: what is used of it does.
                let Some(Target::Item { module: to, name }) =
                    self.resolve(id, &reference.segments, &mut HashSet::new())
                else {
                    continue;
                };
                if reference.is_use && self.is_below(to, id) {
                    continue;
                }
                let (from, to) = (module.file, self.modules[to].file);
                if from != to {
                    let (from, to) = (self.files[from].clone(), self.files[to].clone());
                    arrows.insert(Arrow { from, to, item: name, line: reference.line });
                }
            }
        }
        arrows.into_iter().collect()
    }

    fn is_below(&self, module: usize, ancestor: usize) -> bool {
        std::iter::successors(Some(module), |&id| self.modules[id].parent).skip(1).any(|id| id == ancestor)
    }

    fn root(&self, module: usize) -> usize {
        std::iter::successors(Some(module), |&id| self.modules[id].parent).last().unwrap()
    }

    /// Follows a path from a module; none if it leads out of the crates.
    fn resolve(
        &self,
        from: usize,
        segments: &[String],
        asked: &mut HashSet<(usize, String)>,
    ) -> Option<Target> {
        let (first, mut rest) = segments.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(self.root(from)),
            "self" => Target::Module(from),
            "super" => Target::Module(self.modules[from].parent?),
            name => match self.look_up(from, name, rest.is_empty(), asked) {
                Some(target) => target,
                // The program's name of the library.
                None if name == "remixmatch" => Target::Module(0),
                None => return None,
            },
        };
        while let Target::Module(module) = target {
            let Some((next, after)) = rest.split_first() else { break };
            target = if next == "super" {
                Target::Module(self.modules[module].parent?)
            } else {
                // Names that only a macro's expansion has are taken for the module's own.
                self.look_up(module, next, after.is_empty(), asked)
                    .unwrap_or_else(|| Target::Item { module, name: next.clone() })
            };
            rest = after;
        }
        Some(target)
    }

    fn look_up(
        &self,
        id: usize,
        name: &str,
        last: bool,
        asked: &mut HashSet<(usize, String)>,
    ) -> Option<Target> {
        let module = &self.modules[id];
        let own = module.items.contains(name).then(|| Target::Item { module: id, name: name.to_owned() });
        let child = module.children.get(name).map(|&child| Target::Module(child));
        // A function and a module may have one name: a path that ends there means the function.
        if let Some(target) = if last { own.or(child) } else { child.or(own) } {
            return Some(target);
        }
        if !asked.insert((id, name.to_owned())) {
            return None;
        }
        if let Some(path) = module.imports.get(name) {
            return self.resolve(id, path, asked);
        }
        module.globs.iter().find_map(|path| match self.resolve(id, path, asked)? {
            Target::Module(inner) => self.look_up(inner, name, last, asked),
            Target::Item { .. } => None,
        })
    }
}

/// Gathers the paths of an item into its module.
struct Paths<'a> {
    module: &'a mut Module,
}

impl Paths<'_> {
    fn add_use(&mut self, tree: &syn::UseTree, before: &[String], line: usize) {
        let with = |ident: &syn::Ident| -> Vec<String> {
            before.iter().cloned().chain((ident != "self").then(|| ident.to_string())).collect()
        };
        let (alias, segments) = match tree {
            syn::UseTree::Path(path) => {
                let first = before.is_empty() && path.ident == "self";
                let before = if first { vec!["self".to_owned()] } else { with(&path.ident) };
                return self.add_use(&path.tree, &before, line);
            }
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.add_use(tree, before, line));
            }
            syn::UseTree::Glob(_) => return self.module.globs.push(before.to_vec()),
            syn::UseTree::Name(name) => {
                let segments = with(&name.ident);
                (segments.last().cloned(), segments)
            }
            syn::UseTree::Rename(rename) => (Some(rename.rename.to_string()), with(&rename.ident)),
        };
        if let Some(alias) = alias {
            self.module.imports.entry(alias).or_insert_with(|| segments.clone());
        }
        self.module.references.push(Reference { segments, line, is_use: true });
    }

    /// Paths within a macro's arguments, which are tokens only.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<(String, usize)> = Vec::new();
        let mut colons = 0;
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_path(std::mem::take(&mut segments));
                    }
                    segments.push((ident.to_string(), ident.span().start().line));
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.add_path(std::mem::take(&mut segments));
                    self.add_tokens(group.stream());
                    colons = 0;
                }
                _ => {
                    self.add_path(std::mem::take(&mut segments));
                    colons = 0;
                }
            }
        }
        self.add_path(segments);
    }

    /// Single names are in scope through an import, which counts already.
    fn add_path(&mut self, segments: Vec<(String, usize)>) {
        if segments.len() > 1 {
            let line = segments[0].1;
            let segments = segments.into_iter().map(|(segment, _)| segment).collect();
            self.module.references.push(Reference { segments, line, is_use: false });
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &[], item.use_token.span.start().line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add_path(
            path.segments.iter().map(|s| (s.ident.to_string(), s.ident.span().start().line)).collect(),
        );
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// The file that `#[path = "..."]` names.
fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
