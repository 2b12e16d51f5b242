//! Pairs of neighbours are merged, the best pair first, until no pair is known.
//!
//! Both kinds of vocabularies do this and differ in what pairs they know: byte pairs (Sennrich et al., 2016) by their
//! place in a list of merges, SentencePiece (Kudo and Richardson, 2018) by the score of the word that comes out. A heap
//! of pairs keeps it from being slow on long words. It must not know words.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// A stretch of the text, linked to its neighbours. Empty once it was merged into the one before it.
#[derive(Debug, Clone)]
struct Symbol {
    start: usize,
    end: usize,
    before: Option<usize>,
    behind: Option<usize>,
}

/// A pair that may be merged. The smallest rank goes first, and of those the leftmost.
type Pair<R> = Reverse<(R, usize, usize, usize)>;

/// Merges what begins at these places of a text of this length, the first of which is 0. `rank` tells how good it is
/// to join the two stretches `start..middle` and `middle..end`, less being better; none where they do not go together.
pub(super) fn merge<R: Ord + Copy>(
    starts: impl IntoIterator<Item = usize>,
    length: usize,
    mut rank: impl FnMut(usize, usize, usize) -> Option<R>,
) -> impl Iterator<Item = Range<usize>> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for (index, start) in starts.into_iter().enumerate() {
        if let Some(last) = symbols.last_mut() {
            (last.end, last.behind) = (start, Some(index));
        }
        symbols.push(Symbol { start, end: length, before: index.checked_sub(1), behind: None });
    }
    let mut pairs: BinaryHeap<Pair<R>> = BinaryHeap::new();
    let mut propose = |symbols: &[Symbol], pairs: &mut BinaryHeap<Pair<R>>, left: usize, right: usize| {
        let (start, middle, end) = (symbols[left].start, symbols[right].start, symbols[right].end);
        if let Some(rank) = rank(start, middle, end) {
            pairs.push(Reverse((rank, left, right, end - start)));
        }
    };
    for right in 1..symbols.len() {
        propose(&symbols, &mut pairs, right - 1, right);
    }
    while let Some(Reverse((_, left, right, size))) = pairs.pop() {
        let (one, other) = (&symbols[left], &symbols[right]);
        // Either was merged with another meanwhile.
        if one.start == one.end || other.start == other.end || other.end - one.start != size {
            continue;
        }
        let (end, behind) = (other.end, other.behind);
        (symbols[left].end, symbols[left].behind) = (end, behind);
        symbols[right].start = end;
        if let Some(behind) = behind {
            symbols[behind].before = Some(left);
            propose(&symbols, &mut pairs, left, behind);
        }
        if let Some(before) = symbols[left].before {
            propose(&symbols, &mut pairs, before, left);
        }
    }
    symbols.into_iter().filter(|symbol| symbol.start < symbol.end).map(|symbol| symbol.start..symbol.end)
}
