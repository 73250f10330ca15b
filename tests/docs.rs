//! Holds the documents to the code: a path, function, type, command, flag or link that `README.md`,
//! `CONTRIBUTING.md` or a page in `docs/` names has to exist.
//!
//! Checked are inline code, command lines in code blocks, links and pictures. A document that tells the reader to make
//! something names it in a comment: `<!-- made here: src/nn/max_pool.rs GlobalMaxPool -->`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// Names in inline code that are other programs', or words of a format.
const FOREIGN: &[&str] = &["UPDATE_SNAPSHOTS=1"];

#[test]
fn documents_name_only_what_exists() {
    let code = Code::read();
    let wrong: Vec<_> = documents().iter().flat_map(|path| wrong_claims(&code, path, &read(path))).collect();
    assert!(wrong.is_empty(), "{} claims that the code does not keep:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let wrong: Vec<_> = documents().iter().flat_map(|path| wrong_links(path, &read(path))).collect();
    assert!(wrong.is_empty(), "{} links that lead nowhere:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn false_claims_are_reported() {
    let code = Code::read();
    let found = |text: &str| wrong_claims(&code, Path::new("docs/made-up.md"), text);
    let cases = [
        ("a path", "`src/ssl/frobnicate.rs`"),
        ("a path in a code block", "```\nscripts/frobnicate.sh all\n```"),
        ("a short path", "`ssl/frobnicate.wgsl`"),
        ("a bare file name", "`frobnicate_here.rs`"),
        ("an entry point", "`shaders/ssl/align.wgsl:frobnicate`"),
        ("a function", "`record_frobnication`"),
        ("a called function", "`frobnicate()`"),
        ("a method", "`Method::frobnicate`"),
        ("a type", "`NoSuchType`"),
        ("a path of modules", "`remixmatch::frobnicate::Method`"),
        ("a flag", "`--frobnicate`"),
        ("a flag of another command", "`remixmatch info --labels 40`"),
        ("a flag in a code block", "```\n$ remixmatch train --frobnicate 3\n```"),
        ("a command", "`remixmatch frobnicate`"),
        ("a test", "`cargo test --test frobnicate`"),
    ];
    for (what, text) in cases {
        assert_eq!(found(text).len(), 1, "{what}: {text}: {:?}", found(text));
    }
}

#[test]
fn true_claims_are_accepted() {
    let code = Code::read();
    let text = "`src/ssl/method.rs`, `ssl/align.wgsl:guess`, `Method::remixmatch`, `Method::NAMES`, `tests/docs.rs`, \
                `every_shader_is_valid`, `--labels`, `remixmatch train --preset digits --k 2`, `q = 1`, `p(y)`, `K`, \
                `cargo test --test docs`, `scripts/test.sh`, `metrics.csv`, `test_acc_ema`, `src/app/`, `made_name`\n\
                <!-- made here: made_name -->\n```\nremixmatch info | grep limits --count\n```";
    assert_eq!(wrong_claims(&code, Path::new("docs/made-up.md"), text), Vec::<String>::new());
}

#[test]
fn broken_links_are_reported() {
    let path = Path::new("docs/README.md");
    let text = "# One thing, `two`\n[a](nothing.md) [b](method.md#no-such-heading) [c](#nowhere) ![d](no.svg) \
                <img src=\"no.png\"> [e](#one-thing-two) [f](method.md) [g](https://example.org) `[h](no.md)`";
    let found = wrong_links(path, text);
    assert_eq!(found.len(), 5, "{found:?}");
}

fn documents() -> Vec<PathBuf> {
    let mut documents = vec![PathBuf::from("README.md")];
    documents.extend(Some(PathBuf::from("CONTRIBUTING.md")).filter(|path| path.exists()));
    documents.extend(files(Path::new("docs")).into_iter().filter(|path| has_extension(path, &["md"])));
    documents
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e))
}

/// All files below a folder, without what is built there.
fn files(folder: &Path) -> Vec<PathBuf> {
    const BUILT: [&str; 4] = ["target", "node_modules", "dist", "found"];
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            all.push(path);
        } else if !BUILT.iter().any(|built| path.ends_with(built)) {
            all.extend(files(&path));
        }
    }
    all.sort();
    all
}

/// What the documents may name.
struct Code {
    /// Functions, types, fields, constants, modules and crates; all words of shaders and scripts.
    defined: HashSet<String>,
    /// Words of strings: settings, columns, names of tensors.
    strings: HashSet<String>,
    /// Methods, constants, variants and fields of a type.
    members: HashMap<String, HashSet<String>>,
    files: Vec<PathBuf>,
    /// The flags of each command of the program.
    commands: BTreeMap<String, BTreeSet<String>>,
}

impl Code {
    fn read() -> Self {
        let mut code = Self {
            defined: HashSet::new(),
            strings: HashSet::new(),
            members: HashMap::new(),
            files: Vec::new(),
            commands: commands(),
        };
        for folder in ["src", "shaders", "scripts", "tests", "examples", "benches", "fuzz", "web", ".ci"] {
            if Path::new(folder).is_dir() {
                code.files.extend(files(Path::new(folder)));
            }
        }
        code.files.push(PathBuf::from("build.rs"));
        // The made-up names below would count as known.
        code.files.retain(|path| path != Path::new(file!()));
        for path in code.files.clone() {
            if has_extension(&path, &["rs"]) {
                let syntax =
                    syn::parse_file(&read(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                Definitions { code: &mut code }.visit_file(&syntax);
                code.defined.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
            } else if has_extension(&path, &["wgsl", "sh", "py", "js"]) {
                let comment = if has_extension(&path, &["wgsl", "js"]) { "//" } else { "# " };
                for line in read(&path).lines() {
                    let code_of_line = line.split(comment).next().unwrap();
                    code.defined.extend(words(code_of_line).map(str::to_owned));
                }
            }
        }
        code.defined.extend(words(&read(Path::new("Cargo.toml"))).map(str::to_owned));
        code
    }

    fn has_file(&self, path: &str) -> bool {
        let ends = |file: &PathBuf| file.ends_with(path);
        // A room may be one file: `src/view`.
        Path::new(path).exists() || Path::new(&format!("{path}.rs")).exists() || self.files.iter().any(ends)
    }

    fn find_file(&self, path: &str) -> Option<PathBuf> {
        let whole = Path::new(path);
        if whole.is_file() {
            return Some(whole.to_owned());
        }
        self.files.iter().find(|file| file.ends_with(path)).cloned()
    }
}

/// The program's commands with their flags, as its own help tells them. A key of "" holds what it takes without one.
fn commands() -> BTreeMap<String, BTreeSet<String>> {
    let help = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_remixmatch")).args(arguments).arg("--help").output().unwrap();
        assert!(output.status.success(), "remixmatch {arguments:?} --help failed");
        String::from_utf8(output.stdout).unwrap()
    };
    let flags = |help: &str| -> BTreeSet<String> { help.split_whitespace().filter_map(flag).collect() };
    let program = help(&[]);
    let mut commands = BTreeMap::from([(String::new(), flags(&program))]);
    let listed = program.split("Commands:").nth(1).unwrap().lines().skip(1);
    for line in listed.take_while(|line| line.starts_with("  ")) {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" {
            commands.insert(name.to_owned(), flags(&help(&[name])));
        }
    }
    commands
}

/// The flag that a word begins with.
fn flag(word: &str) -> Option<String> {
    let word = word.trim_start_matches(['[', '(']);
    let name: String =
        word.strip_prefix("--")?.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
    (!name.is_empty()).then(|| format!("--{name}"))
}

/// Runs of letters, digits and underscores.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Gathers what a file of Rust defines, and the words of its strings.
struct Definitions<'a> {
    code: &'a mut Code,
}

impl Definitions<'_> {
    fn add(&mut self, name: &syn::Ident) {
        self.code.defined.insert(name.to_string());
    }

    fn add_member(&mut self, owner: &str, name: &syn::Ident) {
        self.add(name);
        self.code.members.entry(owner.to_owned()).or_default().insert(name.to_string());
    }

    fn add_fields(&mut self, owner: &syn::Ident, fields: &syn::Fields) {
        for name in fields.iter().filter_map(|field| field.ident.as_ref()) {
            self.add_member(&owner.to_string(), name);
        }
    }

    /// Functions that a macro defines, and strings among its arguments.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut after_fn = false;
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => {
                    if after_fn {
                        self.add(&ident);
                    }
                    after_fn = ident == "fn";
                }
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(literal) => self.add_words(&literal.to_string()),
                TokenTree::Punct(_) => {}
            }
        }
    }

    fn add_words(&mut self, text: &str) {
        self.code.strings.extend(words(text).map(str::to_owned));
    }
}

impl<'ast> Visit<'ast> for Definitions<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident);
        self.add_fields(&item.ident, &item.fields);
        syn::visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident);
        for variant in &item.variants {
            self.add_member(&item.ident.to_string(), &variant.ident);
            self.add_fields(&item.ident, &variant.fields);
        }
        syn::visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add(&item.ident);
        for member in &item.items {
            match member {
                syn::TraitItem::Fn(function) => self.add_member(&item.ident.to_string(), &function.sig.ident),
                syn::TraitItem::Const(constant) => self.add_member(&item.ident.to_string(), &constant.ident),
                _ => {}
            }
        }
        syn::visit::visit_item_trait(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let syn::Type::Path(owner) = &*item.self_ty {
            let owner = owner.path.segments.last().unwrap().ident.to_string();
            for member in &item.items {
                match member {
                    syn::ImplItem::Fn(function) => self.add_member(&owner, &function.sig.ident),
                    syn::ImplItem::Const(constant) => self.add_member(&owner, &constant.ident),
                    _ => {}
                }
            }
        }
        syn::visit::visit_item_impl(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.add(&item.ident);
        syn::visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.add(&item.ident);
        syn::visit::visit_item_static(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(&item.ident);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.add(&item.ident);
        syn::visit::visit_item_mod(self, item);
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.add_words(&literal.value());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // Settings are written under the names that serde is told.
        if let (false, syn::Meta::List(list)) = (attribute.path().is_ident("doc"), &attribute.meta) {
            self.add_tokens(list.tokens.clone());
        }
    }
}

/// A document's inline code and the command lines of its code blocks, each with its line. In a block that marks
/// commands with `$` the other lines are what they print.
fn code_of(text: &str) -> [Vec<(usize, &str)>; 2] {
    let [mut inline, mut blocks] = [Vec::new(), Vec::new()];
    let mut fence: Option<&str> = None;
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line)) {
        let bare = line.trim_start();
        if let Some(rest) = bare.strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(rest) };
            let marked = block.iter().any(|(_, line)| line.starts_with("$ "));
            blocks.extend(block.drain(..).filter(|(_, line)| !marked || line.starts_with("$ ")));
        } else if let Some(language) = fence {
            if matches!(language, "" | "sh" | "bash" | "console") {
                block.push((number, line));
            }
        } else {
            inline.extend(line.split('`').skip(1).step_by(2).map(|span| (number, span)));
        }
    }
    [inline, blocks]
}

fn wrong_claims(code: &Code, document: &Path, text: &str) -> Vec<String> {
    let made: HashSet<&str> = text
        .split("<!-- made here:")
        .skip(1)
        .flat_map(|rest| rest.split("-->").next().unwrap().split_whitespace())
        .collect();
    let [inline, blocks] = code_of(text);
    let mut wrong = Vec::new();
    let mut check = |number: usize, problem: Option<String>| {
        wrong.extend(problem.map(|problem| format!("{}:{number}: {problem}", document.display())));
    };
    for (number, span) in inline {
        check(number, wrong_span(code, span, &made));
    }
    for (number, line) in blocks {
        check(number, wrong_command(code, line.trim_start_matches(['$', ' ']), &made));
    }
    wrong
}

/// What is wrong with inline code: it is a command, a flag, a path or a name, or says nothing that can be checked.
fn wrong_span(code: &Code, span: &str, made: &HashSet<&str>) -> Option<String> {
    let span = span.trim();
    if made.contains(span) || FOREIGN.contains(&span) {
        return None;
    }
    if span.contains(' ') {
        return wrong_command(code, span, made);
    }
    if let Some(flag) = flag(span).filter(|_| span.starts_with("--")) {
        let known = code.commands.values().any(|flags| flags.contains(&flag))
            || code
                .files
                .iter()
                .any(|file| has_extension(file, &["sh", "py", "js"]) && read(file).contains(&flag));
        return (!known).then(|| format!("no command has the flag {flag}"));
    }
    if let Some(problem) = wrong_path(code, span, made) {
        return Some(problem);
    }
    wrong_name(code, span, made)
}

/// A command line of this program, of cargo or of a script; up to a pipe or a comment.
fn wrong_command(code: &Code, line: &str, made: &HashSet<&str>) -> Option<String> {
    let line = line.split(['|', '#']).next().unwrap();
    // A legend beside a command stands apart by two spaces.
    let line = line.trim().split("   ").next().unwrap();
    let mut words = line.split_whitespace().skip_while(|word| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_uppercase() || c == '_'))
    });
    let program = words.next()?;
    let rest: Vec<_> = words.collect();
    let path_problem =
        || std::iter::once(program).chain(rest.iter().copied()).find_map(|w| wrong_path(code, w, made));
    if program == "remixmatch" || program.ends_with("/remixmatch") {
        let command =
            rest.first().filter(|word| word.chars().all(|c| c.is_lowercase())).copied().unwrap_or("");
        let Some(flags) = code.commands.get(command) else {
            return Some(format!("remixmatch has no command {command}"));
        };
        let unknown =
            rest.iter().filter(|w| w.starts_with("--")).filter_map(|w| flag(w)).find(|f| !flags.contains(f));
        return unknown.map(|flag| format!("remixmatch {command} has no flag {flag}")).or_else(path_problem);
    }
    if program == "cargo" {
        for pair in rest.windows(2) {
            let exists = match pair[0] {
                "--test" => {
                    Path::new(&format!("tests/{}.rs", pair[1])).exists()
                        || Path::new(&format!("tests/{}/main.rs", pair[1])).exists()
                }
                "--example" => {
                    Path::new(&format!("examples/{}.rs", pair[1])).exists() || code.defined.contains(pair[1])
                }
                _ => true,
            };
            if !exists && pair[1].chars().any(|c| c.is_lowercase()) {
                return Some(format!("cargo has no {} {}", pair[0], pair[1]));
            }
        }
        return path_problem();
    }
    path_problem()
}

/// A path of the repository, or a file name of its source, that is not there.
fn wrong_path(code: &Code, word: &str, made: &HashSet<&str>) -> Option<String> {
    const ROOTS: [&str; 11] = [
        "src/",
        "docs/",
        "shaders/",
        "scripts/",
        "tests/",
        "web/",
        "benches/",
        "fuzz/",
        "assets/",
        "examples/",
        ".github/",
    ];
    let word = word.trim_end_matches([',', '.', ';', ')']);
    if made.contains(word) || word.contains(['*', '{', '<', '$', '[', '(', '=']) {
        return None;
    }
    let (path, entry) = match word.split_once(".wgsl:").map(|(stem, entry)| (format!("{stem}.wgsl"), entry)) {
        Some((path, entry)) => (path, Some(entry)),
        None => (word.to_owned(), None),
    };
    // What scripts build or a run writes is not there yet.
    let built = ["web/dist", "fuzz/found", "benches/peers/node_modules", "web/node_modules"];
    if made.contains(path.as_str()) || built.iter().any(|b| path.starts_with(b)) {
        return None;
    }
    let is_source = has_extension(Path::new(&path), &["rs", "wgsl", "sh"]);
    if !is_source && !ROOTS.iter().any(|root| path.starts_with(root)) {
        return None;
    }
    if path.chars().any(char::is_whitespace) || !code.has_file(path.trim_end_matches('/')) {
        return Some(format!("there is no {path}"));
    }
    let entry = entry?;
    let text = read(&code.find_file(&path)?);
    (!text.contains(&format!("fn {entry}("))).then(|| format!("{path} has no function {entry}"))
}

/// A name that claims to be of the code: called, qualified, in snake case or in camel case.
fn wrong_name(code: &Code, span: &str, made: &HashSet<&str>) -> Option<String> {
    let called = span.ends_with("()");
    let name = span.trim_end_matches("()").trim_end_matches('!');
    let identifier =
        |part: &str| part.starts_with(|c: char| c.is_alphabetic() || c == '_') && words(part).eq([part]);
    let parts: Vec<_> = name.split("::").collect();
    if !name.is_ascii() || !parts.iter().all(|part| identifier(part)) {
        return None;
    }
    let humps =
        name.chars().zip(name.chars().skip(1)).filter(|(a, b)| a.is_lowercase() && b.is_uppercase()).count();
    let camel = humps >= 1 && name.starts_with(char::is_uppercase);
    if !(called || parts.len() > 1 || name.trim_matches('_').contains('_') || camel) {
        return None;
    }
    if parts[0] == "std" || made.contains(name) || FOREIGN.contains(&name) {
        return None;
    }
    if let [.., owner, member] = parts[..]
        && let Some(members) = code.members.get(owner)
        && owner.starts_with(char::is_uppercase)
    {
        return (!members.contains(member)).then(|| format!("{owner} has no {member}"));
    }
    let unknown = parts.iter().find(|part| {
        !matches!(**part, "crate" | "super" | "self")
            && !made.contains(*part)
            && !code.defined.contains(**part)
            && (called || parts.len() > 1 || !code.strings.contains(**part))
    });
    unknown.map(|part| format!("nothing in the code is called {part} (in `{span}`)"))
}

fn wrong_links(document: &Path, text: &str) -> Vec<String> {
    let folder = document.parent().unwrap();
    let mut wrong = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line)) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Inline code is no link.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let mut targets: Vec<&str> =
            prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()).collect();
        for attribute in ["src=\"", "srcset=\"", "href=\""] {
            targets.extend(prose.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()));
        }
        for target in targets {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) =
                target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let file = if path.is_empty() { document.to_owned() } else { folder.join(path) };
            let problem = if !file.exists() {
                Some("no such file")
            } else if let Some(anchor) = anchor.filter(|_| has_extension(&file, &["md"])) {
                let text = if path.is_empty() { text.to_owned() } else { read(&file) };
                (!anchors(&text).contains(anchor)).then_some("no such heading")
            } else {
                None
            };
            wrong.extend(
                problem.map(|problem| format!("{}:{number}: {target}: {problem}", document.display())),
            );
        }
    }
    wrong
}

/// The anchors that GitHub gives a document's headings.
fn anchors(text: &str) -> HashSet<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut all = HashSet::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let title = line.trim_start_matches('#');
        if fenced || title == line || !title.starts_with(' ') {
            continue;
        }
        let slug: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = counts.entry(slug.clone()).or_insert(0);
        all.insert(if *count == 0 { slug.clone() } else { format!("{slug}-{count}") });
        *count += 1;
    }
    all
}
