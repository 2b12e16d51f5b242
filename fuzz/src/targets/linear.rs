//! Law 4 on any pattern: a piece of the input is repeated, and eight times the text may take about eight times the time.
//!
//! Work that grows with the square is seen in no short text, so a fuzzer of short texts would never find it.

use std::time::Duration;

use super::parser::How;
use callwright_test_support::cost::cost;

/// How long the short text and the long one are.
const SIZES: [usize; 2] = [12_000, 96_000];

/// Three bytes choose as for the parser, the fourth says where the head ends and the repeated piece begins.
pub fn run(data: &[u8]) {
    let Some((choices, bytes)) = data.split_first_chunk::<4>() else { return };
    let bytes = &bytes[..bytes.len().min(SIZES[0] / 8)];
    let how = How::new([choices[0], choices[1], choices[2]]);
    let (head, rest) = bytes.split_at(usize::from(choices[3]).min(bytes.len()));
    let (piece, tail) = rest.split_at(rest.len() - rest.len() / 4);
    if piece.is_empty() {
        return;
    }
    let cost_of = |size: usize| {
        let mut text = head.to_vec();
        text.extend(piece.iter().cycle().take(size / piece.len() * piece.len()));
        text.extend(tail);
        let pieces: Vec<&[u8]> = text.chunks(16).collect();
        cost(|| assert_eq!(how.read(&pieces).segments.is_empty(), text.is_empty()))
    };
    // One good measurement is enough. Linear work takes eight times as long, quadratic 64 times. What is
    // fast says nothing: the system takes its share of it. Where only the long text is recovered, twice of it must tell.
    let fine = (0..4).any(|_| {
        let long = cost_of(SIZES[1]);
        let short = cost_of(SIZES[0]).max(Duration::from_millis(8));
        long < Duration::from_millis(200) || long < short * 24 || cost_of(SIZES[1] * 2) < long * 3
    });
    assert!(fine, "law 4: {head:?} + {piece:?}.. + {tail:?}");
}
