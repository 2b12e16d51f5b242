//! Law 15, *a folder only tightens*: whatever a project's file says, nothing is less strict than without it, unless the
//! user trusts that very file.
#![allow(clippy::cast_precision_loss, reason = "settings are small numbers")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use callwright_cli::settings::{Flags, Settings, Trust, schema};
use callwright_test_support::dice::Dice;
use common::Place;
use serde_json::Value as Json;
use toml::Value;

/// Which of two values of a key is the stricter one: written down a second time, so that a slip in the rules is found.
enum Order {
    /// A project must not change it.
    Same,
    /// A preference, or a model that is here.
    Free,
    /// True is stricter.
    True,
    /// False is stricter.
    False,
    /// Less is stricter; `true` where 0 is no limit.
    Less(bool),
    /// Later is stricter.
    Later(&'static [&'static str]),
    /// Fewer entries are stricter.
    Fewer,
    /// More entries are stricter.
    More,
}

fn order(key: &str) -> Order {
    match key {
        "model" | "draft" | "engine.format" | "engine.gpu_layers" | "repair.reasks" => Order::Free,
        "offline" => Order::True,
        "usage.keep" | "fallback.enabled" => Order::False,
        "engine.context_length" | "engine.threads" => Order::Less(true),
        "fallback.usd_a_request" | "fallback.usd_a_day" | "fallback.calls_an_hour" => Order::Less(false),
        "engine.level" => Order::Later(&["lenient", "standard", "strict"]),
        "engine.enforce" => Order::Later(&["off", "reask", "on"]),
        "serve.overflow" => Order::Later(&["shorten", "refuse"]),
        "fallback.send" => Order::Later(&["all", "redacted", "last_turn"]),
        "fallback.when" => Order::Fewer,
        "fallback.redact" | "fallback.keep_tools" => Order::More,
        "provider" | "fallback.chain" | "fallback.local_seconds" | "egress.proxy" | "egress.audit_bodies" => {
            Order::Same
        }
        key if key.starts_with("fallback.complex.") || key.starts_with("providers.") => Order::Same,
        key => panic!("`{key}` is a new key: say here, and in the rules of settings, what a project may do with it"),
    }
}

fn is_no_looser(key: &str, without: Option<&Value>, with: Option<&Value>) -> bool {
    let number = |value: Option<&Value>, zero: bool| {
        let number = value.map(|value| value.as_float().unwrap_or_else(|| value.as_integer().unwrap_or(0) as f64));
        number.filter(|number| !zero || *number != 0.0).unwrap_or(f64::INFINITY)
    };
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let bool = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or(false);
    match order(key) {
        Order::Same => without == with,
        Order::Free => true,
        Order::True => bool(with) || !bool(without),
        Order::False => !bool(with) || bool(without),
        Order::Less(zero) => number(with, zero) <= number(without, zero),
        Order::Later(words) => {
            let place =
                |value: Option<&Value>| words.iter().position(|word| value.and_then(Value::as_str) == Some(word));
            place(with) >= place(without)
        }
        Order::Fewer => list(with).iter().all(|entry| list(without).contains(entry)),
        Order::More => list(without).iter().all(|entry| list(with).contains(entry)),
    }
}

/// Every key of the schema with values that it takes.
fn keys() -> Vec<(String, Vec<Value>)> {
    let mut found = Vec::new();
    gather(schema(), "", &mut found);
    assert!(found.len() > 20, "{found:?}");
    found.push(("providers.openai.base_url".to_owned(), vec!["https://elsewhere.example".into()]));
    found.push(("providers.evil.kind".to_owned(), vec!["cloud".into()]));
    found
}

fn gather(at: &Json, key: &str, found: &mut Vec<(String, Vec<Value>)>) {
    let at = followed(at);
    if let Some(properties) = at["properties"].as_object() {
        for (name, below) in properties {
            gather(below, &if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, found);
        }
    } else if at.get("additionalProperties").is_none() {
        found.push((key.to_owned(), values(at)));
    }
}

fn followed(at: &Json) -> &Json {
    let optional = at["anyOf"].as_array().and_then(|any| any.iter().find(|one| one.get("$ref").is_some()));
    match optional.unwrap_or(at)["$ref"].as_str() {
        Some(name) => schema().pointer(name.trim_start_matches('#')).unwrap(),
        None => at,
    }
}

fn values(at: &Json) -> Vec<Value> {
    let words = |list: &Json| list.as_array().map(|all| all.iter().filter_map(Json::as_str).map(Value::from).collect());
    let is =
        |name: &str| at["type"] == name || at["type"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
    if let Some(words) = words(&at["enum"]) {
        return words;
    }
    if let Some(one) = at["oneOf"].as_array() {
        return one.iter().filter_map(|one| one["const"].as_str()).map(Value::from).collect();
    }
    if is("array") {
        let words: Vec<Value> = words(&at["items"]["enum"]).unwrap_or_else(|| vec!["a".into(), "b".into()]);
        return vec![Value::Array(vec![]), Value::Array(words[..1].to_vec()), Value::Array(words[..2].to_vec())];
    }
    if is("boolean") {
        return vec![true.into(), false.into()];
    }
    if is("integer") {
        return [0, 1, 2, 100].map(Value::from).into();
    }
    if is("number") {
        return [0.0, 0.5, 20.0].map(Value::from).into();
    }
    vec!["x".into(), "y".into()]
}

impl Place {
    /// The settings in effect with the project's file, and without it.
    fn both(&self, flags: &Flags, project: &str) -> Option<(Settings, Settings)> {
        let flags = Flags { only_look: true, ..flags.clone() };
        let _ = fs::remove_file(self.path("project"));
        // What the test wrote for the user may contradict itself.
        let without = self.settings(&flags).ok()?;
        self.write("project", project);
        Some((without, self.settings(&flags).unwrap()))
    }
}

fn effective(settings: &Settings) -> BTreeMap<String, Value> {
    settings.layers.iter().map(|setting| (setting.key, setting.value)).collect()
}

/// Panics where something is less strict with the project than without.
fn compare(without: &Settings, with: &Settings, told: &str) {
    let (before, after) = (effective(without), effective(with));
    for key in before.keys().chain(after.keys()) {
        assert!(is_no_looser(key, before.get(key), after.get(key)), "{key} became looser: {told}");
    }
    assert!(with.offline || !without.offline, "{told}");
    for key in ["model", "draft"] {
        if before.get(key) != after.get(key) {
            assert!(with.project_of(key).is_some(), "`{key}` of a project must be known as such: {told}");
        }
    }
}

/// `[profile.p]` where it is in a profile, and the key with its value.
fn line(key: &str, value: Option<&Value>, profile: bool) -> String {
    let prefix = if profile { "profile.p." } else { "" };
    value.map(|value| format!("{prefix}{key} = {value}\n")).unwrap_or_default()
}

/// Each key alone: each value of the project over each value of the user, in files and profiles, with each of the upper
/// layers above.
#[test]
fn law_15_a_folder_only_tightens() {
    let mut place = Place::new();
    let mut tried = 0;
    for (key, values) in keys() {
        // What the user says is said in the order in which people do it: file, profile, variable, flag.
        let users: Vec<Option<&Value>> = values.iter().map(Some).chain([None]).collect();
        for user in &users {
            for (by, above) in [("nobody", None), ("environment", values.last()), ("flag", values.first())] {
                for project in &values {
                    for profile in [false, true] {
                        let said = line(&key, *user, profile);
                        let filled = if said.contains("profile.p") { "" } else { "profile.p.usage.keep = true\n" };
                        place.write("user", &format!("{said}{filled}"));
                        let mut flags = Flags { profile: Some("p".to_owned()), ..Flags::default() };
                        let variable = format!("CALLWRIGHT_{}", key.to_uppercase().replace('.', "_"));
                        place.variables.remove(&variable);
                        match (by, above) {
                            ("flag", Some(value)) if !key.starts_with("providers.") => {
                                flags.set = vec![format!("{key}={value}")];
                            }
                            ("environment", Some(value)) => {
                                drop(place.variables.insert(variable.clone(), value.to_string()));
                            }
                            _ => {}
                        }
                        let file = line(&key, Some(project), profile);
                        if let Some((without, with)) = place.both(&flags, &file) {
                            compare(&without, &with, &format!("project `{file}`, user {user:?}, {by} {above:?}"));
                            tried += 1;
                        }
                        place.variables.remove(&variable);
                    }
                }
            }
        }
    }
    assert!(tried > 1500, "{tried}");
}

/// Many keys at once, drawn at random.
#[test]
fn law_15_holds_for_whole_files() {
    let place = Place::new();
    let keys = keys();
    let mut dice = Dice::new(15);
    let mut tried = 0;
    for _ in 0..400 {
        let mut file = |profiles: bool| {
            let mut text = String::new();
            for (key, values) in &keys {
                let value = (dice.below(3) == 0).then(|| dice.pick(values));
                text += &line(key, value, profiles && dice.below(3) == 0);
            }
            text
        };
        let (user, project) = (file(true), file(true));
        place.write("user", &format!("{user}profile.p.egress.audit_bodies = false\n"));
        let flags = Flags { profile: Some("p".to_owned()), ..Flags::default() };
        if let Some((without, with)) = place.both(&flags, &project) {
            compare(&without, &with, &format!("user\n{user}\nproject\n{project}"));
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

/// Every layer may say it, and none may take it back.
#[test]
fn law_15_offline_holds_whoever_says_it() {
    let mut place = Place::new();
    for said in 0..64_u32 {
        let says = |bit: u32| said & (1 << bit) != 0;
        place.write("user", &format!("offline = {}\n[profile.p]\noffline = {}\n", says(0), says(1)));
        place.write("project", &format!("offline = {}\n[profile.p]\noffline = {}\n", says(2), says(3)));
        place.variables.insert("CALLWRIGHT_OFFLINE".to_owned(), u8::from(says(4)).to_string());
        let set = vec![format!("offline={}", says(5))];
        for (trust, offline) in [(false, false), (true, false), (false, true)] {
            let flags = Flags { profile: Some("p".to_owned()), set: set.clone(), trust, offline, ..Flags::default() };
            let settings = place.settings(&flags).unwrap();
            assert_eq!(settings.offline, said != 0 || offline, "{said:b}, trust {trust}");
            assert_eq!(settings.places.offline, settings.offline);
        }
    }
}

/// What is trusted is this file as it is now, and nothing else.
#[test]
fn trust_is_for_a_file_as_it_was() {
    let place = Place::new();
    let open = "[fallback]\nenabled = true\nchain = [\"openai\"]\n";
    place.write("project", open);
    let is_on = || place.settings(&Flags::default()).is_ok_and(|settings| settings.file.fallback.enabled);
    assert!(!is_on());
    assert!(place.settings(&Flags { trust: true, ..Flags::default() }).unwrap().file.fallback.enabled);
    let data = place.home.path().join("data");
    Trust::read(&data).unwrap().add(&place.path("project"), open.as_bytes()).unwrap();
    assert!(is_on());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(data.join("trusted.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    place.write("project", &format!("{open}usd_a_day = 1\n"));
    assert!(!is_on(), "a changed file is asked about again");
    place.write("project", open);
    assert!(is_on());
    fs::create_dir_all(place.home.path().join("project/deep/other")).unwrap();
    fs::rename(place.path("project"), place.path("project/deep")).unwrap();
    assert!(!is_on(), "the same text elsewhere is another file");
    fs::rename(place.path("project/deep"), place.path("project")).unwrap();
    assert!(Trust::read(&data).unwrap().remove(&place.path("project")).unwrap());
    assert!(!is_on());
    fs::write(data.join("trusted.json"), "half a fi").unwrap();
    assert!(place.settings(&Flags::default()).is_err(), "what cannot be read trusts nobody");
}

/// A model's file lies in the project, whatever way leads to it.
#[cfg(unix)]
#[test]
fn law_15_a_path_stays_in_the_project() {
    let place = Place::new();
    let project = place.home.path().join("project");
    let outside = place.home.path().join("outside.gguf");
    fs::write(&outside, "GGUF").unwrap();
    fs::write(project.join("own.gguf"), "GGUF").unwrap();
    fs::create_dir(project.join("models")).unwrap();
    fs::write(project.join("models/deep.gguf"), "GGUF").unwrap();
    std::os::unix::fs::symlink(&outside, project.join("link.gguf")).unwrap();
    std::os::unix::fs::symlink(place.home.path(), project.join("way")).unwrap();
    std::os::unix::fs::symlink(project.join("own.gguf"), project.join("inner.gguf")).unwrap();
    let own = |file: &str| Some(project.canonicalize().unwrap().join(file).display().to_string());
    let absolute = outside.display().to_string();
    for (name, wanted) in [
        ("own.gguf", own("own.gguf")),
        ("./own.gguf", own("own.gguf")),
        ("models/deep.gguf", own("models/deep.gguf")),
        ("models/../own.gguf", own("own.gguf")),
        ("inner.gguf", own("own.gguf")),
        ("link.gguf", None),
        ("way/outside.gguf", None),
        ("../outside.gguf", None),
        ("models/../../outside.gguf", None),
        (absolute.as_str(), None),
        ("/dev/stdin", None),
        ("../gone.gguf", None),
    ] {
        for key in ["model", "draft"] {
            place.write("project", &format!("{key} = {name:?}\n"));
            let settings = place.settings(&Flags::default()).unwrap();
            let file = &settings.file;
            let set = if key == "model" { &file.model } else { &file.draft };
            assert_eq!(*set, wanted, "{key} = {name}");
            assert_eq!(settings.layers.refused().len(), usize::from(wanted.is_none()), "{key} = {name}");
        }
    }
}

/// A name that the reader knows is no path, and stays.
#[test]
fn a_model_of_a_project_is_known_as_such() {
    let mut place = Place::new();
    place.write("project", "model = \"someone/x-GGUF\"\ndraft = \"smollm2:135m\"\n");
    let settings = place.settings(&Flags::default()).unwrap();
    assert_eq!(settings.project_of("model"), Some(&*place.path("project")));
    assert_eq!(settings.project_of("draft"), Some(&*place.path("project")));
    place.variables.insert("CALLWRIGHT_MODEL".to_owned(), "qwen2.5:7b".to_owned());
    let settings = place.settings(&Flags { set: vec!["draft=smollm2:135m".to_owned()], ..Flags::default() }).unwrap();
    assert_eq!((settings.project_of("model"), settings.project_of("draft")), (None::<&Path>, None));
}
