//! A hub that sends too much or leads elsewhere: nothing of it reaches the disk or another host.

#![allow(clippy::expect_used, reason = "tests stop where they cannot go on")]

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use callwright_models::{Secret, Silent, Store};
use callwright_parse::ErrorKind;
use callwright_test_support::hub::{self, Hub};
use common::{Corner, FILE, REPO, name};

/// The most bytes that files below a folder have.
fn on_disk(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => on_disk(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// A hub that sends without end fills no disk: what comes is cut where the file should have ended.
#[test]
fn no_more_is_written_than_was_announced() {
    let corner = Corner::new();
    let extra = 100 << 20;
    corner.hub.set(|script| (script.extra, script.pause) = (extra, Duration::from_millis(300)));
    let done = std::sync::atomic::AtomicBool::new(false);
    let (pulled, most) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut most = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                most = most.max(on_disk(&corner.repo()));
                std::thread::sleep(Duration::from_millis(1));
            }
            most
        });
        let pulled = corner.store().pull(&name(REPO), &mut Silent);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (pulled, watching.join().expect("no panic"))
    });
    let error = pulled.expect_err("not what was announced");
    assert_eq!(error.kind(), ErrorKind::ModelCorrupt, "{error}");
    assert!(most <= corner.model.len() as u64 + 4096, "{most} bytes were on the disk");
    assert!(!corner.repo().join(".callwright").exists() && corner.store().locate(&name(REPO)).is_err());
}

/// A hub leads to its own hosts and nowhere else; nobody else is asked, and nobody else sees the token.
#[test]
fn redirects_elsewhere_are_refused() {
    let corner = Corner::new();
    let elsewhere = Hub::start();
    elsewhere.put(REPO, FILE, &corner.model);
    let mut places = corner.places();
    places.token = Some(Secret::new("hf_not_a_real_one"));
    corner.hub.set(|script| script.gated = true);
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/x",
        "http://10.0.0.1/x",
        "https://example.com/x",
        "http://huggingface.co/x",
        "file:///etc/passwd",
        "https://hf.co.example.com/x",
    ] {
        corner.hub.set(|script| script.location = Some(location.to_owned()));
        let error = Store::new(places.clone()).pull(&name(REPO), &mut Silent).expect_err(location);
        assert_eq!(error.kind(), ErrorKind::Network, "{location}: {error}");
        assert!(!format!("{error:?}").contains("hf_not"), "{error:?}");
    }
    // Another port of this machine is no other machine here, but no place for the token either.
    let sum = hub::sha256(&corner.model);
    corner.hub.set(|script| script.location = Some(format!("{}/cdn/{sum}", elsewhere.endpoint)));
    Store::new(places).pull(&name(REPO), &mut Silent).expect("pulled");
    assert!(elsewhere.set(|script| script.requests > 0 && script.tokens.is_empty()));
    assert!(corner.hub.set(|script| !script.tokens.is_empty()));
}
