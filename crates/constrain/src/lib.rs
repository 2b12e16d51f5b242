//! What may come next: a format and the tools' schemas, as a decoding grammar.
//!
//! A [`Constraint`] is compiled once per request, from text only; it is compiled for a vocabulary when a model is about to
//! decode, because markers that are single tokens there must be written as such. During free text no grammar runs:
//! a [`Watch`] looks for the beginning of a call, which costs nothing and changes no word. It must not
//! know engines, backends or providers.
//!
//! What becomes of the keywords of JSON Schema 2020-12 (older drafts are read as it). Whatever is not enforced at some place
//! of a tool's schema is told with that place: [`Constraint::relaxed`] for what is checked only, `ToolSet::told` for what is
//! neither.
//!
//! | keywords | |
//! |---|---|
//! | `type`, `enum`, `const`, `$ref`, `$defs`, `allOf`, `anyOf` | enforced |
//! | `properties`, `required`, `additionalProperties`, `items`, `prefixItems` | enforced; no members but those that are listed, where any are and nothing is said of others |
//! | `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf` | enforced; of several multiples the largest |
//! | `minLength`, `maxLength` | enforced; up to 256 letters where a text's end is looked for |
//! | `minItems`, `maxItems` | enforced up to 2000 |
//! | `pattern` | what is regular in it is enforced; lookaround, word boundaries and back references are checked |
//! | `format` | `date`, `time`, `date-time`, `duration`, `email`, `hostname`, `ipv4`, `ipv6`, `uri`, `uri-reference`, `iri`, `iri-reference`, `uuid` are enforced, the standard's others checked; unknown ones are annotations |
//! | `oneOf` | enforced where its alternatives are told apart by type, by constants or by what they require; else one of them at least |
//! | `patternProperties`, `propertyNames` | enforced in JSON, where no name may match two patterns; checked in other notations |
//! | `minProperties`, `maxProperties` | enforced where alternatives can count the members; else checked |
//! | `unevaluatedProperties`, `unevaluatedItems` | enforced where all that evaluates stands beside them; else checked |
//! | `not`, `if`, `then`, `else`, `uniqueItems`, `contains`, `minContains`, `maxContains`, `dependentRequired`, `dependentSchemas` | checked |
//! | `$dynamicRef` | read as `$ref` |
//! | references to other documents | neither |
//! | `title`, `description`, `default`, `examples` and other annotations, `contentEncoding`, `contentMediaType` | neither: they constrain nothing |

mod block;
mod closer;
mod compile;
mod constraint;
mod ecma;
mod elements;
mod environment;
mod expression;
mod formats;
mod gbnf;
mod grammar;
mod kind;
mod kinds;
mod lark;
mod literal;
mod matcher;
mod numbers;
mod pattern;
mod rules;
mod schema;
mod segments;
mod sorts;
mod tagged;
mod texts;
mod trace;
mod vocabulary;
mod watch;
mod written;

pub use closer::{Closer, WayOut};
pub use constraint::{Constraint, Mode, Relaxation, Thinking};
pub use gbnf::Gbnf;
pub use matcher::{Mask, Matcher};
pub use numbers::{Digits, ends_in_digits, overlong};
pub use vocabulary::Compiler;
pub use watch::{Sighting, Watch};
