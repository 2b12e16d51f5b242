//! Pulls through the real hub client from a hub on loopback: whole, broken off, altered, refused, two at once.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on, read the environment and say when they skip"
)]

mod common;

use callwright_test_support::{gguf, hub};
use std::fs;
use std::path::Path;
use std::time::Duration;

use callwright_models::{Places, Progress, Secret, Silent, Source, Store, Verdict};
use callwright_parse::ErrorKind;
use callwright_test_support::hub::Hub;
use common::{Corner, FILE, REPO, name};

/// Writes down what it is told.
#[derive(Default)]
struct Told {
    starts: Vec<(u64, u64)>,
    bytes: u64,
    notes: Vec<String>,
}

impl Progress for Told {
    fn start(&mut self, total: u64, already: u64) {
        self.starts.push((total, already));
    }
    fn advance(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
    fn finish(&mut self) {}
    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
}

/// How long the hub client waits between fruitless attempts makes tests slow, so cuts are always some bytes long.
fn no_waiting(hub: &Hub, cuts: &[usize]) {
    hub.set(|script| script.cuts = cuts.iter().copied().collect());
}

#[test]
fn a_pull_puts_the_file_where_the_python_tools_look_for_it() {
    let corner = Corner::new();
    let mut told = Told::default();
    let located = corner.store().pull(&name(REPO), &mut told).expect("pulled");
    let repo = corner.repo();
    assert_eq!(located.path, repo.join("snapshots").join(hub::COMMIT).join(FILE));
    assert_eq!(fs::read(&located.path).expect("the file"), corner.model);
    let sum = hub::sha256(&corner.model);
    let link = fs::read_link(&located.path).expect("a link");
    assert_eq!(link, Path::new("../../blobs").join(&sum));
    assert_eq!(fs::read_to_string(repo.join("refs/main")).expect("the ref"), hub::COMMIT);
    assert_eq!((located.source, located.quant.as_deref()), (Source::HubCache, Some("Q8_0")));
    assert!(!repo.join(".callwright").exists(), "nothing is left of the staging");
    assert_eq!(told.starts[0], (corner.model.len() as u64, 0));
    // Once for the transfer, once for the sum.
    assert_eq!(told.bytes, 2 * corner.model.len() as u64);

    // What is there is found again without a request, also with the network switched off.
    let before = corner.hub.set(|script| script.requests);
    corner.store().pull(&name(REPO), &mut Silent).expect("there");
    let offline = Store::new(Places::new(corner.folder.path().join("hub"), corner.folder.path().join("cache")));
    offline.pull(&name(&format!("{REPO}:q8_0")), &mut Silent).expect("there");
    offline.locate(&name(&format!("{REPO}@main"))).expect("there");
    offline.locate(&name(&format!("{REPO}@{}", &hub::COMMIT[..9]))).expect("there");
    assert!(offline.locate(&name(&format!("{REPO}@other"))).is_err());
    assert_eq!(corner.hub.set(|script| script.requests), before);
    assert_eq!(offline.verify(&name(REPO), &mut Silent).expect("checked"), [Verdict::Intact { sha256: sum }]);
}

#[test]
fn a_connection_that_breaks_is_taken_up_where_it_broke() {
    let corner = Corner::new();
    no_waiting(&corner.hub, &[1, 1000, 20_000]);
    let mut told = Told::default();
    corner.store().pull(&name(REPO), &mut told).expect("pulled in four pieces");
    let (sent, ranges) = corner.hub.set(|script| (script.sent, script.ranges.clone()));
    assert_eq!(sent, corner.model.len(), "no byte was sent twice");
    assert_eq!(ranges, ["bytes=0-", "bytes=1-", "bytes=1001-", "bytes=21001-"]);
    assert!(told.notes.iter().any(|note| note.contains("resuming at 1001 of")), "{:?}", told.notes);
}

/// A pull that was killed leaves its part file behind; whatever its length, the next pull goes on from there.
#[test]
fn an_interrupted_pull_goes_on() {
    let corner = Corner::new();
    let sum = hub::sha256(&corner.model);
    let total = corner.model.len();
    for already in [1, 4096, total / 2, total - 1, total] {
        let _ = fs::remove_dir_all(corner.repo());
        corner.hub.set(|script| script.sent = 0);
        let blobs = corner.repo().join(".callwright").join(FILE).join("models--maker--Small-GGUF/blobs");
        fs::create_dir_all(&blobs).expect("the staging");
        fs::write(blobs.join(format!("{sum}.part")), &corner.model[..already]).expect("the part");
        let mut told = Told::default();
        let located = corner.store().pull(&name(REPO), &mut told).expect("pulled");
        assert_eq!(fs::read(&located.path).expect("the file"), corner.model, "from {already}");
        assert_eq!(corner.hub.set(|script| script.sent), total - already, "from {already}");
        if already < total {
            assert_eq!(told.starts[0], (total as u64, already as u64));
        }
    }
}

/// Killed after the last byte and before the link: the bytes are there and are not sent again.
#[test]
fn bytes_that_are_there_are_only_shown() {
    let corner = Corner::new();
    let sum = hub::sha256(&corner.model);
    fs::create_dir_all(corner.repo().join("blobs")).expect("the blobs");
    fs::write(corner.repo().join("blobs").join(&sum), &corner.model).expect("the blob");
    corner.store().pull(&name(REPO), &mut Silent).expect("shown");
    assert_eq!(corner.hub.set(|script| script.sent), 0);
    corner.store().locate(&name(REPO)).expect("there");
}

#[test]
fn a_part_that_does_not_fit_is_thrown_away_once() {
    let corner = Corner::new();
    let sum = hub::sha256(&corner.model);
    let blobs = corner.repo().join(".callwright").join(FILE).join("models--maker--Small-GGUF/blobs");
    for part in [vec![7; 5000], vec![7; corner.model.len()], vec![7; corner.model.len() + 1]] {
        fs::create_dir_all(&blobs).expect("the staging");
        fs::write(blobs.join(format!("{sum}.part")), part).expect("the part");
        let mut told = Told::default();
        let located = corner.store().pull(&name(REPO), &mut told).expect("pulled");
        assert_eq!(fs::read(&located.path).expect("the file"), corner.model);
        assert!(told.notes.iter().any(|note| note.contains("starting over")), "{:?}", told.notes);
        fs::remove_dir_all(corner.repo()).expect("removed");
    }
}

#[test]
fn an_altered_file_is_refused_and_leaves_nothing() {
    let corner = Corner::new();
    corner.hub.set(|script| script.announced = Some("ab".repeat(32)));
    let error = corner.store().pull(&name(REPO), &mut Silent).expect_err("altered");
    assert_eq!(error.kind(), ErrorKind::ModelCorrupt);
    assert!(error.hint_text().is_some_and(|hint| hint.contains("pull it again")), "{error}");
    assert!(corner.store().locate(&name(REPO)).is_err(), "nothing unchecked is found");
    assert!(!corner.repo().join("blobs").exists() && !corner.repo().join(".callwright").exists());
}

/// A server that ignores ranges would double a part file; the size tells, and the pull begins anew.
#[test]
fn a_server_without_ranges_is_survived() {
    let corner = Corner::new();
    corner.hub.set(|script| script.ranges_ignored = true);
    no_waiting(&corner.hub, &[3000]);
    let located = corner.store().pull(&name(REPO), &mut Silent).expect("pulled");
    assert_eq!(fs::read(&located.path).expect("the file"), corner.model);
}

#[test]
fn what_is_damaged_is_fetched_again_and_what_is_altered_is_told() {
    let corner = Corner::new();
    let store = corner.store();
    let path = store.pull(&name(REPO), &mut Silent).expect("pulled").path;
    let blob = fs::canonicalize(&path).expect("the blob");

    let mut altered = corner.model.clone();
    *altered.last_mut().expect("a byte") ^= 1;
    fs::write(&blob, &altered).expect("altered");
    let verdicts = store.verify(&name(REPO), &mut Silent).expect("checked");
    let expected = hub::sha256(&corner.model);
    assert_eq!(verdicts, [Verdict::Altered { expected, found: hub::sha256(&altered) }]);

    fs::write(&blob, &corner.model[..corner.model.len() - 1]).expect("cut off");
    let error = store.verify(&name(REPO), &mut Silent).expect_err("cut off");
    assert_eq!(error.kind(), ErrorKind::ModelCorrupt);
    let mut told = Told::default();
    let path = store.pull(&name(REPO), &mut told).expect("pulled again").path;
    assert!(told.notes.iter().any(|note| note.contains("is cut off") && note.contains("again")), "{:?}", told.notes);
    assert_eq!(fs::read(path).expect("the file"), corner.model);
}

#[test]
fn refusals_say_what_to_do() {
    let corner = Corner::new();
    let store = corner.store();
    for (status, kind, hint) in [
        (401, ErrorKind::ModelMissing, "HF_TOKEN"),
        (403, ErrorKind::ModelMissing, "HF_TOKEN"),
        (404, ErrorKind::ModelMissing, "page on the hub"),
        (416, ErrorKind::Network, "again later"),
        (429, ErrorKind::Network, "again later"),
        (503, ErrorKind::Network, "again later"),
    ] {
        corner.hub.set(|script| script.refusal = Some(status));
        let error = store.pull(&name(REPO), &mut Silent).expect_err("refused");
        assert_eq!(error.kind(), kind, "{status}: {error}");
        assert!(error.hint_text().is_some_and(|told| told.contains(hint)), "{status}: {:?}", error.hint_text());
        assert_eq!(error.subject(), Some(REPO));
        assert!(!corner.repo().exists(), "{status} leaves no folder behind");
    }
}

#[test]
fn wrong_quants_are_answered_with_the_list() {
    let corner = Corner::new();
    let error = corner.store().pull(&name(&format!("{REPO}:q4_k_m")), &mut Silent).expect_err("no such quant");
    assert_eq!(error.to_string(), format!("`{REPO}` has no quant `Q4_K_M`"));
    assert_eq!(error.hint_text(), Some("it has `Small-Q8_0.gguf`"));
    corner.hub.put("maker/Other", "model.safetensors", b"x");
    let error = corner.store().pull(&name("maker/Other"), &mut Silent).expect_err("no model");
    assert_eq!(error.to_string(), "`maker/Other` has no GGUF file");
}

#[test]
fn offline_opens_no_socket() {
    let corner = Corner::new();
    let mut places = corner.places();
    places.offline = true;
    for text in ["smollm2:135m", REPO, "qwen3:4b:q8_0"] {
        let error = Store::new(places.clone()).pull(&name(text), &mut Silent).expect_err("offline");
        assert_eq!(error.kind(), ErrorKind::Offline);
        assert!(error.hint_text().is_some_and(|hint| hint.contains(&format!("`callwright pull {text}`"))), "{error}");
    }
    assert_eq!(corner.hub.set(|script| script.requests), 0);
    assert!(!corner.repo().exists());
}

#[test]
fn the_token_is_shown_only_where_it_is_asked_for_and_in_no_message() {
    let corner = Corner::new();
    let mut places = corner.places();
    places.token = Some(Secret::new("hf_not_a_real_one"));
    let store = Store::new(places.clone());
    assert!(!format!("{places:?}").contains("hf_not"));
    store.pull(&name(REPO), &mut Silent).expect("public");
    assert!(corner.hub.set(|script| script.tokens.is_empty()), "a public model is nobody's business");

    store.remove(&name(REPO)).expect("removed");
    corner.hub.set(|script| script.gated = true);
    store.pull(&name(REPO), &mut Silent).expect("with the token");
    let tokens = corner.hub.set(|script| script.tokens.clone());
    assert!(!tokens.is_empty() && tokens.iter().all(|token| token == "Bearer hf_not_a_real_one"), "{tokens:?}");

    store.remove(&name(REPO)).expect("removed");
    corner.hub.set(|script| script.refusal = Some(403));
    let error = store.pull(&name(REPO), &mut Silent).expect_err("refused");
    assert!(!format!("{error:?}").contains("hf_not"), "{error:?}");
}

#[test]
fn a_hub_that_falls_silent_is_noticed() {
    let corner = Corner::new();
    corner.hub.set(|script| script.pause = Duration::from_secs(30));
    let mut places = corner.places();
    places.patience = 1;
    let error = Store::new(places).pull(&name(REPO), &mut Silent).expect_err("silent");
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("nothing for 1 seconds"), "{error}");
}

#[test]
fn a_hub_that_is_not_there_or_no_hub_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let places = |endpoint: &str| Places::new(folder.path().join("hub"), folder.path().join("cache")).online(endpoint);
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let error =
        Store::new(places(&format!("http://127.0.0.1:{port}"))).pull(&name(REPO), &mut Silent).expect_err("gone");
    assert_eq!(error.kind(), ErrorKind::Network);
    for nonsense in ["", "huggingface", "https://", "http://a b", "ftp://x"] {
        let error = Store::new(places(nonsense)).pull(&name(REPO), &mut Silent).expect_err("no address");
        assert_eq!(error.kind(), ErrorKind::Config, "{nonsense}");
    }
}

#[test]
fn two_pulls_at_once_send_the_bytes_once() {
    let corner = Corner::new();
    corner.hub.set(|script| script.pause = Duration::from_millis(700));
    let pull = || {
        let store = corner.store();
        let mut told = Told::default();
        store.pull(&name(REPO), &mut told).map(|located| (located, told.notes))
    };
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(pull);
        (pull(), other.join().expect("no panic"))
    });
    let (one, other) = (one.expect("pulled"), other.expect("pulled"));
    assert_eq!(one.0.path, other.0.path);
    let notes = [one.1, other.1].concat();
    assert!(notes.iter().any(|note| note.contains("another process is pulling")), "{notes:?}");
    assert_eq!(corner.hub.set(|script| script.sent), corner.model.len());
}

#[test]
fn a_model_in_several_files_is_pulled_whole() {
    let corner = Corner::new();
    let keys = |part| {
        let of = [("general.architecture", gguf::text("llama")), ("split.count", gguf::Value::U32(2))];
        let number = [("split.no", gguf::Value::U32(part))];
        gguf::file(&of.into_iter().chain(number).collect::<Vec<_>>(), &[("w", 0, &[8], 32)])
    };
    corner.hub.put("maker/Large", "Q4_K_M/large-Q4_K_M-00001-of-00002.gguf", &keys(0));
    corner.hub.put("maker/Large", "Q4_K_M/large-Q4_K_M-00002-of-00002.gguf", &keys(1));
    let located = corner.store().pull(&name("maker/Large:Q4_K_M"), &mut Silent).expect("pulled");
    assert!(located.path.ends_with("Q4_K_M/large-Q4_K_M-00001-of-00002.gguf"));
    assert!(located.parts().iter().all(|part| part.is_file()));
    assert_eq!(corner.store().verify(&name("maker/Large"), &mut Silent).expect("checked").len(), 2);
    let removed = corner.store().remove(&name("maker/Large")).expect("removed");
    assert_eq!(removed.files.len(), 2);
}
