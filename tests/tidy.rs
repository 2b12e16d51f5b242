//! The tests of taste: what DESIGN section 4 says of files, imports and dependencies, held by reading the sources.
//!
//! They read text on purpose: an import table that only the compiler knew could not be told to a newcomer.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may import whom. A module that is not named on the right is a mistake.
const MAY_USE: &[(&str, &[&str])] = &[
    ("chat", &[]),
    ("error", &["chat"]),
    ("value", &["chat", "error"]),
    ("format", &["chat", "value", "error"]),
    ("check", &["chat", "value", "error"]),
    ("read", &["chat", "value", "format", "check", "error"]),
    ("repair", &["chat", "value", "format", "check", "error"]),
    ("lines", &[]),
    ("ggml", &[]),
    ("models", &["chat", "format", "check", "ggml", "error"]),
    ("prompt", &["chat", "format", "check", "models", "error"]),
    ("constrain", &["chat", "format", "check", "error"]),
    ("infer", &["chat", "constrain", "ggml", "error"]),
    ("provider", &["chat", "models", "prompt", "constrain", "infer", "lines", "error"]),
    ("price", &["chat", "error"]),
    ("ledger", &["chat", "lines", "error"]),
    (
        "engine",
        &[
            "chat",
            "models",
            "prompt",
            "constrain",
            "infer",
            "format",
            "value",
            "check",
            "read",
            "repair",
            "provider",
            "price",
            "ledger",
            "error",
        ],
    ),
    ("record", &["chat", "format", "value", "check", "read", "repair", "models", "lines", "error"]),
    ("bench", &["chat", "format", "value", "check", "read", "repair", "models", "record", "error"]),
    ("config", &["chat", "models", "check", "provider", "price", "ledger", "engine", "format", "error"]),
    (
        "cli",
        &[
            "chat",
            "models",
            "prompt",
            "constrain",
            "infer",
            "format",
            "value",
            "check",
            "read",
            "repair",
            "provider",
            "price",
            "ledger",
            "engine",
            "record",
            "bench",
            "config",
            "error",
        ],
    ),
];

/// The only files that may hold `unsafe`, and why.
const UNSAFE: &[(&str, &str)] =
    &[("src/infer/llama/context.rs", "the context borrows the model that the same struct owns")];

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

/// The module of a file below `src/`, by its first folder or its name.
fn module(path: &Path) -> String {
    let first = path.iter().nth(1).expect("below src").to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> =
        sources("src").into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "these files do not open with `//!`: {silent:?}");
}

#[test]
fn no_file_is_over_400_lines() {
    let long: Vec<_> = ["src", "tests", "examples", "benches"]
        .into_iter()
        .flat_map(sources)
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 400)
        .collect();
    assert!(long.is_empty(), "these files are too long: {long:?}");
}

#[test]
fn imports_follow_the_table() {
    let mut strays = Vec::new();
    for (path, text) in sources("src") {
        let module = module(&path);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            assert!(["lib", "main"].contains(&module.as_str()), "{module} is not in the import table");
            continue;
        };
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let named = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                // `crate::{a, b}` would hide from this test, so it is not allowed at all.
                let known =
                    named == module || allowed.contains(&named) || ["Error", "ErrorKind", "Result"].contains(&named);
                if !known {
                    strays.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(strays.is_empty(), "imports against the table of DESIGN section 4:\n{}", strays.join("\n"));
}

#[test]
fn unsafe_only_where_it_is_named() {
    let word = ["unsafe", " {"].concat();
    let stray: Vec<_> = sources("src")
        .into_iter()
        .filter(|(path, text)| text.contains(&word) && !UNSAFE.iter().any(|(allowed, _)| path == Path::new(allowed)))
        .map(|(path, _)| path)
        .collect();
    assert!(stray.is_empty(), "unsafe code outside the named files: {stray:?}");
}

#[test]
fn only_the_printer_prints() {
    let stray: Vec<_> = sources("src")
        .into_iter()
        .filter(|(path, _)| !path.ends_with("cli/printer.rs"))
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
        .args(["tree", "--locked", "--edges", "normal,build", "--no-default-features", "--prefix", "none"])
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
    let tree = depends_on(&["--target", "wasm32-unknown-unknown"]);
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
    let tree = depends_on(&["--features", "candle,cli"]);
    let compiled = ["cc ", "cmake", "bindgen", "llama-cpp", "ring"];
    let found: Vec<_> = tree.lines().filter(|line| compiled.iter().any(|name| line.starts_with(name))).collect();
    assert!(found.is_empty(), "candle depends on {found:?}");
}
