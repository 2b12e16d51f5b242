//! Reasons not to accept a call that was found in a text that need not hold any calls.

use serde_json::Value;

use crate::chat::{Arguments, Fault, Fix, FixKind};
use crate::check::Checked;
use crate::format::RawCall;

/// The reason not to accept a call in a text that may be anything, if there is one.
pub(super) fn unconvincing(checked: &Checked) -> Option<String> {
    let wrong = checked.faults.iter().find(|fault| {
        matches!(fault, Fault::MissingArgument { .. } | Fault::UnknownTool { .. } | Fault::TooDeep { .. })
    });
    let fault = wrong.map(|fault| match fault {
        Fault::MissingArgument { .. } => format!("incomplete call of `{}`: {fault}", checked.name),
        Fault::UnknownTool { .. } => fault.to_string(),
        _ => format!("unreadable call of `{}`: {fault}", checked.name),
    });
    fault.or_else(|| {
        is_placeholder(&checked.arguments)
            .then(|| format!("call of `{}` with a placeholder as an argument", checked.name))
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

/// A call as it stands, where there are no tools to check it against.
pub(super) fn unchecked(raw: &mut RawCall) -> Checked {
    let fix = Fix { kind: FixKind::Unchecked, span: raw.span.clone(), call: None, note: None };
    let (arguments, faults) = match std::mem::take(&mut raw.arguments) {
        Value::Object(arguments) => (arguments, Vec::new()),
        Value::Null => (Arguments::new(), Vec::new()),
        _ => {
            let (path, message) = (String::new(), "the arguments are not an object".to_owned());
            (Arguments::new(), vec![Fault::Invalid { call: 0, path, message }])
        }
    };
    Checked { name: raw.name.clone(), arguments, fixes: vec![fix], faults }
}
