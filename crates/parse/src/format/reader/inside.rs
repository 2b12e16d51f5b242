//! Reading from the middle of a text, where a call's opener was lost.

use std::ops::Range;

use super::super::envelope::RawCall;
use super::super::region::Region;
use super::super::scan::{Role, Sighted};
use super::super::{Format, Offered};
use super::{Reader, State, Step, Text};
use crate::value;

/// The call that the format writes at this name, where its opener was lost. None if its markup does not go on right behind
/// the name, so that nothing was read.
pub(crate) fn read_at(format: &Format, text: &str, name: Range<usize>, offered: &dyn Offered) -> Option<Vec<RawCall>> {
    let next = value::skip_blanks(text, name.end);
    let goes_on =
        matches!(format.markers().head.here(text, next, true), Sighted::Marker { role: Role::ParamOpen(_), .. })
            || format.announces(&text[name.end..]);
    let before = &text[..name.start];
    let lead = format.leads().filter(|lead| before.ends_with(lead)).map(str::len).max().unwrap_or(0);
    let announced = lead > 0 && text[name.end..].starts_with('{');
    if !goes_on && !announced {
        return None;
    }
    let from = name.start - lead;
    let mut reader = Reader::new(format, "");
    (reader.told, reader.at, reader.started) = (from, from, true);
    reader.state = State::Region(Box::new(Region::bare(from, from, true)));
    let mut steps = Vec::new();
    reader.read(format, Text { so_far: text, at_end: true }, offered, &mut steps);
    let calls = steps.into_iter().filter_map(|step| match step {
        Step::Call(call) => Some(call).filter(|call| call.span.start <= name.start && call.span.end > name.end),
        _ => None,
    });
    Some(calls.take(1).collect())
}
