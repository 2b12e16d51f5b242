//! Random walks through the masks of a constraint, and whether what they wrote keeps to a schema.

use callwright_constrain::{Closer, Compiler, Constraint, Digits, WayOut, ends_in_digits, overlong};
use callwright_test_support::dice::Dice;
use serde_json::Value;

/// Single bytes, and words that walks take more often.
pub(crate) fn compiler() -> (Compiler, Vec<Vec<u8>>) {
    let words = ["a", "ab", "1", "12", "-", "0", "\"", "\", \"", "\": ", "}", "]", "null", "true", "2024-01-01", "</"];
    let mut all: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
    all.extend(words.into_iter().filter(|word| word.len() > 1).map(|word| word.as_bytes().to_vec()));
    let bytes = |text: &str| text.bytes().map(u32::from).collect();
    (Compiler::new(&all, &[], bytes).unwrap(), all)
}

/// Tokens that a walk may take more than the shortest call does.
const MORE: usize = 48;

/// What a walk wrote, or why it came to no end.
pub(crate) fn walk(
    constraint: &Constraint,
    compiler: &Compiler,
    words: &[Vec<u8>],
    dice: &mut Dice,
) -> Result<Vec<u8>, String> {
    let mut matcher = constraint.matcher(compiler, &[]).map_err(|error| format!("{error:?}"))?;
    let shortest = matcher.way_out().unwrap().ok_or("no way out")?.len();
    let budget = shortest + MORE;
    let ends = constraint.ends().iter().map(|end| end.bytes().map(u32::from).collect()).collect();
    let mut closer = Closer::new(ends);
    closer.begin(&mut matcher, budget).unwrap();
    let (mut written, mut left, mut digits) = (Vec::new(), budget, Digits::from(0));
    while !matcher.is_done() {
        let mut mask = matcher.mask().map_err(|error| format!("{error:?}"))?;
        // As the token loop does: digits end.
        let in_number = if constraint.counts_digits() {
            digits.in_number(&written)
        } else {
            ends_in_digits(&written) && !mask.allows(b'a'.into()) && !mask.allows(b'"'.into())
        };
        if in_number {
            mask.forbid(|token| words.get(token as usize).is_some_and(|word| overlong(&written, word)));
        }
        let allowed: Vec<u32> = mask.tokens().filter(|token| (*token as usize) < words.len()).collect();
        if allowed.is_empty() || matcher.may_end() && dice.below(4) == 0 {
            break;
        }
        // Letters that mean something are tried as often as all others.
        let some: Vec<u32> =
            allowed.iter().copied().filter(|token| words[*token as usize][0].is_ascii_graphic()).collect();
        let from = if some.is_empty() || dice.below(4) == 0 { &allowed } else { &some };
        let token = *dice.pick(from);
        matcher.consume(token).map_err(|error| format!("{error:?}"))?;
        if !matcher.is_done()
            && let WayOut::Close(way) = closer.after(&mut matcher, &[token], left).unwrap()
        {
            for token in &way {
                written.extend(&words[*token as usize]);
            }
            return if way.len() <= left { Ok(written) } else { Err("the way out is over the budget".to_owned()) };
        }
        written.extend(&words[token as usize]);
        left = left.checked_sub(1).ok_or("the budget ended")?;
    }
    if matcher.may_end() { Ok(written) } else { Err(format!("stuck at {:?}", String::from_utf8_lossy(&written))) }
}

/// The keywords that this value violates, each with those around it; none where the schema leads elsewhere.
pub(crate) fn violated(schema: &Value, arguments: &Value) -> Option<Vec<Vec<String>>> {
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .build(schema);
    let Ok(validator) = validator else { return None };
    let way = |error: jsonschema::ValidationError<'_>| {
        error.schema_path().to_string().split('/').map(str::to_owned).collect()
    };
    Some(validator.iter_errors(arguments).map(way).collect())
}

/// Whether a violation along this way was told.
pub(crate) fn is_told(way: &[String], told: &[String]) -> bool {
    let tells = |keyword: &str| told.iter().any(|one| one.contains(&format!("`{keyword}`")));
    // What is told of a part of an alternative shows as a violation of the alternatives.
    let inside = way.iter().any(|step| matches!(step.as_str(), "anyOf" | "oneOf" | "contains")) && !told.is_empty();
    // Constants that are lists or objects may violate whatever stands beside them, and what a reference leads to says
    // nothing where that is left out.
    let inside = inside || tells("enum") || tells("$ref") || tells("$dynamicRef");
    let step = |step: &String| match step.as_str() {
        "then" | "else" => tells("if"),
        "minContains" | "maxContains" => tells("contains"),
        step => tells(step),
    };
    inside
        || way.iter().any(step)
        || told.iter().any(|one| one.contains("of the whole schema") && one.contains("`type`"))
}
