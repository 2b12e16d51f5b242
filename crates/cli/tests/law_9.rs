//! Law 9, *local stays local*: a run that may not use the network opens no socket, whatever the environment offers.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};

use callwright_test_support::hub::Hub;
use common::Home;

const QUESTION: &str = "What is the weather in Oslo?";

/// A run with a hub, a mirror, a proxy and a provider at hand, all of them the same listener, which counts who comes.
fn run(home: &Home, hub: &Hub, before: &[&str], model: &[&str]) -> Command {
    let folder = home.path().join(".config/callwright");
    fs::create_dir_all(&folder).expect("a folder for the settings");
    let provider =
        format!("[providers.trap]\nkind = \"local\"\ndialect = \"openai_chat\"\nbase_url = {:?}\n", hub.endpoint);
    // Switched on: that the network is off is all that keeps it from being asked.
    let fallback =
        "[fallback]\nenabled = true\nchain = [\"trap:small\"]\nwhen = [\"model_missing\", \"no_valid_call\"]\n";
    fs::write(folder.join("callwright.toml"), format!("{fallback}{provider}")).expect("written");
    let words = [before, &[env!("CARGO_BIN_EXE_callwright"), "run"], model, &[QUESTION]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["--tools", "examples/tools.json", "--tool-choice", "required", "--offline"]);
    command
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir(common::root());
    for name in ["HF_ENDPOINT", "PIP_INDEX_URL", "http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, &hub.endpoint);
    }
    command.env("HF_TOKEN", "secret").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The sockets that a process has open now, but for those that lead nowhere outside this machine's memory (a runtime
/// wakes itself up through a pair of them).
fn sockets(child: &Child) -> BTreeSet<String> {
    let process = format!("/proc/{}", child.id());
    // Such a pair may be closed between two looks, so its table is read before and after.
    let unix = || fs::read_to_string(format!("{process}/net/unix")).unwrap_or_default();
    let before = unix();
    let Ok(entries) = fs::read_dir(format!("{process}/fd")) else { return BTreeSet::new() };
    let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let targets = targets.map(|target| target.to_string_lossy().into_owned());
    let inode = |target: String| Some(target.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    let open: BTreeSet<String> = targets.filter_map(inode).collect();
    let after = unix();
    let rows = before.lines().chain(after.lines());
    let unix: BTreeSet<&str> = rows.filter_map(|line| line.split_whitespace().nth(6)).collect();
    open.into_iter().filter(|inode| !unix.contains(inode.as_str())).collect()
}

#[test]
fn law_9_local_stays_local() {
    let (home, hub) = (Home::new(), Hub::start());
    let mut child = run(&home, &hub, &[], &[]).spawn().expect("the binary starts");
    let (mut looks, mut seen) = (0, BTreeSet::new());
    while child.try_wait().expect("a child").is_none() {
        let open = sockets(&child);
        // A process that has just ended has no table to compare with.
        if child.try_wait().expect("a child").is_none() {
            seen.extend(open);
        }
        looks += 1;
    }
    let output = child.wait_with_output().expect("it ended");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(String::from_utf8_lossy(&output.stdout).contains("get_weather"), "{told}");
    assert!(seen.is_empty(), "of {looks} looks some found sockets: {seen:?}");
    assert!(looks > 10, "{looks} looks");
    assert_eq!(hub.set(|script| script.requests), 0, "{told}");
}

#[test]
fn law_9_a_missing_model_is_not_asked_for() {
    let (home, hub) = (Home::new(), Hub::start());
    for model in ["smollm2:135m", "qwen2.5:7b", "someone/model:q8_0"] {
        let output = run(&home, &hub, &[], &[model]).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(hub.set(|script| script.requests), 0);
}

/// Where the system lets a process have a network of its own, with nothing in it, the answer is the same.
#[test]
fn law_9_works_where_there_is_no_network_at_all() {
    if !Command::new("unshare").args(["-rn", "true"]).output().is_ok_and(|output| output.status.success()) {
        callwright_test_support::means::skip("this system gives no process a network of its own");
        return;
    }
    let (home, hub) = (Home::new(), Hub::start());
    let alone = run(&home, &hub, &["unshare", "-rn"], &[]).output().expect("the binary starts");
    let with = run(&home, &hub, &[], &[]).output().expect("the binary starts");
    assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
    assert_eq!(String::from_utf8_lossy(&alone.stdout), String::from_utf8_lossy(&with.stdout));
}
