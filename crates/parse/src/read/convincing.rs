//! What speaks against a call that was found in a text of which nobody said that calls stand in it.

use crate::chat::{Arguments, Fault};
use crate::check::Checked;

/// What speaks against a call in a text that may be anything.
pub(super) fn unconvincing(checked: &Checked) -> Option<String> {
    let wrong = checked.faults.iter().find(|fault| {
        matches!(fault, Fault::MissingArgument { .. } | Fault::UnknownTool { .. } | Fault::TooDeep { .. })
    });
    let fault = wrong.map(|fault| format!("a call of `{}`, but {fault}", checked.name));
    fault.or_else(|| {
        is_placeholder(&checked.arguments).then(|| format!("a call of `{}` with a placeholder", checked.name))
    })
}

fn is_placeholder(arguments: &Arguments) -> bool {
    arguments.values().any(|value| {
        value
            .as_str()
            .is_some_and(|text| text.starts_with('<') && text.ends_with('>') && !text.contains("</") || text == "...")
    })
}

/// Whether a word is code that calls a method: `datetime.now()`.
pub(super) fn runs_code(word: &str) -> bool {
    word.find('(').is_some_and(|bracket| word[..bracket].contains('.') && !word[..bracket].contains(' '))
}
