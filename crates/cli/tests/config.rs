//! Settings: which layer wins, what is refused and how, what `callwright config` shows.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::path::Path;

use callwright::Error;
use callwright_cli::settings::{Flags, Origin, Settings};
use common::{Home, Place, say};
use serde_json::Value;

impl Place {
    fn with(self, folder: &str, text: &str) -> Self {
        self.write(folder, text);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn plain(&self) -> Settings {
        self.settings(&Flags::default()).unwrap()
    }

    fn refused(&self) -> Error {
        self.settings(&Flags::default()).unwrap_err()
    }
}

fn set(pairs: &[&str]) -> Flags {
    Flags { set: pairs.iter().map(|pair| (*pair).to_owned()).collect(), ..Flags::default() }
}

#[test]
fn of_itself_nothing_is_asked_and_nothing_leaves() {
    let file = Place::new().plain().file;
    assert!(!file.fallback.enabled && file.fallback.chain.is_empty() && !file.offline);
    assert_eq!(file.reasks(), 0);
}

#[test]
fn three_lines_turn_fallback_on() {
    let place = Place::new().with("user", "[fallback]\nenabled = true\nchain = [\"openai:gpt-6-luna\"]\n");
    let file = place.plain().file;
    assert!(file.fallback.enabled);
    assert_eq!((file.fallback.chain.as_slice(), file.reasks()), (["openai:gpt-6-luna".to_owned()].as_slice(), 1));
}

#[test]
fn flag_over_environment_over_project_over_user_over_builtin() {
    let origin = |place: &Place, flags: &Flags| {
        let settings = place.settings(flags).unwrap();
        let told = settings.layers.iter().find(|setting| setting.key == "repair.reasks");
        (settings.file.reasks(), told.map(|setting| setting.origin))
    };
    let none = Flags::default();
    let place = Place::new();
    assert_eq!(origin(&place, &none), (0, None));
    let place = place.with("user", "[repair]\nreasks = 1");
    assert_eq!(origin(&place, &none), (1, Some(Origin::User(place.path("user")))));
    let place = place.with("project", "[repair]\nreasks = 2");
    assert_eq!(origin(&place, &none), (2, Some(Origin::Project(place.path("project")))));
    let place = place.variable("CALLWRIGHT_REPAIR_REASKS", "3");
    assert_eq!(origin(&place, &none), (3, Some(Origin::Environment("CALLWRIGHT_REPAIR_REASKS".into()))));
    assert_eq!(origin(&place, &set(&["repair.reasks=4"])), (4, Some(Origin::Flag)));
}

#[test]
fn a_profile_goes_over_the_files() {
    let place = Place::new()
        .with("user", "model = \"small\"\n[profile.big]\nmodel = \"large\"\n[profile.big.repair]\nreasks = 2\n")
        .with("project", "model = \"own\"\n");
    assert_eq!(place.plain().file.model.as_deref(), Some("own"));
    let flags = Flags { profile: Some("big".to_owned()), ..Flags::default() };
    let file = place.settings(&flags).unwrap().file;
    assert_eq!((file.model.as_deref(), file.reasks()), (Some("large"), 2));
    let flags = Flags { profile: Some("bog".to_owned()), ..Flags::default() };
    let refused = place.settings(&flags).unwrap_err();
    assert_eq!(refused.hint_text(), Some("did you mean `big`?"));
}

#[test]
fn unknown_keys_are_refused_with_file_line_and_the_nearest() {
    for (text, line, key, nearest) in [
        ("[fallback]\n\nenabeld = true\n", 3, "fallback.enabeld", Some("did you mean `enabled`?")),
        ("modell = \"x\"", 1, "modell", Some("did you mean `model`?")),
        ("[fallback.complex]\ntool = 3", 2, "fallback.complex.tool", Some("did you mean `tools`?")),
        ("[profile.x.repair]\nreask = 3", 2, "profile.x.repair.reask", Some("did you mean `reasks`?")),
        ("zzz = 1", 1, "zzz", None),
    ] {
        let place = Place::new().with("user", text);
        let error = place.refused();
        let wanted = format!("{}:{line}: unknown setting `{key}`", place.path("user").display());
        assert_eq!(error.to_string(), wanted);
        if let Some(nearest) = nearest {
            assert_eq!(error.hint_text(), Some(nearest));
        }
    }
}

#[test]
fn wrong_values_are_refused_with_the_file() {
    for (text, told) in [
        ("[fallback]\nenabled = 5", "expected a boolean"),
        ("[fallback]\nwhen = [\"sometimes\"]", "unknown variant `sometimes`"),
        ("[fallback]\nusd_a_day = -1", "not a valid amount of US dollars"),
        ("[fallback", "is not valid TOML"),
    ] {
        let error = Place::new().with("project", text).refused().to_string();
        assert!(error.contains("callwright.toml") && error.contains(told), "{error}");
    }
    let error = Place::new().settings(&set(&["repair.reask=1"])).unwrap_err();
    assert_eq!(error.hint_text(), Some("did you mean `repair.reasks`?"));
}

#[test]
fn a_project_may_not_say_where_conversations_go() {
    let ways_out = [
        "[providers.x]\nbase_url = \"https://there\"",
        "[profile.y.providers.x]\nbase_url = \"https://there\"",
        "provider = \"openai\"",
        "[fallback]\nenabled = true\nchain = [\"openai\"]",
        "[fallback]\nenabled = false\nsend = \"all\"",
        "[profile.y.fallback]\nenabled = true",
    ];
    for text in ways_out {
        let error = Place::new().with("project", text).refused();
        assert!(error.to_string().contains("must not set what leaves this machine"), "{error}");
    }
    let kept = Place::new().with("user", "[fallback]\nenabled = true\nchain = [\"openai\"]");
    assert!(!kept.with("project", "[fallback]\nenabled = false").plain().file.fallback.enabled);
    let own = "[providers.x]\nkind = \"cloud\"\ndialect = \"openai_chat\"\nbase_url = \"https://here\"";
    assert_eq!(Place::new().with("user", own).plain().file.providers.len(), 1);
}

#[test]
fn whoever_says_offline_is_not_overruled() {
    let offline = |place: Place, flags: &Flags| place.settings(flags).unwrap().offline;
    let on = Flags { offline: true, ..Flags::default() };
    assert!(offline(Place::new(), &on));
    assert!(offline(Place::new().variable("CALLWRIGHT_OFFLINE", "1"), &set(&["offline=false"])));
    assert!(offline(Place::new().with("user", "offline = true"), &Flags::default()));
    assert!(!offline(Place::new(), &Flags::default()));
}

#[test]
fn amounts_are_exact() {
    let file = Place::new().with("user", "[fallback]\nusd_a_day = 0.1\nusd_a_request = \"0.05\"").plain().file;
    let micro = |amount: Option<callwright_cli::settings::Usd>| amount.unwrap().0.picodollars() / 1_000_000;
    assert_eq!((micro(file.fallback.usd_a_day), micro(file.fallback.usd_a_request)), (100_000, 50_000));
}

#[test]
fn the_commented_file_says_nothing_and_becomes_valid_by_taking_the_marks_away() {
    let text = callwright_cli::settings::commented();
    let place = Place::new().with("user", &text);
    assert!(place.plain().layers.iter().all(|setting| setting.origin == Origin::Builtin));
    let bare = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let setting =
        |line: &&str| line.strip_prefix("# ").and_then(|line| line.split_once(" = ")).is_some_and(|(key, _)| bare(key));
    let opened: Vec<_> = text.lines().filter(|line| line.starts_with('[') || setting(line)).collect();
    let opened: Vec<_> = opened.iter().map(|line| line.trim_start_matches("# ")).collect();
    // `chain` stands there twice, once as an example.
    let opened: Vec<_> = opened.into_iter().filter(|line| *line != "chain = []").collect();
    assert!(opened.len() > 20, "{opened:?}");
    let place = Place::new().with("user", &opened.join("\n"));
    assert!(place.plain().layers.iter().filter(|setting| setting.origin != Origin::Builtin).count() > 20);
}

#[test]
fn the_command_shows_settings_and_hides_keys() {
    let home = Home::new();
    let said = say(home.callwright().args(["config", "init"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let file = home.path().join(".config/callwright/callwright.toml");
    assert_eq!(Path::new(said.out.trim()), file);
    assert_eq!(say(home.callwright().args(["config", "init"])).code, Some(2), "it is not overwritten");
    let row = "[providers.openai]\nkey = \"OTHER_KEY\"\nheaders = { x-api-key = \"planted-secret\" }\n";
    fs::write(&file, row).unwrap();
    let said = say(home.callwright().args(["config", "--json", "--set", "repair.reasks=2"]));
    assert!(!said.out.contains("planted-secret") && said.out.contains("(redacted)"), "{}", said.out);
    assert!(said.out.contains("OTHER_KEY"), "a variable's name is no secret: {}", said.out);
    let told: Vec<Value> = serde_json::from_str(&said.out).unwrap();
    let of = |key: &str| told.iter().find(|setting| setting["key"] == key).unwrap()["origin"].clone();
    assert_eq!((of("repair.reasks"), of("fallback.enabled")), ("command line".into(), "built-in".into()));
    let schema: Value = serde_json::from_str(&say(home.callwright().args(["config", "schema"])).out).unwrap();
    assert!(schema["properties"]["fallback"].is_object(), "{schema}");
}

#[test]
fn older_settings_become_a_valid_file_without_keys() {
    let old = r#"{"provider": "claude", "model": "claude-opus-5-5", "claude_api_key": "sk-ant-planted",
        "openai_api_key": "sk-planted", "openai_base_url": "https://gateway/v1", "temperature": 0.2}"#;
    let home = Home::new();
    let file = home.path().join("old.json");
    fs::write(&file, old).unwrap();
    let said = say(home.callwright().args(["config", "migrate"]).arg(&file));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(!said.out.contains("planted") && !said.err.contains("planted"));
    for told in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "`temperature` has no counterpart"] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    let settings = Place::new().with("user", &said.out).plain();
    assert_eq!(settings.file.fallback.chain, ["anthropic:claude-opus-5-5"]);
    assert!(settings.file.fallback.enabled && settings.file.providers.contains_key("openai"));
    let bare =
        callwright_cli::settings::migrate(r#"{"provider": "acme", "api_key": "x", "base_url": "https://acme/v1"}"#)
            .unwrap();
    assert_eq!(bare.keys, [("ACME_API_KEY".to_owned(), "api_key".to_owned())]);
    assert_eq!(Place::new().with("user", &bare.toml).plain().file.fallback.chain, ["acme"]);
    assert!(callwright_cli::settings::migrate("[]").is_err());
}
