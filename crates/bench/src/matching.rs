//! Matches found calls with expected calls, in any order, and says what differs where there is no match.

use super::accepted::{self, Miss};
use super::expected;
use super::outcome::{Class, Mismatch};
use callwright_parse::chat::Call;
use callwright_record::Recording;

/// Whether the calls are the expected ones; none where the recording does not say.
#[must_use]
pub fn judge(recording: &Recording, calls: &[Call]) -> Option<Result<(), Mismatch>> {
    if let Some(wanted) = &recording.accepted {
        let check =
            |index: usize, call: &Call| accepted::check(&wanted[index], call, &recording.tools, recording.language);
        return Some(pair(wanted.len(), calls, &|index| wanted[index].name.as_str(), &check));
    }
    let wanted = recording.expected.as_ref()?;
    let check = |index: usize, call: &Call| expected::check(&wanted[index], call).map_err(Miss::Differs);
    Some(pair(wanted.len(), calls, &|index| wanted[index].name.as_str(), &check))
}

/// How many calls were expected.
pub(super) fn due(recording: &Recording) -> Option<usize> {
    let accepted = recording.accepted.as_ref().map(Vec::len);
    accepted.or_else(|| recording.expected.as_ref().map(Vec::len))
}

type Check<'a> = dyn Fn(usize, &Call) -> Result<(), Miss> + 'a;

/// Gives each expected call the first matching call that is not taken, as the leaderboard does.
fn pair<'a>(due: usize, calls: &[Call], name: &dyn Fn(usize) -> &'a str, check: &Check<'_>) -> Result<(), Mismatch> {
    if calls.len() != due {
        return Err(count(due, calls.len()));
    }
    let mut taken = vec![false; calls.len()];
    for wanted in 0..due {
        let mut nearest: Option<(bool, Mismatch)> = None;
        let mut found = false;
        for (index, call) in calls.iter().enumerate().filter(|(index, _)| !taken[*index]).collect::<Vec<_>>() {
            match check(wanted, call) {
                Ok(()) => {
                    (taken[index], found) = (true, true);
                    break;
                }
                Err(Miss::Unanswerable(message)) => return Err(Mismatch::new(Class::Unanswerable, message)),
                Err(Miss::Differs(mismatch)) => {
                    let same_tool = call.name == name(wanted);
                    if nearest.is_none() || (same_tool && nearest.as_ref().is_some_and(|(same, _)| !same)) {
                        nearest = Some((same_tool, mismatch.of_call(index)));
                    }
                }
            }
        }
        if let (false, Some((_, mismatch))) = (found, nearest) {
            return Err(mismatch);
        }
    }
    Ok(())
}

fn count(due: usize, found: usize) -> Mismatch {
    let message = match (due, found) {
        (0, 1) => "found a call where none was expected".to_owned(),
        (0, found) => format!("found {found} calls where none was expected"),
        (1, 0) => "expected a call and found none".to_owned(),
        (1, found) => format!("expected one call and found {found}"),
        (due, found) => format!("expected {due} calls and found {found}"),
    };
    match (due, found) {
        (0, _) => Mismatch::new(Class::PhantomCall, message).of_call(0),
        (_, 0) => Mismatch::new(Class::NoCallMissed, message),
        _ => Mismatch::new(Class::WrongCount, message),
    }
}
