//! The values of `format` that are checked.
//!
//! The list is that of the validator, so that what is told of a format is what is done with it. Any other is an
//! annotation. It must not know what strings of a format look like.

/// A format of strings that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the formats")]
pub enum StringFormat {
    Date,
    DateTime,
    Time,
    Duration,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Iri,
    IriReference,
    JsonPointer,
    RelativeJsonPointer,
    Regex,
    Uri,
    UriReference,
    UriTemplate,
    Uuid,
}

impl StringFormat {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Date,
        Self::DateTime,
        Self::Time,
        Self::Duration,
        Self::Email,
        Self::Hostname,
        Self::Ipv4,
        Self::Ipv6,
        Self::Iri,
        Self::IriReference,
        Self::JsonPointer,
        Self::RelativeJsonPointer,
        Self::Regex,
        Self::Uri,
        Self::UriReference,
        Self::UriTemplate,
        Self::Uuid,
    ];

    /// The format with this name, if it is checked.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Its name in JSON Schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateTime => "date-time",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Email => "email",
            Self::Hostname => "hostname",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Iri => "iri",
            Self::IriReference => "iri-reference",
            Self::JsonPointer => "json-pointer",
            Self::RelativeJsonPointer => "relative-json-pointer",
            Self::Regex => "regex",
            Self::Uri => "uri",
            Self::UriReference => "uri-reference",
            Self::UriTemplate => "uri-template",
            Self::Uuid => "uuid",
        }
    }
}
