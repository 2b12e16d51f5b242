//! A value that is strict JSON up to its closing tag: tags in its strings are text.
//!
//! Only lists and objects are read so, and only where the tag or the schema says that the parameter may be one. Where
//! the JSON deviates, never ends, or no closing tag follows it, the value is looked through for tags as any other.

use crate::format::item::Scene;
use crate::format::scan::{Literals, Role, Sighted};
use crate::schema::{Types, View};
use crate::value::strict::{StrictEnd, StrictReach};

/// What is known of a value that may be JSON.
#[derive(Debug)]
pub(super) enum Json {
    /// Its first letter may still come.
    Unseen,
    /// It began as a list or object.
    Begun(StrictEnd),
    /// It ended there; what follows decides.
    Ended(usize),
}

/// The tool, its parameter, and what the tag says that it is.
type Param<'a> = (&'a str, &'a str, Option<&'a str>);

/// What came of it.
pub(super) enum Told {
    /// The text so far does not say.
    Wait,
    /// It ends there, and a closing tag follows.
    Whole(usize),
    /// Tags are looked for from its beginning on.
    No,
}

impl Json {
    /// Goes on over the text; the value of this parameter begins at `from`.
    pub(super) fn advance(&mut self, scene: &Scene<'_>, tags: &Literals, param: Param<'_>, from: usize) -> Told {
        loop {
            match self {
                Self::Unseen => {
                    let first = scene.skip_blanks(from);
                    match scene.text.as_bytes().get(first) {
                        None if !scene.at_end => return Told::Wait,
                        Some(b'{' | b'[') if !scene.is_tired() && is_structured(scene, param) => {
                            *self = Self::Begun(StrictEnd::new(first));
                        }
                        _ => return Told::No,
                    }
                }
                Self::Begun(strict) => match strict.advance(scene.text.as_bytes()) {
                    StrictReach::More if !scene.at_end => return Told::Wait,
                    StrictReach::End(end) => *self = Self::Ended(end),
                    StrictReach::More | StrictReach::Off => {
                        let seen = scene.text.floor_char_boundary(strict.at());
                        return given_up(scene, tags, from, seen);
                    }
                },
                Self::Ended(end) => {
                    let next = scene.skip_blanks(*end);
                    return match tags.here(scene.text, next, scene.at_end) {
                        Sighted::Marker { role: Role::ValueClose, .. } => Told::Whole(*end),
                        Sighted::Perhaps { .. } => Told::Wait,
                        _ => given_up(scene, tags, from, *end),
                    };
                }
            }
        }
    }
}

/// The text is looked through a second time. If markers stand in it, that is charged to the reader's patience.
fn given_up(scene: &Scene<'_>, tags: &Literals, from: usize, seen: usize) -> Told {
    if matches!(tags.find(&scene.text[..seen], from, true), Sighted::Marker { .. }) {
        scene.cut(seen);
    }
    Told::No
}

/// Whether the tag or the schema says that the parameter may be a list or an object.
fn is_structured(scene: &Scene<'_>, (tool, key, kind): Param<'_>) -> bool {
    if matches!(kind, Some("array" | "object")) {
        return true;
    }
    let allowed = scene.offered.parameter(tool, key).map(View::types);
    allowed.is_some_and(|allowed| allowed.has(Types::LIST) || allowed.has(Types::OBJECT))
}
