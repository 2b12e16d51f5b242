//! What is on this machine: listing, removing exactly one model, checking, the embedded one, and what memory it takes.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on, read the environment and say when they skip"
)]

use callwright_test_support::gguf;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use callwright_gguf::Header;
use callwright_models::fit::{Needs, Precision, Run};
use callwright_models::{ModelName, Places, Registry, Silent, Source, Store, Verdict};
use callwright_parse::ErrorKind;
use tempfile::TempDir;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

struct Corner {
    folder: TempDir,
}

impl Corner {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn store(&self) -> Store {
        Store::new(Places::new(self.folder.path().join("hub"), self.folder.path().join("cache")))
    }

    fn repo(&self, name: &str) -> PathBuf {
        self.folder.path().join("hub").join(format!("models--{}", name.replace('/', "--")))
    }

    /// Puts a file into the shared cache as `huggingface_hub` does.
    #[cfg(unix)]
    fn put(&self, repo: &str, commit: &str, file: &str, blob: &str, bytes: &[u8]) -> PathBuf {
        let folder = self.repo(repo);
        for part in ["blobs", "refs"] {
            fs::create_dir_all(folder.join(part)).expect("made");
        }
        let snapshot = folder.join("snapshots").join(commit).join(file);
        fs::create_dir_all(snapshot.parent().expect("a folder")).expect("made");
        fs::write(folder.join("blobs").join(blob), bytes).expect("written");
        fs::write(folder.join("refs/main"), commit).expect("written");
        let up = "../".repeat(file.split('/').count() + 1);
        std::os::unix::fs::symlink(format!("{up}blobs/{blob}"), &snapshot).expect("linked");
        snapshot
    }
}

fn name(text: &str) -> ModelName {
    ModelName::parse(text, Registry::builtin()).expect("a name")
}

fn names(store: &Store) -> Vec<String> {
    let entries = store.list(Registry::builtin()).into_iter();
    entries
        .filter(|entry| entry.located.source != Source::Embedded)
        .map(|entry| entry.located.name.to_string())
        .collect()
}

#[cfg(unix)]
#[test]
fn everything_in_the_caches_is_listed_known_or_not() {
    let corner = Corner::new();
    let model = gguf::model(64);
    corner.put("Qwen/Qwen3-4B-GGUF", ONE, "Qwen3-4B-Q4_K_M.gguf", "a", &model);
    corner.put("Qwen/Qwen3-4B-GGUF", TWO, "Qwen3-4B-Q8_0.gguf", "b", &model);
    corner.put("someone/Else", ONE, "sub/else-q5_k_m.gguf", "c", &model);
    corner.put("someone/Else", ONE, "config.json", "d", b"{}");
    corner.put("someone/Else", ONE, "mmproj-f16.gguf", "e", &model);
    corner.put("someone/Split", ONE, "s-Q8_0-00001-of-00002.gguf", "f", &model);
    fs::create_dir_all(corner.folder.path().join("hub/.locks")).expect("made");
    fs::create_dir_all(corner.folder.path().join("hub/datasets--a--b")).expect("made");

    let store = corner.store();
    assert_eq!(names(&store), ["qwen3:4b", "qwen3:4b:q8_0", "someone/Else:Q5_K_M"]);
    // Every name that is listed leads to its file again.
    for entry in store.list(Registry::builtin()) {
        let again = name(&entry.located.name.to_string());
        assert_eq!(store.locate(&again).expect("there").path, entry.located.path);
        assert_eq!(entry.bytes, fs::metadata(&entry.located.path).expect("there").len());
    }
    // The branch moved on for the other quant; the first is found in the snapshot that has it.
    assert!(store.locate(&name("qwen3:4b")).expect("there").path.starts_with(corner.repo("Qwen/Qwen3-4B-GGUF")));
}

#[cfg(unix)]
#[test]
fn removing_takes_what_belongs_to_the_model_and_nothing_else() {
    let corner = Corner::new();
    let (model, other) = (gguf::model(64), gguf::model(128));
    let repo = "someone/Both-GGUF";
    corner.put(repo, ONE, "both-Q4_0.gguf", "four", &model);
    corner.put(repo, TWO, "both-Q4_0.gguf", "four", &model);
    let eight = corner.put(repo, TWO, "both-Q8_0.gguf", "eight", &other);
    // Another name for the same bytes.
    let copy = corner.put(repo, TWO, "both-IQ4_NL.gguf", "four", &model);
    corner.put(repo, TWO, "README.md", "readme", b"# Both");

    let store = corner.store();
    let removed = store.remove(&name("someone/Both-GGUF:q4_0")).expect("removed");
    assert_eq!((removed.bytes, removed.files.len()), (0, 0), "its bytes still have a name");
    assert!(eight.is_file() && copy.is_file());
    assert!(!corner.repo(repo).join("snapshots").join(ONE).exists(), "an empty snapshot is gone");

    let removed = store.remove(&name("someone/Both-GGUF:iq4_nl")).expect("removed");
    assert_eq!((removed.bytes, removed.files.len()), (model.len() as u64, 1));
    assert!(eight.is_file() && !corner.repo(repo).join("blobs/four").exists());

    store.remove(&name("someone/Both-GGUF")).expect("removed");
    assert!(!eight.exists() && corner.repo(repo).join("blobs/readme").exists(), "what others fetched stays");

    let lone = corner.put("someone/Lone", ONE, "lone-Q8_0.gguf", "x", &model);
    store.remove(&name("someone/Lone")).expect("removed");
    assert!(!lone.exists() && !corner.repo("someone/Lone").exists());
    assert_eq!(store.remove(&name("someone/Lone")).expect_err("gone").kind(), ErrorKind::Offline);

    let own = corner.folder.path().join("own.gguf");
    fs::write(&own, &model).expect("written");
    let error = store.remove(&name(own.to_str().expect("text"))).expect_err("the user's");
    assert!(error.to_string().contains("is your own file") && own.exists());
    assert_eq!(store.remove(&ModelName::Embedded).expect_err("ours").kind(), ErrorKind::Input);
}

/// What an interrupted pull left can be given back too.
#[test]
fn what_was_never_finished_can_be_removed() {
    let corner = Corner::new();
    let blobs =
        corner.repo("Qwen/Qwen3-4B-GGUF").join(".callwright/Qwen3-4B-Q8_0.gguf/models--Qwen--Qwen3-4B-GGUF/blobs");
    fs::create_dir_all(&blobs).expect("made");
    fs::write(blobs.join("sum.part"), [0; 700]).expect("written");
    let store = corner.store();
    assert!(store.locate(&name("qwen3:4b:q8_0")).is_err());
    assert!(store.remove(&name("qwen3:4b")).is_err(), "another quant");
    let removed = store.remove(&name("qwen3:4b:q8_0")).expect("removed");
    assert_eq!(removed.bytes, 700);
    assert!(!corner.repo("Qwen/Qwen3-4B-GGUF").exists());
}

#[test]
fn paths_are_taken_as_they_are() {
    let corner = Corner::new();
    let store = corner.store();
    let path = corner.folder.path().join("own-Q8_0.gguf");
    fs::write(&path, gguf::model(64)).expect("written");
    let located = store.locate(&name(path.to_str().expect("text"))).expect("there");
    assert_eq!((located.source, located.quant.as_deref()), (Source::Path, Some("Q8_0")));
    let verdicts = store.verify(&located.name, &mut Silent).expect("checked");
    assert!(matches!(verdicts[..], [Verdict::Unknown { .. }]) && verdicts[0].is_good());
    for (text, told) in
        [("./no/such.gguf", "no such file"), (corner.folder.path().to_str().expect("text"), "is a folder")]
    {
        let error = store.locate(&name(text)).expect_err(told);
        assert_eq!(error.kind(), ErrorKind::ModelMissing);
        assert!(error.to_string().contains(told) && error.hint_text().is_some(), "{error}");
    }
}

#[test]
fn the_embedded_model_is_always_there() {
    let corner = Corner::new();
    let store = corner.store();
    let path = std::thread::scope(|scope| {
        let locate = || store.locate(&ModelName::Embedded).expect("written").path;
        let others: Vec<_> = (0..8).map(|_| scope.spawn(locate)).collect();
        let path = locate();
        assert!(others.into_iter().all(|other| other.join().expect("no panic") == path));
        path
    });
    Header::read(&path).expect("a model").require_weights(&path).expect("with weights");
    assert_eq!(store.list(Registry::builtin())[0].located.path, path);
    assert!(matches!(store.verify(&ModelName::Embedded, &mut Silent).expect("checked")[..], [Verdict::Intact { .. }]));

    // Whatever happened to the file in the cache, it is right when it is asked for.
    let zeros = vec![0; fs::read(&path).expect("there").len()];
    for damage in [&b""[..], b"GGUF", &zeros] {
        fs::write(&path, damage).expect("damaged");
        store.locate(&ModelName::Embedded).expect("written anew");
        Header::read(&path).expect("a model again");
    }
    let files: Vec<_> = fs::read_dir(path.parent().expect("a folder")).expect("there").flatten().collect();
    assert_eq!(files.len(), 1, "nothing half-written is left: {files:?}");
}

#[test]
fn memory_is_reckoned_from_the_header() {
    let bytes = gguf::model(640);
    let header = Header::from_reader(Cursor::new(&bytes), bytes.len() as u64).expect("a header");
    let run = Run::new(1024);
    let needs = Needs::of(&header, run);
    assert_eq!(needs.weights, header.weight_bytes);
    // Heads of 16 numbers, keys and values, 2 and 1 of them in the two layers, 2 bytes each.
    assert_eq!(needs.cache, 1024 * (2 + 1) * 2 * 16 * 2);
    assert_eq!(needs.compute, 512 * (1024 * 4 + 64 * 4 + 128 * 2) * 4 + 4 * 4);
    let mut small = run;
    small.precision = Precision::Q8;
    assert_eq!(Needs::of(&header, small).cache, needs.cache * 34 / 64);

    needs.require(needs.total()).expect("just enough");
    let error = needs.require(needs.total() - 1).expect_err("one byte short");
    assert_eq!(error.kind(), ErrorKind::Memory);
    assert!(error.hint_text().is_some_and(|hint| hint.contains("--ctx-size")), "{error}");
    let error = needs.require(1).expect_err("far short");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("smaller quant")), "{error}");

    assert_eq!(Needs::longest_context(&header, run, u64::MAX), Some(2048));
    assert_eq!(Needs::longest_context(&header, run, needs.total()), Some(1024));
    assert_eq!(Needs::longest_context(&header, run, 10), None);
}

/// 8192 * 30 layers * 3 heads * 128 numbers * 2 bytes: llama.cpp's own log says 180.00 MiB for `SmolLM2` 135M.
#[test]
fn the_cache_is_what_llama_cpp_says() {
    use gguf::Value::U32;
    use gguf::text;
    let keys = [
        ("general.architecture", text("llama")),
        ("llama.block_count", U32(30)),
        ("llama.embedding_length", U32(576)),
        ("llama.attention.head_count", U32(9)),
        ("llama.attention.head_count_kv", U32(3)),
    ];
    let bytes = gguf::file(&keys, &[]);
    let header = Header::from_reader(Cursor::new(&bytes), bytes.len() as u64).expect("a header");
    assert_eq!(Needs::of(&header, Run::new(8192)).cache, 180 << 20);
    assert!(header.require_weights(Path::new("x.gguf")).is_err());
}
