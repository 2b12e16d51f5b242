//! What a project's file may set: one rule for every key, as data.
//!
//! A folder that was merely unpacked may forbid and may name what is here. It never allows: what could send, fetch, run,
//! write elsewhere or read a file outside the folder needs the user's word (`trust.rs`, or a flag). A key without a rule
//! is one that needs it. Nothing here knows where layers come from.

use std::path::{Component, Path};

use toml::Value;

use callwright_models::{ModelName, Registry};

/// What a project may do with a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rule {
    /// Set it: nothing is sent, fetched or written because of it.
    Preference,
    /// Set it to a number up to this one.
    UpTo(i64),
    /// Name a model that is on this machine; nothing is fetched for it, and a file must lie in the project.
    Here,
    /// Make it stricter.
    Stricter(Order),
    /// Say this, like everyone else, and whoever says it is not overruled.
    Holds(bool),
    /// Nothing, unless the user trusts the folder.
    Trust,
}

/// Which of two values is the stricter one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// This one.
    Only(bool),
    /// The smaller number; where there is none, there is no limit.
    Lower,
    /// The same, where 0 is no limit either.
    LowerOrNone,
    /// The same, and never more than the processor has cores.
    Cores,
    /// The later of these words.
    Later(&'static [&'static str]),
    /// What both lists have.
    Fewer,
    /// What one of the lists has.
    More,
}

/// The rules. A key in the middle, such as `providers`, stands for all below it.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("model", Rule::Here),
    ("draft", Rule::Here),
    ("provider", Rule::Trust),
    ("offline", Rule::Holds(true)),
    ("engine.format", Rule::Preference),
    ("engine.level", Rule::Stricter(Order::Later(&["lenient", "standard", "strict"]))),
    ("engine.enforce", Rule::Stricter(Order::Later(&["off", "reask", "on"]))),
    ("engine.context_length", Rule::Stricter(Order::LowerOrNone)),
    ("engine.threads", Rule::Stricter(Order::Cores)),
    ("engine.gpu_layers", Rule::Preference),
    ("repair.reasks", Rule::UpTo(8)),
    ("serve.overflow", Rule::Stricter(Order::Later(&["shorten", "refuse"]))),
    ("usage.keep", Rule::Stricter(Order::Only(false))),
    ("fallback.enabled", Rule::Stricter(Order::Only(false))),
    ("fallback.chain", Rule::Trust),
    ("fallback.when", Rule::Stricter(Order::Fewer)),
    // `redacted` is `all`, but refuses to send where it cannot redact.
    ("fallback.send", Rule::Stricter(Order::Later(&["all", "redacted", "last_turn"]))),
    ("fallback.redact", Rule::Stricter(Order::More)),
    ("fallback.keep_tools", Rule::Stricter(Order::More)),
    ("fallback.usd_a_request", Rule::Stricter(Order::Lower)),
    ("fallback.usd_a_day", Rule::Stricter(Order::Lower)),
    ("fallback.calls_an_hour", Rule::Stricter(Order::Lower)),
    // Less time for the local model, or less that counts as complex, is more that leaves.
    ("fallback.local_seconds", Rule::Trust),
    ("fallback.complex", Rule::Trust),
    // Bodies in the audit are conversations on the disk; without them it tells less.
    ("egress", Rule::Trust),
    ("providers", Rule::Trust),
];

/// The keys that say what leaves this machine: a run does not start while a project says more of them than it may.
const WAYS_OUT: [&str; 4] = ["provider", "providers", "egress", "fallback"];

/// Why a project's file does not get its way out.
pub(super) const NO_WAY_OUT: &str = "a project's file must not set what leaves this machine";

/// What becomes of a value in a project's file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It applies.
    Taken(Value),
    /// It does not, or not as it stands there: then what applies, and why.
    Refused(Option<Value>, &'static str),
}

/// The rule of a key.
pub(super) fn rule(path: &[String]) -> Rule {
    let key = path.join(".");
    let below = |name: &str| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    RULES.iter().find(|(name, _)| below(name)).map_or(Rule::Trust, |(_, rule)| *rule)
}

/// Whether a run must not start with this in a project's file: it can only have been meant to open a way out.
pub(super) fn stops(path: &[String], value: &Value) -> bool {
    let leads_out = path.first().is_some_and(|first| WAYS_OUT.contains(&first.as_str()));
    leads_out
        && match rule(path) {
            Rule::Stricter(Order::Only(only)) => value.as_bool() != Some(only),
            Rule::Stricter(Order::Later(words)) => value.as_str() == words.first().copied(),
            Rule::Trust => true,
            _ => false,
        }
}

/// What becomes of a value in the file of a project in this folder, where this was set before.
pub(super) fn judged(path: &[String], before: Option<&Value>, value: Value, folder: &Path) -> Verdict {
    if stops(path, &value) {
        return Verdict::Refused(None, NO_WAY_OUT);
    }
    match rule(path) {
        Rule::Preference => Verdict::Taken(value),
        Rule::UpTo(most) if value.as_integer().is_some_and(|number| number <= most) => Verdict::Taken(value),
        Rule::UpTo(_) => Verdict::Refused(None, "that is more than a project's file may set"),
        Rule::Here => here(value, folder),
        Rule::Holds(only) if value.as_bool() == Some(only) || before == Some(&value) => Verdict::Taken(value),
        Rule::Holds(_) => Verdict::Refused(None, "a project's file may only switch it on"),
        Rule::Trust => Verdict::Refused(None, NO_WAY_OUT),
        Rule::Stricter(order) => match stricter(order, before, &value) {
            Some(both) if both == value => Verdict::Taken(value),
            both => Verdict::Refused(both, "a project's file may only make it stricter"),
        },
    }
}

/// What forbids what either value forbids; none where that is what applied before.
fn stricter(order: Order, before: Option<&Value>, value: &Value) -> Option<Value> {
    if order == Order::Cores {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cores = Value::Integer(i64::try_from(cores).unwrap_or(i64::MAX));
        let most = before.filter(|before| number(before) > Some(0.0) && number(before) < number(&cores));
        return stricter(Order::LowerOrNone, Some(most.unwrap_or(&cores)), value);
    }
    let Some(before) = before else {
        return match order {
            Order::Only(only) => (value.as_bool() == Some(only)).then(|| value.clone()),
            _ => Some(value.clone()),
        };
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_new = match order {
        Order::Only(only) => value.as_bool() == Some(only) || value == before,
        Order::Lower => number(value)? <= number(before)?,
        Order::LowerOrNone | Order::Cores => match (number(value)?, number(before)?) {
            (0.0, old) => old == 0.0,
            (new, old) => old == 0.0 || new <= old,
        },
        Order::Later(words) => {
            let place = |value: &Value| words.iter().position(|word| value.as_str() == Some(word));
            place(value)? >= place(before)?
        }
        Order::Fewer => {
            let (old, new) = (list(before), list(value));
            let both: Vec<_> = old.iter().filter(|entry| new.contains(entry)).cloned().collect();
            let is_part = new.iter().all(|entry| old.contains(entry));
            return Some(if is_part { value.clone() } else { Value::Array(both) });
        }
        Order::More => {
            let (old, new) = (list(before), list(value));
            let missing: Vec<_> = old.iter().filter(|entry| !new.contains(entry)).cloned().collect();
            return Some(if missing.is_empty() { value.clone() } else { Value::Array([missing, new].concat()) });
        }
    };
    is_new.then(|| value.clone())
}

/// A number, or an amount of money that is written as a text.
fn number(value: &Value) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "limits are small numbers")]
    let number = match value {
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        Value::String(text) => text.trim_start_matches('$').parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A model that a project names. A path begins in the project's folder and stays there, also through links.
fn here(value: Value, folder: &Path) -> Verdict {
    const OUTSIDE: &str = "the file of a project's model must lie in the project";
    let Some(name) = value.as_str() else { return Verdict::Taken(value) };
    let is_path = matches!(ModelName::parse(name, Registry::builtin()), Ok(ModelName::Path(_)));
    let file = folder.join(name);
    if !is_path && !file.is_file() {
        return Verdict::Taken(value);
    }
    let stays = |path: &Path| folder.canonicalize().is_ok_and(|folder| path.starts_with(folder));
    // The file that was looked at is the one that is loaded.
    let found = file.canonicalize();
    match found.as_deref().unwrap_or(&file).to_str() {
        Some(path) if found.as_deref().is_ok_and(stays) => Verdict::Taken(path.into()),
        Some(path) if found.is_err() && climbs_not(Path::new(name)) => Verdict::Taken(path.into()),
        _ => Verdict::Refused(None, OUTSIDE),
    }
}

/// Whether a path is relative and leads only down.
fn climbs_not(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::{RULES, Rule, rule};

    /// A new key is not forgotten here, and a rule without a key is gone.
    #[test]
    fn every_key_has_a_rule_and_every_rule_a_key() {
        let below = |key: &str, name: &str| key == name || key.starts_with(&format!("{name}."));
        let mut leaves: Vec<_> = keys::leaves().iter().map(|leaf| leaf.path.join(".")).collect();
        leaves.push("providers".to_owned());
        for key in &leaves {
            let rules: Vec<_> = RULES.iter().filter(|(name, _)| below(key, name)).collect();
            assert_eq!(rules.len(), 1, "`{key}` needs one rule: what may a project's file do with it?");
        }
        for (name, _) in RULES {
            assert!(leaves.iter().any(|key| below(key, name)), "no key for the rule of `{name}`");
        }
        assert_eq!(rule(&["brand".to_owned(), "new".to_owned()]), Rule::Trust);
    }
}
