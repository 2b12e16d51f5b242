//! A tool call that a model made.
//!
//! The id is ours where the model wrote none, so that every call of a response can be answered by it.

use std::fmt;
use std::ops::Range;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::{Arguments, Digits};

/// Names a call inside one conversation; a tool's result refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(String);

impl CallId {
    /// An id that the model wrote, kept to the letter for the history.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id of the call with this index in a response, where the model wrote none.
    ///
    /// ```
    /// assert_eq!(callwright_parse::chat::CallId::of_index(0).as_str(), "call_1");
    /// ```
    #[must_use]
    pub fn of_index(index: usize) -> Self {
        Self(format!("call_{}", index + 1))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One call of one tool.
///
/// ```
/// use callwright_parse::chat::Call;
/// let call = Call::new("add", serde_json::json!({"a": 1, "b": 2}).as_object().cloned().unwrap_or_default());
/// assert_eq!(call.name, "add");
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Call {
    /// The tool's name, as the tool list has it once the call was checked.
    pub name: String,
    /// The arguments, complete. A whole number beyond 64 bits is its nearest float here; [`Self::digits`] has the rest.
    pub arguments: Arguments,
    /// All digits of the whole numbers beyond 64 bits. The call's own JSON and [`Self::arguments_json`] have them.
    #[serde(skip)]
    pub digits: Digits,
    /// What a result refers to. Empty in `Call::new` until a parser or a caller sets it.
    #[serde(default = "unset_id")]
    pub id: CallId,
    /// The bytes of the raw text that say this call; absent for calls that no text said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Range<usize>>,
    /// True where the model's own format found nothing and the call was found by scanning the whole text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
}

impl Call {
    /// A call with these arguments, not yet tied to a text.
    #[must_use]
    pub fn new(name: impl Into<String>, arguments: Arguments) -> Self {
        let (id, digits) = (unset_id(), Digits::default());
        Self { name: name.into(), arguments, digits, id, span: None, recovered: false }
    }

    /// The same call with these digits of its large whole numbers.
    #[must_use]
    pub fn with_digits(mut self, digits: Digits) -> Self {
        self.digits = digits;
        self
    }

    /// The arguments as compact JSON, with all digits.
    ///
    /// ```
    /// use callwright_parse::chat::{Call, Digits};
    /// let text = r#"{"id":98765432109876543210987}"#;
    /// let arguments = serde_json::from_str(text)?;
    /// let (digits, _) = Digits::read(&arguments, text);
    /// assert_eq!(Call::new("ticket", arguments).with_digits(digits).arguments_json(), text);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn arguments_json(&self) -> String {
        // Writing a map with text keys to memory cannot fail.
        serde_json::to_string(&self.digits.exact(&self.arguments)).unwrap_or_default()
    }

    /// The same call under this id.
    #[must_use]
    pub fn with_id(mut self, id: CallId) -> Self {
        self.id = id;
        self
    }
}

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let fields = 3 + usize::from(self.span.is_some()) + usize::from(self.recovered);
        let mut call = to.serialize_struct("Call", fields)?;
        call.serialize_field("name", &self.name)?;
        call.serialize_field("arguments", &self.digits.exact(&self.arguments))?;
        call.serialize_field("id", &self.id)?;
        if let Some(span) = &self.span {
            call.serialize_field("span", span)?;
        }
        if self.recovered {
            call.serialize_field("recovered", &true)?;
        }
        call.end()
    }
}

fn unset_id() -> CallId {
    CallId(String::new())
}
