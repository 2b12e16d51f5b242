//! Variables that look like ours and are not: a misspelt setting that is passed over is a promise broken in silence.
//!
//! It must not know what a variable does.

use super::{VARIABLES, keys};

/// What every variable of ours begins with.
const PREFIX: &str = "CALLWRIGHT_";

/// What the tests of this repository are told by.
const TESTS: [&str; 3] = ["CALLWRIGHT_TEST_", "CALLWRIGHT_SHARED", "CALLWRIGHT_SKIPPED"];

/// The variables of this process that begin like ours and are read by nobody, each as a sentence.
#[must_use]
pub fn strangers() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    among(names.filter(|name| name.starts_with(PREFIX)))
}

fn among(names: impl Iterator<Item = String>) -> Vec<String> {
    let settings = keys::leaves().into_iter().map(|leaf: keys::Leaf| leaf.variable());
    let known: Vec<String> = VARIABLES.iter().map(|(name, _)| (*name).to_owned()).chain(settings).collect();
    let is_ours = |name: &String| known.contains(name) || TESTS.iter().any(|test| name.starts_with(test));
    let mut strange: Vec<_> = names.filter(|name| !is_ours(name)).collect();
    strange.sort();
    let told = |name: String| match keys::nearest(&name, known.iter().map(String::as_str)) {
        Some(nearest) => format!("{name} is not a variable of callwright and has no effect; did you mean {nearest}?"),
        None => {
            format!("{name} is not a variable of callwright and has no effect (see `callwright doctor --variables`)")
        }
    };
    strange.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::among;

    #[test]
    fn a_misspelt_variable_is_told_and_ours_are_not() {
        let ours = ["CALLWRIGHT_OFFLINE", "CALLWRIGHT_FALLBACK_ENABLED", "CALLWRIGHT_TEST_PIP", "CALLWRIGHT_CACHE"];
        assert_eq!(among(ours.into_iter().map(str::to_owned)), [""; 0]);
        let told = among(["CALLWRIGHT_OFLINE", "CALLWRIGHT_Q"].into_iter().map(str::to_owned));
        assert!(told[0].ends_with("did you mean CALLWRIGHT_OFFLINE?"), "{told:?}");
        assert!(told[1].starts_with("CALLWRIGHT_Q is not a variable of callwright"), "{told:?}");
    }
}
