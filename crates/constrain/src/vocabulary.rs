//! What compiles grammars for one vocabulary, and makes their masks.
//!
//! Most tokens are plain parts of words, and inside a text the grammar allows all of them or must be asked about each.
//! They are separated once; where all of them are allowed, only the others are walked. llguidance can do the same, but
//! builds the trie of the whole vocabulary four times over for it, which was half of what a vocabulary cost a cold
//! start. It must not know formats, nor which engine the vocabulary belongs to.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::derivre::Regex;
use llguidance::earley::{BiasComputer, ParserRecognizer};
use llguidance::{ParserFactory, TokenParser};
use toktrie::{InferenceCapabilities, SimpleVob, TokEnv, TokTrie};

use super::environment::Environment;
use super::segments;

/// What compiles grammars for one vocabulary. Building it takes a tenth of a second for 150,000 words.
pub struct Compiler {
    factory: ParserFactory,
    masks: Arc<Masks>,
}

/// Tokens that are allowed or not as a whole: parts of texts as JSON writes them, short enough for texts that are
/// bounded, and parts of texts between tags. The larger slice comes first.
const SLICES: [&str; 2] = [r#"[^"\\\x00-\x1F\x7F]{1,30}"#, segments::SLICE];

/// How long the lexer may take to be built, for what is forced before the first mask, and for one mask, in the library's
/// units. Where a text between tags is counted, what the library allows by itself is spent at its first word; a slow mask is
/// better than a call that breaks off.
const STEPS: u64 = 50_000_000;

impl Compiler {
    /// The compiler for a vocabulary of these words, as [`Compiler::word`] gives them, of which
    /// these end an answer; and how text becomes tokens. What went wrong, as a sentence, where it cannot be built.
    pub fn new<F>(words: &[Vec<u8>], ends: &[u32], tokenize: F) -> Result<Self, String>
    where
        F: Fn(&str) -> Vec<u32> + Send + Sync + 'static,
    {
        let environment = Arc::new(Environment::new(tokenize));
        let shared: TokEnv = Arc::clone(&environment) as TokEnv;
        let slices = SLICES.map(str::to_owned);
        // The library divides the vocabulary by the slices now. It finds no words yet, so that this costs nothing; what it
        // is wanted for is that each grammar then knows the slices by their numbers.
        let factory = ParserFactory::new(&shared, InferenceCapabilities::default(), &slices);
        let mut factory = factory.map_err(|error| format!("{error:#}"))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        factory.limits_mut().initial_lexer_fuel = STEPS;
        factory.limits_mut().step_lexer_fuel = STEPS;
        environment.fill(words, ends);
        Ok(Self { factory, masks: Arc::new(Masks::new(shared)?) })
    }

    /// A word as the trie wants it: a control token, which no text can spell, stands behind a byte that no text contains.
    #[must_use]
    pub fn word(mut bytes: Vec<u8>, is_control: bool) -> Vec<u8> {
        if is_control && !bytes.is_empty() {
            bytes.insert(0, TokTrie::SPECIAL_TOKEN_MARKER);
        }
        bytes
    }

    /// Whether it was built for these words and ends.
    pub fn is_for(&self, words: impl ExactSizeIterator<Item = Vec<u8>>, ends: &[u32]) -> bool {
        let trie = self.masks.trie();
        let ends_known = if ends.is_empty() { &[toktrie::INVALID_TOKEN][..] } else { ends };
        words.len() == trie.vocab_size()
            && trie.eos_tokens() == ends_known
            && (0..).zip(words).all(|(token, word)| trie.token(token) == word)
    }

    /// The compiler for a vocabulary of single bytes.
    pub fn of_bytes() -> Result<Self, String> {
        let words: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        Self::new(&words, &[], |text| text.bytes().map(u32::from).collect())
    }

    /// The library's parser at the beginning of a grammar, or what kept it from being compiled.
    pub(super) fn compile(&self, grammar: TopLevelGrammar) -> Result<TokenParser, String> {
        let parser = self.factory.create_parser(grammar);
        let mut parser = parser.map_err(|error| error.to_string())?;
        parser.bias_computer = Arc::clone(&self.masks) as Arc<dyn BiasComputer>;
        parser.start_without_prompt();
        Ok(parser)
    }
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tokens = self.masks.trie().vocab_size();
        f.debug_struct("Compiler").field("tokens", &tokens).finish_non_exhaustive()
    }
}

/// How masks are made.
struct Masks {
    environment: TokEnv,
    slices: Vec<Slice>,
}

/// The vocabulary in two: the tokens that match one of [`SLICES`], and a trie of the others.
struct Slice {
    tokens: SimpleVob,
    others: TokTrie,
}

/// How long it may be tried to show that a text allows a whole slice, in the library's units; the least that it names.
const EFFORT: u64 = 1000;

impl Masks {
    fn new(environment: TokEnv) -> Result<Self, String> {
        let slices = SLICES.iter().map(|slice| Slice::new(environment.tok_trie(), slice)).collect::<Result<_, _>>()?;
        Ok(Self { environment, slices })
    }
}

impl BiasComputer for Masks {
    fn compute_bias(&self, recognizer: &mut ParserRecognizer<'_>, start: &[u8]) -> SimpleVob {
        let mut mask = self.trie().alloc_token_set();
        let state = recognizer.lexer_state();
        if start.is_empty() && recognizer.lexer_mut().subsume_possible(state) {
            for (number, slice) in self.slices.iter().enumerate() {
                if recognizer.lexer_mut().check_subsume(state, number, EFFORT, None).unwrap_or(false) {
                    mask.or(&slice.tokens);
                    slice.others.add_bias(recognizer, &mut mask, start);
                    return mask;
                }
            }
        }
        self.trie().add_bias(recognizer, &mut mask, start);
        mask
    }

    fn trie(&self) -> &TokTrie {
        self.environment.tok_trie()
    }
}

impl Slice {
    fn new(trie: &TokTrie, expression: &str) -> Result<Self, String> {
        let mut expression = Regex::new(expression).map_err(|error| format!("{error:#}"))?;
        let (mut tokens, mut others) = (trie.alloc_token_set(), trie.alloc_token_set());
        for token in (0..).take(trie.vocab_size()) {
            let word = trie.token(token);
            let matches = !word.is_empty() && expression.is_match_bytes(word);
            if matches { tokens.allow_token(token) } else { others.allow_token(token) }
        }
        Ok(Self { tokens, others: trie.filter(&others) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use llguidance::api::TopLevelGrammar;
    use toktrie::TokEnv;

    use super::{Compiler, Masks};

    #[test]
    fn masks_are_the_same_as_by_a_walk_over_all_words() {
        let mut words: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        words.extend(
            ["Os", "lo", "\"}", "\",", "a\\", " the sea", "é", "1.5", "true"].map(|word| word.as_bytes().to_vec()),
        );
        let tokens = |text: &str| text.bytes().map(u32::from).collect();
        let compiler = Compiler::new(&words, &[], tokens).unwrap();
        let lark =
            r#"start: %json {"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "number"}}}"#;
        let grammar = || TopLevelGrammar::from_lark(lark.to_owned());
        let (mut divided, mut whole) = (compiler.compile(grammar()).unwrap(), compiler.compile(grammar()).unwrap());
        let environment = TokEnv::clone(&compiler.masks.environment);
        whole.bias_computer = Arc::new(Masks { environment, slices: Vec::new() });
        let mut allowed_whole = false;
        for byte in br#"{"city": "Os\"lo, the sea", "n": -1.5e3}"# {
            let (divided_mask, whole_mask) = (divided.compute_mask().unwrap(), whole.compute_mask().unwrap());
            assert_eq!(divided_mask.to_list(), whole_mask.to_list());
            allowed_whole |= divided_mask.is_allowed(261);
            divided.consume_token(u32::from(*byte)).unwrap();
            whole.consume_token(u32::from(*byte)).unwrap();
        }
        assert!(allowed_whole, "a string takes a word that lies in the slice");
    }
}
