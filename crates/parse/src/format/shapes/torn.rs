//! Tags with a letter or two missing, added or wrong: what they close or open cannot be told from what stands around them.
//!
//! It is asked only where something is amiss already: where a closing tag is missing, or words follow one.

/// A tag shorter than this looks like too much else.
const SHORTEST: usize = 6;

/// Whether the text begins with what is nearly this tag.
pub(crate) fn begins_torn(text: &str, tag: &str) -> bool {
    let tag = tag.trim();
    if tag.len() < SHORTEST || text.starts_with(tag) {
        return false;
    }
    let mut first = text.bytes().take(2);
    if !first.any(|byte| tag.as_bytes()[..2].contains(&byte)) {
        return false;
    }
    let near = &text[..text.floor_char_boundary(tag.len() + 8)];
    let (tag, near): (Vec<char>, Vec<char>) = (tag.chars().collect(), near.chars().collect());
    distances(&near, &tag).into_iter().min().is_some_and(|least| least <= tolerance(&tag))
}

/// Where what is nearly this tag begins, if the text ends with it, blanks aside.
pub(crate) fn ends_torn(text: &str, tag: &str) -> Option<usize> {
    let (tag, text) = (tag.trim(), text.trim_end());
    if tag.len() < SHORTEST || text.ends_with(tag) {
        return None;
    }
    let from = text.floor_char_boundary(text.len().saturating_sub(tag.len() + 8));
    let near: Vec<char> = text[from..].chars().rev().collect();
    let tag: Vec<char> = tag.chars().rev().collect();
    let distances = distances(&near, &tag);
    let (length, least) = distances.into_iter().enumerate().min_by_key(|(_, distance)| *distance)?;
    let bytes: usize = near[..length].iter().map(|letter| letter.len_utf8()).sum();
    (least <= tolerance(&tag) && length > 0).then_some(text.len() - bytes)
}

/// Whether the greater part of this tag stands anywhere in the text.
pub(crate) fn holds_torn(text: &str, tag: &str) -> bool {
    let tag = tag.trim();
    let stem = &tag[..tag.floor_char_boundary(tag.len() * 2 / 3)];
    stem.len() + 1 >= SHORTEST && text.contains(stem)
}

/// How many letters may differ.
fn tolerance(tag: &[char]) -> usize {
    if tag.len() < 10 { 1 } else { 2 }
}

/// How many letters differ between the tag and each beginning of the text.
fn distances(text: &[char], tag: &[char]) -> Vec<usize> {
    let mut above: Vec<usize> = (0..=text.len()).collect();
    for (row, wanted) in tag.iter().enumerate() {
        let mut here = vec![row + 1];
        for (column, got) in text.iter().enumerate() {
            let replaced = above[column] + usize::from(wanted != got);
            here.push(replaced.min(above[column + 1] + 1).min(here[column] + 1));
        }
        above = here;
    }
    above
}

#[cfg(test)]
mod tests {
    use super::{begins_torn, ends_torn};

    #[test]
    fn a_tag_is_nearly_one_with_a_letter_or_two_amiss() {
        assert_eq!(ends_torn("den\n</paramter>\n", "</parameter>"), Some(4));
        assert_eq!(ends_torn("den\n/parameter>", "</parameter>"), Some(4));
        assert_eq!(ends_torn("den\n</parameter", "</parameter>"), Some(4));
        assert_eq!(ends_torn("den\n</div>", "</parameter>"), None);
        assert_eq!(ends_torn("the end", "</parameter>"), None);
        assert!(begins_torn("parameter=body>\nx", "<parameter="));
        assert!(!begins_torn("and then <parameter=", "<parameter="));
        assert!(!begins_torn("<parameter=body>", "<parameter="));
    }
}
