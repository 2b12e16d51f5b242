//! Law 4 on any pattern: a piece of the input is repeated, and four times the text may take about four times the time.
//!
//! Work that grows with the square is seen in no short text, so a fuzzer of short texts would never find it.

use super::parser::How;
use super::worked;

/// How long the short text and the long one are.
const SIZES: [usize; 2] = [8_000, 32_000];

/// Three bytes choose as for the parser, the fourth says where the head ends and the repeated piece begins.
pub fn run(data: &[u8]) {
    let Some((choices, bytes)) = data.split_first_chunk::<4>() else { return };
    let bytes = &bytes[..bytes.len().min(SIZES[0] / 4)];
    let how = How::new([choices[0], choices[1], choices[2]]);
    let (head, rest) = bytes.split_at(usize::from(choices[3]).min(bytes.len()));
    let (piece, tail) = rest.split_at(rest.len() - rest.len() / 4);
    if piece.is_empty() {
        return;
    }
    let nanoseconds = |size: usize| {
        let mut text = head.to_vec();
        text.extend(piece.iter().cycle().take(size / piece.len() * piece.len()));
        text.extend(tail);
        let pieces: Vec<&[u8]> = text.chunks(16).collect();
        let start = worked();
        assert_eq!(how.read(&pieces).segments.is_empty(), text.is_empty());
        u64::try_from(worked().saturating_sub(start).as_nanos()).unwrap_or(u64::MAX)
    };
    // One good measurement is enough. Linear work takes four times as long, quadratic sixteen; below 20 ms the clock
    // and the caches say more than the reader does.
    let fine = (0..4).any(|_| {
        let (short, long) = (nanoseconds(SIZES[0]), nanoseconds(SIZES[1]));
        long < 20_000_000 || long < short.saturating_mul(10)
    });
    assert!(fine, "law 4: {head:?} + {piece:?}.. + {tail:?}");
}
