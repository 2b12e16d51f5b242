//! One call of a reply while it is coming in.

use serde_json::Value;

use super::assembler::too_large;
use super::names::Names;
use super::trouble::Trouble;
use callwright_parse::chat::{Arguments, Digits, Exactness};

/// The most bytes of one call's arguments.
const ARGUMENTS: usize = 1 << 20;
/// The longest name that is gathered from pieces.
const NAME: usize = 256;

/// A call that is coming in.
#[derive(Debug, Default)]
pub(super) struct StreamPart {
    /// The number that the server gave it.
    pub(super) slot: Option<u64>,
    pub(super) id: Option<String>,
    /// The tool's name on the wire.
    pub(super) name: String,
    /// What its provider wants back with it.
    pub(super) carried: Option<Value>,
    /// Whether the provider said that it is complete.
    pub(super) closed: bool,
    /// Whether the caller knows of it.
    pub(super) told: bool,
    text: String,
    object: Option<Arguments>,
    /// Bytes of the arguments that the caller has.
    sent: usize,
    scan: Scan,
}

/// Arguments as they come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Arguing<'a> {
    #[default]
    Nothing,
    /// The next piece of a JSON text.
    Text(&'a str),
    /// A value, whole.
    Value(&'a Value),
}

impl<'a> Arguing<'a> {
    /// What a field holds, where servers send text or a value as they like.
    pub(super) fn of(value: Option<&'a Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Nothing,
            Some(Value::String(text)) => Self::Text(text),
            Some(value) => Self::Value(value),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing | Self::Text(""))
    }
}

/// How far a JSON object has come: enough to know its last brace, without reading its values.
#[derive(Debug, Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
    closed: bool,
}

impl Scan {
    fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed |= self.depth == 0;
                }
                _ => {}
            }
        }
    }
}

impl StreamPart {
    pub(super) fn new(slot: Option<u64>) -> Self {
        Self { slot, ..Self::default() }
    }

    /// Whether nothing more can belong to it.
    pub(super) fn is_whole(&self) -> bool {
        self.closed || self.object.is_some() || self.scan.closed
    }

    /// Takes a piece of the name: the whole of it, once more or for the first time, or the next letters.
    pub(super) fn take_name(&mut self, name: &str, names: &Names) {
        if self.name.is_empty() {
            name.clone_into(&mut self.name);
        } else if self.name != name && !self.told && self.name.len() + name.len() <= NAME {
            let joined = format!("{}{name}", self.name);
            if names.begins(&joined) || !names.knows(&self.name) {
                self.name = joined;
            }
        }
    }

    pub(super) fn take(&mut self, arguments: Arguing<'_>) -> Result<(), Trouble> {
        match arguments {
            Arguing::Nothing => Ok(()),
            Arguing::Text(text) => {
                if self.text.len() + text.len() > ARGUMENTS {
                    return Err(too_large("the arguments of a call exceed the size limit"));
                }
                self.text.push_str(text);
                self.scan.push(text);
                Ok(())
            }
            Arguing::Value(Value::Object(fields)) if self.text.is_empty() && self.object.is_none() => {
                self.text = serde_json::to_string(fields).unwrap_or_default();
                self.object = Some(fields.clone());
                if self.text.len() > ARGUMENTS {
                    return Err(too_large("the arguments of a call exceed the size limit"));
                }
                Ok(())
            }
            Arguing::Value(_) => Err(Trouble::malformed("the arguments of a call are not an object")),
        }
    }

    /// Takes the arguments anew.
    pub(super) fn replace(&mut self, text: &str) -> Result<(), Trouble> {
        let goes_on = text.starts_with(&self.text);
        self.text.clear();
        self.object = None;
        self.scan = Scan::default();
        self.take(Arguing::Text(text))?;
        if !goes_on {
            // The caller has pieces of another text: deltas are provisional, the whole reply has the right ones.
            self.sent = self.text.len();
        }
        Ok(())
    }

    /// Whether its name is whole: what comes first after a name is the arguments.
    pub(super) fn may_be_told(&self) -> bool {
        !self.name.is_empty() && (self.closed || !self.text.is_empty())
    }

    /// The arguments that the caller does not have yet.
    pub(super) fn untold(&mut self) -> Option<String> {
        let rest = self.text.get(self.sent..).filter(|rest| !rest.is_empty())?.to_owned();
        self.sent = self.text.len();
        Some(rest)
    }

    /// The arguments, if they are a whole JSON object, with the digits of large numbers and what was odd about them.
    pub(super) fn arguments(&self) -> Result<(Arguments, Digits, Option<&'static str>), Trouble> {
        if self.name.trim().is_empty() {
            return Err(Trouble::malformed("a call has no tool name"));
        }
        let none = |why| Ok((Arguments::new(), Digits::default(), Some(why)));
        if let Some(object) = &self.object {
            // The reply was read as a whole: the text of its numbers is gone.
            let large = object.values().any(Digits::may_differ);
            return Ok((object.clone(), Digits::default(), large.then_some("a large number of it may be rounded")));
        }
        if self.text.trim().is_empty() {
            return none("it came without arguments");
        }
        let unreadable = || Trouble::malformed("the arguments of a call are not a JSON object");
        let exact = |fields: Arguments, text: &str, warning: Option<&'static str>| {
            let (digits, inexact) = Digits::read(&fields, text);
            let unclear = inexact.iter().any(|number| number.kept == Exactness::Unclear);
            let trouble = || Trouble::malformed("a call has numbers with too many digits to be told apart");
            if unclear { Err(trouble()) } else { Ok((fields, digits, warning)) }
        };
        match serde_json::from_str(&self.text).map_err(|_| unreadable())? {
            Value::Object(fields) => exact(fields, &self.text, None),
            Value::Null => none("its arguments were null"),
            Value::String(inner) => {
                let fields = serde_json::from_str(&inner).map_err(|_| unreadable())?;
                exact(fields, &inner, Some("its arguments were JSON inside a JSON string"))
            }
            _ => Err(unreadable()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use callwright_parse::chat::Call;

    #[test]
    fn law_13_numbers_of_a_provider_keep_their_digits() {
        for (text, json) in [
            (r#"{"no": 98765432109876543210987}"#, r#"{"no":98765432109876543210987}"#),
            (r#""{\"no\": 98765432109876543210987}""#, r#"{"no":98765432109876543210987}"#),
        ] {
            let mut part = StreamPart { name: "ticket".to_owned(), ..StreamPart::default() };
            part.take(Arguing::Text(text)).unwrap();
            let (arguments, digits, _) = part.arguments().unwrap();
            assert_eq!(Call::new("ticket", arguments).with_digits(digits).arguments_json(), json);
        }
        let mut part = StreamPart { name: "ticket".to_owned(), ..StreamPart::default() };
        part.take(Arguing::Text(r#"{"a": [98765432109876543210987, 98765432109876543210986]}"#)).unwrap();
        assert!(part.arguments().is_err(), "which is which is not known");
        let mut part = StreamPart { name: "ticket".to_owned(), ..StreamPart::default() };
        part.take(Arguing::Value(&serde_json::json!({"no": 9.876e22}))).unwrap();
        assert!(part.arguments().unwrap().2.unwrap().contains("rounded"));
    }
}
