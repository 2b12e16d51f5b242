//! Names and rows: what `models.toml` holds, what a user's file changes, and what a name means.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on, read the environment and say when they skip"
)]

use std::fs;
use std::path::Path;

use callwright_models::{ModelName, PromptStyle, Registry};
use callwright_parse::ErrorKind;

fn parse(text: &str) -> callwright_parse::Result<ModelName> {
    ModelName::parse(text, Registry::builtin())
}

#[test]
fn every_row_is_whole() {
    let text = include_str!("../models.toml");
    let registry = Registry::parse(text, "models.toml").expect("models.toml can be read");
    assert_eq!(registry.iter().count(), Registry::builtin().iter().count());
    let prompts = callwright_test_support::root().join("prompts");
    let grammars = callwright_test_support::root().join("grammars");
    for row in registry.iter() {
        let name = &row.name;
        assert!(name.split(':').count() == 2 && *name == name.to_lowercase(), "{name} is `family:size`");
        assert!(row.context_length >= 2048 && row.context_length % 1024 == 0, "{name}");
        assert!(!row.licence.is_empty() && !row.files.is_empty(), "{name}");
        for (quant, file) in &row.files {
            assert!(file.path.to_uppercase().contains(quant), "{name}: {} is a file of {quant}", file.path);
            assert!(Path::new(&file.path).extension().is_some_and(|ending| ending == "gguf"), "{name}: {}", file.path);
            assert!(file.gb.is_none_or(|gb| (0.01..100.0).contains(&gb)), "{name}: {quant}");
            let full = format!("{name}:{}", quant.to_lowercase());
            assert_eq!(parse(&full).expect("a name").to_string(), full);
        }
        // The other engineers' files; where the folder is not there yet nothing can be missing from it.
        if let Some(prompt) = row.prompt.prompted().filter(|_| prompts.is_dir()) {
            assert!(prompts.join(format!("{prompt}.jinja")).is_file(), "{name}: prompts/{prompt}.jinja");
            assert_eq!(row.format, "tool_use", "{name} is told by a prompt, so it writes what the prompt asks for");
        }
        if grammars.is_dir() {
            assert!(grammars.join(format!("{}.toml", row.format)).is_file(), "{name}: grammars/{}.toml", row.format);
        }
    }
    for wanted in [
        "smollm2:135m smollm2:360m smollm2:1.7b llama3.1:8b llama3.2:1b llama3.2:3b mistral:7b",
        "qwen2.5:0.5b qwen2.5:1.5b qwen2.5:3b qwen2.5:7b qwen2.5-coder:1.5b qwen2.5-coder:7b",
        "qwen3:0.6b qwen3:1.7b qwen3:4b qwen3:8b phi3.5:3.8b phi4-mini:3.8b deepseek-coder:6.7b",
        "deepseek-r1:1.5b gemma3:1b gemma3:4b hermes3:8b",
    ]
    .join(" ")
    .split(' ')
    {
        assert!(registry.get(wanted).is_some(), "{wanted}");
    }
}

#[test]
fn names_mean_what_they_say() {
    for (text, shown) in [
        ("smollm2:135m", "smollm2:135m"),
        ("SmolLM2:135M", "smollm2:135m"),
        (" qwen3:4b:Q8_0 ", "qwen3:4b:q8_0"),
        ("smollm2:135m:q4_1", "smollm2:135m:q4_1"),
        ("maker/Model-GGUF", "maker/Model-GGUF"),
        ("maker/Model-GGUF:q4_k_m", "maker/Model-GGUF:Q4_K_M"),
        ("maker/Model-GGUF@v1.0", "maker/Model-GGUF@v1.0"),
        ("maker/Model-GGUF:IQ2_XXS@refs/pr/3", "maker/Model-GGUF:IQ2_XXS@refs/pr/3"),
        ("./models/x.gguf", "./models/x.gguf"),
        ("x.GGUF", "x.GGUF"),
        ("/models/x", "/models/x"),
        ("embedded", "embedded"),
    ] {
        assert_eq!(parse(text).expect(text).to_string(), shown);
    }
    assert!(matches!(parse("models/x.gguf").expect("a path"), ModelName::Path(_)));
    let here = env!("CARGO_MANIFEST_DIR");
    assert!(matches!(parse(&format!("{here}/Cargo.toml")).expect("a file"), ModelName::Path(_)));
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    for (text, hint) in [
        ("smolm2:135m", "`smollm2:135m`"),
        ("smollm2", "`smollm2:1.7b`, `smollm2:135m`, `smollm2:360m`"),
        ("qwen3:7b", "`qwen3:"),
        ("lama3.1:8b", "`llama3.1:8b`"),
        ("mistral", "`mistral:7b`"),
        ("\u{1f980}", "list --all"),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!((error.kind(), error.subject()), (ErrorKind::ModelMissing, Some(text)));
        assert!(error.hint_text().is_some_and(|told| told.contains(hint)), "{text}: {:?}", error.hint_text());
    }
    let error = parse("qwen3:4b:q2_k").expect_err("no such quant");
    assert_eq!(error.hint_text(), Some("choose one of `Q4_K_M`, `Q8_0`, as in `qwen3:4b:q4_k_m`"));
}

/// What becomes part of an address and of a path is plain words and nothing else.
#[test]
fn names_cannot_climb() {
    for text in [
        "a/b/c",
        "../b:q8_0",
        "a/..",
        "a/b@../../x",
        "a/b@",
        "a/b:",
        "a/b:latest",
        "a /b",
        "a/b c",
        "a/b?x=1",
        "a/b#x",
        "a/b%2F",
        "a/b@x y",
        "maker/x--y",
        "https://hub/a/b",
    ] {
        match parse(text) {
            Ok(ModelName::Path(path)) => assert!(text.starts_with(".."), "{}", path.display()),
            Ok(name) => panic!("`{text}` became {name:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Input, "{text}"),
        }
    }
}

#[test]
fn a_users_file_adds_and_corrects() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("models.toml");
    assert_eq!(
        Registry::with_file(&path).expect("no file adds nothing").iter().count(),
        Registry::builtin().iter().count()
    );

    fs::write(
        &path,
        r#"
        ["qwen3:4b"]
        format = "mine"
        files.Q6_K = { path = "Qwen3-4B-Q6_K.gguf" }

        ["own:1b"]
        repo = "me/Own-GGUF"
        default = "F16"
        files.F16 = { path = "own-f16.gguf" }
        context_length = 4096
        format = "hermes"
        licence = "MIT"
        "#,
    )
    .expect("written");
    let registry = Registry::with_file(&path).expect("a right file");
    let row = registry.get("qwen3:4b").expect("still there");
    assert_eq!((row.format.as_str(), row.default.as_str(), row.context_length), ("mine", "Q4_K_M", 40_960));
    assert_eq!(row.quants(), ["Q4_K_M", "Q6_K", "Q8_0"]);
    assert_eq!(registry.get("own:1b").expect("added").prompt, PromptStyle::Native);
    assert_eq!(registry.iter().count(), Registry::builtin().iter().count() + 1);

    for (text, told) in [
        ("x = ", "is not valid TOML"),
        ("[\"a:1b\"]\nrepo = \"a/b\"", "missing field"),
        ("[\"qwen3:4b\"]\nquant = \"Q4\"", "unknown field"),
        ("[\"qwen3:4b\"]\ndefault = \"Q2_K\"", "not among its files"),
        ("[\"qwen3:4b\"]\nrepo = \"../etc\"", "not of the form"),
        ("[\"qwen3:4b\"]\nfiles.Q4_K_M.path = \"../../x.gguf\"", "not a path in a repository"),
        ("[\"qwen3:4b\"]\nfiles.Q4_K_M.sha256 = \"abc\"", "not a sha256"),
    ] {
        fs::write(&path, text).expect("written");
        let error = Registry::with_file(&path).expect_err(told);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(told), "`{error}` does not say `{told}`");
    }
}
