//! The tests of taste: what DESIGN section 4 says of files, imports and dependencies, held by reading the sources.
//!
//! They read text on purpose: an import table that only the compiler knew could not be told to a newcomer.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates, and which of ours each may depend on. ARCHITECTURE.md draws it; the compiler holds the rest.
const CRATES: &[(&str, &[&str])] = &[
    ("parse", &[]),
    ("files", &[]),
    ("gguf", &[]),
    ("models", &["parse", "gguf", "files"]),
    ("prompt", &["parse", "models"]),
    ("constrain", &["parse"]),
    ("infer", &["parse", "constrain", "files"]),
    ("preflight", &[]),
    ("llama", &["parse", "infer"]),
    ("candle", &["parse", "gguf", "infer"]),
    ("record", &["parse", "files"]),
    ("bench", &["parse", "record"]),
    ("providers", &["parse", "models", "prompt", "constrain", "infer", "record", "files"]),
    ("", &["parse", "models", "prompt", "constrain", "infer", "llama", "candle", "providers", "files"]),
    ("serve", &[""]),
    ("cli", &["", "parse", "models", "prompt", "constrain", "infer", "providers", "record", "bench", "files", "serve"]),
];

/// Inside the reading core, who may import whom.
const MAY_USE: &[(&str, &[&str])] = &[
    ("chat", &[]),
    ("error", &["chat"]),
    ("schema", &["error"]),
    ("value", &["chat", "schema", "error"]),
    ("format", &["chat", "schema", "value", "error"]),
    ("check", &["chat", "schema", "value", "error"]),
    ("read", &["chat", "schema", "value", "format", "check", "error"]),
    ("repair", &["chat", "value", "format", "check", "error"]),
];

/// What a crate may use of the reading core, where that is not all of it.
const OF_PARSE: &[(&str, &[&str])] =
    &[("infer", &["chat", "error"]), ("llama", &["chat", "error"]), ("candle", &["chat", "error"])];

/// The only files that may hold `unsafe`, and why.
const UNSAFE: &[(&str, &str)] =
    &[("crates/llama/src/context.rs", "the context borrows the model that the same struct owns")];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source is text");
                found.push((path.strip_prefix(root()).expect("below the root").to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// The folder of a crate: `src/` of the root is the engine's.
fn source_folder(name: &str) -> PathBuf {
    if name.is_empty() { PathBuf::from("src") } else { Path::new("crates").join(name).join("src") }
}

/// The sources of all crates.
fn all_sources() -> Vec<(PathBuf, String)> {
    CRATES.iter().flat_map(|(name, _)| sources(&source_folder(name).to_string_lossy())).collect()
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> =
        all_sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "these files do not open with `//!`: {silent:?}");
}

#[test]
fn no_file_is_over_400_lines() {
    let long: Vec<_> = ["src", "crates", "tests", "examples", "benches"]
        .into_iter()
        .flat_map(sources)
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 400)
        .collect();
    assert!(long.is_empty(), "these files are too long: {long:?}");
}

/// The crate graph is the import table: what a crate's manifest names is what the picture allows, no less and no more.
#[test]
fn crates_depend_as_the_picture_says() {
    let named: Vec<_> = CRATES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut there: Vec<_> = fs::read_dir(root().join("crates"))
        .expect("there are crates")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .chain([String::new()])
        .collect();
    let mut known = named;
    known.sort();
    there.sort();
    assert_eq!(there, known, "a crate is missing here, or there");
    let drawn = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("there is an ARCHITECTURE.md");
    for (name, allowed) in CRATES {
        let manifest = if name.is_empty() { root() } else { root().join("crates").join(name) }.join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a manifest");
        let table: toml::Table = manifest.parse().expect("a manifest is TOML");
        let none = toml::Table::new();
        let dependencies = table.get("dependencies").and_then(toml::Value::as_table).unwrap_or(&none);
        let mut ours: Vec<_> = dependencies
            .keys()
            .filter_map(|key| if key == "callwright" { Some("") } else { key.strip_prefix("callwright-") })
            .collect();
        let mut allowed = allowed.to_vec();
        ours.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(ours, allowed, "the dependencies of `{name}`");
        let shown = |name: &str| if name.is_empty() { "callwright".to_owned() } else { name.to_owned() };
        let row = format!(
            "| `{}` | {} |",
            shown(name),
            allowed.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
        );
        assert!(drawn.contains(&row), "ARCHITECTURE.md does not have the row\n{row}");
    }
}

/// What follows `prefix` in the code of a file: the modules that it names, with their lines.
fn names_after<'t>(text: &'t str, prefix: &'t str) -> impl Iterator<Item = (usize, &'t str, &'t str)> {
    text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).flat_map(move |(number, line)| {
        line.match_indices(prefix).map(move |(at, _)| {
            let rest = &line[at + prefix.len()..];
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            (number + 1, name, line)
        })
    })
}

#[test]
fn imports_follow_the_table() {
    let mut strays = Vec::new();
    for (path, text) in sources("crates/parse/src") {
        let module = path.iter().nth(3).expect("below src").to_string_lossy().trim_end_matches(".rs").to_owned();
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            assert_eq!(module, "lib", "{module} is not in the import table");
            continue;
        };
        // `crate::{a, b}` would hide from this test, so it is not allowed at all.
        for (number, named, line) in names_after(&text, "crate::") {
            if named != module && !allowed.contains(&named) {
                strays.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    for (name, allowed) in OF_PARSE {
        for (path, text) in sources(&source_folder(name).to_string_lossy()) {
            for (number, named, line) in names_after(&text, "callwright_parse::") {
                if !allowed.contains(&named) && !["Error", "ErrorKind", "Result"].contains(&named) {
                    strays.push(format!("{}:{number}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(strays.is_empty(), "imports against the table of DESIGN section 4:\n{}", strays.join("\n"));
}

#[test]
fn unsafe_only_where_it_is_named() {
    let word = ["unsafe", " {"].concat();
    let stray: Vec<_> = all_sources()
        .into_iter()
        .filter(|(path, text)| text.contains(&word) && !UNSAFE.iter().any(|(allowed, _)| path == Path::new(allowed)))
        .map(|(path, _)| path)
        .collect();
    assert!(stray.is_empty(), "unsafe code outside the named files: {stray:?}");
}

#[test]
fn only_the_printer_prints() {
    let stray: Vec<_> = all_sources()
        .into_iter()
        .filter(|(path, _)| !path.ends_with("cli/src/printer.rs"))
        .flat_map(|(path, text)| {
            let code = |line: &&str| !line.trim_start().starts_with("//");
            let prints = |line: &&str| ["println!(", "print!(", "dbg!("].iter().any(|word| line.contains(word));
            let lines: Vec<_> = text.lines().filter(code).filter(prints).map(str::to_owned).collect();
            lines.into_iter().map(move |line| format!("{}: {}", path.display(), line.trim()))
        })
        .collect();
    assert!(stray.is_empty(), "these print past the printer:\n{}", stray.join("\n"));
}

/// What the crate depends on with these options of `cargo tree`, one crate a line.
fn depends_on(options: &[&str]) -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}"])
        .args(options)
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("cargo writes text");
    assert!(tree.lines().any(|line| line.starts_with("serde_json")), "the tree was not read:\n{tree}");
    tree
}

/// DESIGN section 4: the core builds without tokio or C++ and depends on nothing that excludes wasm32.
#[test]
fn the_core_is_light() {
    let tree = depends_on(&["--package", "callwright-parse", "--target", "wasm32-unknown-unknown"]);
    let heavy = [
        "tokio",
        "mio",
        "reqwest",
        "ureq",
        "rustls",
        "ring",
        "openssl",
        "socket2",
        "llama-cpp",
        "cmake",
        "bindgen",
        "cc ",
        "candle",
        "hf-hub",
        "llguidance",
        "clap",
        "indicatif",
        "rustix",
        "libc ",
        "minijinja",
    ];
    let found: Vec<_> = tree.lines().filter(|line| heavy.iter().any(|name| line.starts_with(name))).collect();
    assert!(found.is_empty(), "the core depends on {found:?}");
}

/// The second engine is there for machines without a C++ compiler.
#[test]
fn candle_builds_in_rust_alone() {
    let tree = depends_on(&["--package", "callwright-cli", "--no-default-features", "--features", "candle"]);
    let compiled = ["cc ", "cmake", "bindgen", "llama-cpp", "ring"];
    let found: Vec<_> = tree.lines().filter(|line| compiled.iter().any(|name| line.starts_with(name))).collect();
    assert!(found.is_empty(), "candle depends on {found:?}");
}
