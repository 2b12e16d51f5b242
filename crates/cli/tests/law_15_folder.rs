//! Law 15 at the command line: in a folder that somebody else wrote, no command fetches, sends or writes where it should
//! not; and the user's word opens exactly what it names.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use callwright_test_support::hub::Hub;
use callwright_test_support::means;
use common::{Home, Said, say};

const TOOLS: &str = r#"[{"name": "get_weather", "parameters": {"type": "object",
    "properties": {"city": {"type": "string"}}, "required": ["city"]}}]"#;

/// A home whose user has a provider and a folder that was unpacked, with this file in it.
struct Unpacked {
    home: Home,
    hub: Hub,
}

impl Unpacked {
    fn new(user: &str, project: &str) -> Self {
        let (home, hub) = (Home::new(), Hub::start());
        let folder = home.path().join("unpacked/deep");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(home.path().join(".config/callwright")).unwrap();
        let trap = format!(
            "\n[providers.trap]\nkind = \"local\"\ndialect = \"openai_chat\"\nmodel = \"m\"\nbase_url = {:?}\n",
            hub.endpoint
        );
        fs::write(home.path().join(".config/callwright/callwright.toml"), format!("{user}{trap}")).unwrap();
        fs::write(home.path().join("unpacked/callwright.toml"), project).unwrap();
        fs::write(folder.join("tools.json"), TOOLS).unwrap();
        fs::write(folder.join("output.txt"), "<tool_call>{\"name\": \"get_weather\", \"arguments\": {}}</tool_call>")
            .unwrap();
        fs::write(folder.join("tasks.jsonl"), "{\"question\": \"What is the weather in Oslo?\", \"expected\": []}\n")
            .unwrap();
        let own = callwright_test_support::root().join("fixtures/recordings/own.jsonl");
        fs::copy(own, folder.join("own.jsonl")).unwrap();
        Self { home, hub }
    }

    fn say(&self, words: &[&str]) -> Said {
        let mut command = self.home.callwright();
        command.current_dir(self.home.path().join("unpacked/deep")).args(words);
        for name in ["HF_ENDPOINT", "PIP_INDEX_URL", "http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env(name, &self.hub.endpoint);
        }
        say(command.env("HF_TOKEN", "secret").env("CALLWRIGHT_PYTHON", "/bin/false"))
    }

    fn came(&self) -> usize {
        self.hub.set(|script| script.requests)
    }
}

#[test]
fn law_15_a_model_that_a_folder_names_is_not_fetched() {
    for (key, name) in [("model", "someone/x-GGUF"), ("model", "smollm2:135m"), ("draft", "someone/x-GGUF")] {
        // That a provider may be asked where the model is missing is no way out either.
        let user = "[fallback]\nenabled = true\nchain = [\"trap\"]\nwhen = [\"model_missing\"]\n";
        let place = Unpacked::new(user, &format!("{key} = {name:?}\n"));
        let said = place.say(&["run", "hello"]);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert_eq!(place.came(), 0, "{}", said.err);
        for told in ["unpacked/callwright.toml", name, "not on this machine", "callwright pull", "config trust"] {
            assert!(said.err.contains(told), "`{told}` is not in: {}", said.err);
        }
        // The user's own word fetches it.
        let said = place.say(&["config", "trust"]);
        assert_eq!((said.code, said.out.as_str()), (Some(0), format!("{key} = {name:?}\n").as_str()), "{}", said.err);
        place.say(&["run", "hello"]);
        assert!(place.came() > 0, "trusted, it is asked for");
        let before = place.came();
        assert_eq!(place.say(&["config", "untrust"]).code, Some(0));
        place.say(&["run", "hello"]);
        assert_eq!(place.came(), before);
        assert_eq!(place.say(&["config", "untrust"]).code, Some(1), "there is nothing to take back");
        place.say(&["--trust", "run", "hello"]);
        assert!(place.came() > before, "for one run, the flag says it");
    }
}

#[test]
fn law_15_offline_of_the_user_holds() {
    let user = "offline = true\n[fallback]\nenabled = true\nchain = [\"trap\"]\n";
    let place = Unpacked::new(user, "offline = false\n");
    let ask = ["run", "--provider", "trap", "hello"];
    let said = place.say(&ask);
    assert_eq!((said.code, place.came()), (Some(2), 0), "{}", said.err);
    assert!(said.err.contains("`offline = false` is set aside"), "{}", said.err);
    assert_eq!(said.err.matches("is set aside").count(), 1, "told once: {}", said.err);
    let words = ["--set", "offline=false", "run", "--provider", "trap", "hello"];
    assert_eq!((place.say(&words).code, place.came()), (Some(2), 0));
    assert_eq!(place.say(&["config", "trust"]).code, Some(0));
    assert_eq!((place.say(&ask).code, place.came()), (Some(2), 0), "not even a trusted folder");
}

#[test]
fn what_is_refused_is_told_once_with_the_way_out() {
    let place = Unpacked::new("", "provider = \"trap\"\n");
    let said = place.say(&["run", "hello"]);
    assert_eq!((said.code, place.came()), (Some(2), 0));
    assert!(said.err.contains("`provider = \"trap\"`") && said.err.contains("config trust"), "{}", said.err);
    let shown = place.say(&["config"]);
    assert!(shown.out.contains("# `provider = \"trap\"` is set aside (project: "), "{}", shown.out);
    assert_eq!(shown.code, Some(0));
    let json = place.say(&["config", "--json"]).out;
    let told: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert!(told.iter().any(|it| it["key"] == "provider" && it["refused"].is_string()), "{json}");

    let place =
        Unpacked::new("[fallback]\nusd_a_day = 1\n", "[engine]\nenforce = \"off\"\n[fallback]\nusd_a_day = 5\n");
    let said = place.say(&["parse", "output.txt", "--tools", "tools.json"]);
    assert!(
        said.err.contains("`engine.enforce = \"off\"`") && said.err.contains("`fallback.usd_a_day = 5`"),
        "{}",
        said.err
    );
    assert_eq!(said.err.matches("config trust").count(), 1, "{}", said.err);
    let shown = place.say(&["config"]).out;
    assert!(shown.contains("engine.enforce = \"on\"") && shown.contains("fallback.usd_a_day = 1 "), "{shown}");
    assert!(!place.say(&["--quiet", "parse", "output.txt", "--tools", "tools.json"]).err.contains("set aside"));

    assert_eq!(place.say(&["config", "trust"]).code, Some(0));
    assert!(place.say(&["config", "trust", "--list"]).out.starts_with("trusted  "));
    assert!(place.say(&["config"]).out.contains("engine.enforce = \"off\""));
    fs::write(place.home.path().join("unpacked/callwright.toml"), "offline = true\n").unwrap();
    assert!(place.say(&["config", "trust", "--list"]).out.starts_with("changed  "));
}

/// What a system call that changes something names: the path, where it is a change.
fn changed(line: &str) -> Option<&str> {
    let call = line.split_whitespace().nth(1).unwrap_or_default();
    let name = call.split('(').next().unwrap_or_default();
    let is_change = match name {
        "open" | "openat" => ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| line.contains(flag)),
        "creat" | "mkdir" | "mkdirat" | "rename" | "renameat" | "renameat2" | "unlink" | "unlinkat" | "link"
        | "linkat" | "symlink" | "symlinkat" | "truncate" => true,
        _ => false,
    };
    line.split('"').nth(1).filter(|_| is_change && !line.contains(" = -1 "))
}

/// Every command of a hostile folder, under the eyes of strace.
#[test]
fn law_15_a_hostile_folder_opens_no_socket_and_writes_nowhere_else() {
    if !Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success()) {
        means::skip("strace, which watches what a command opens");
        return;
    }
    let mild = "model = \"embedded\"\noffline = false\n[engine]\nlevel = \"lenient\"\nthreads = 100000\n[usage]\nkeep = true\n";
    let files = [
        mild,
        "model = \"someone/x-GGUF\"\ndraft = \"someone/y-GGUF\"\n",
        "provider = \"trap\"\n[fallback]\nenabled = true\nchain = [\"trap\"]\n[egress]\nproxy = \"http://127.0.0.1:1\"\n",
        "model = \"../../outside.gguf\"\n[profile.p]\nmodel = \"someone/x-GGUF\"\n",
    ];
    let mut ended_well = 0;
    for file in files {
        let place = Unpacked::new("[fallback]\nenabled = true\nchain = [\"trap\"]\nwhen = [\"model_missing\"]\n", file);
        let home = place.home.path();
        for words in [
            &["run", "What is the weather in Oslo?", "--tools", "tools.json", "-n", "8"][..],
            &["chat", "--tools", "tools.json", "-n", "8"],
            &["parse", "output.txt", "--tools", "tools.json"],
            &["bench", "parse", "own.jsonl"],
            &["bench", "run", "--tasks", "tasks.jsonl", "--tools", "tools.json", "--limit", "1", "-n", "8"],
        ] {
            let trace = home.join("trace");
            let calls = "trace=%network,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,link,\
                linkat,symlink,symlinkat,truncate";
            let mut command = assert_cmd::Command::new("strace");
            command
                .args(["-f", "-qq", "-s", "512", "-e", calls, "-o"])
                .arg(&trace)
                .arg(env!("CARGO_BIN_EXE_callwright"));
            command.args(words).current_dir(home.join("unpacked/deep")).env_clear().env("HOME", home);
            for name in ["HF_ENDPOINT", "http_proxy", "https_proxy", "ALL_PROXY"] {
                command.env(name, &place.hub.endpoint);
            }
            let said = say(command.env("HF_TOKEN", "secret").write_stdin("hello\n/bye\n"));
            ended_well += usize::from(said.code == Some(0));
            let seen = fs::read_to_string(&trace).unwrap();
            assert!(seen.contains("openat("), "strace saw nothing of {words:?}: {}", said.err);
            // A runtime wakes itself through a pair of sockets, which leads nowhere.
            let sockets: Vec<_> =
                seen.lines().filter(|line| line.contains(" socket(") || line.contains(" connect(")).collect();
            assert!(sockets.is_empty(), "{words:?} with\n{file}{sockets:#?}");
            let named = [".cache/callwright", ".local/share/callwright", ".local/state/callwright"]
                .map(|folder| home.join(folder));
            let is_named = |path: &&str| {
                let path = Path::new(path);
                let above = named.iter().any(|named| named.starts_with(path) || path.starts_with(named));
                // The terminal, nowhere, and the memory file of an engine.
                above || ["/dev", "/proc/self", "/sys"].iter().any(|system| path.starts_with(system))
            };
            let strays: Vec<_> = seen.lines().filter_map(changed).filter(|path| !is_named(path)).collect();
            assert!(strays.is_empty(), "{words:?} with\n{file}writes {strays:?}");
        }
        assert_eq!(place.came(), 0, "{file}");
    }
    assert!(ended_well >= 4, "{ended_well} commands did what they were asked");
}
