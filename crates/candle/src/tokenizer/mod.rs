//! The tokenizer that a GGUF file describes, as a [`Vocab`].
//!
//! Hugging Face's `tokenizers` finds special tokens and merges the rest; this file puts a GGUF vocabulary in its terms,
//! so that the ids are llama.cpp's and a prompt is the same on both engines. The crate ranks pairs, SentencePiece files
//! rank tokens: [`ranked`] works the pairs out and says which files it refuses. Where two special tokens overlap in a
//! text the crate takes the leftmost, llama.cpp the longest; no known vocabulary has such tokens. It must not know
//! weights.

mod split;

use tokenizers::models::bpe::{BPE, Merges, Vocab as Ids};
use tokenizers::{AddedToken, AddedVocabulary, Model, NormalizerWrapper, OffsetReferential, OffsetType};

use super::file::File;
use callwright_gguf::Value;
use callwright_infer::{ENDING_KEYS, Kind, Letters, SPACE, Spelling, Token, Vocab, Words, token_id};
use callwright_parse::error::{Error, ErrorKind, Result};
use split::Splitter;

/// The longest SentencePiece token in bytes: working out its merges takes the square of its length.
const LONGEST: usize = 256;

/// A vocabulary and how text becomes tokens of it.
#[derive(Debug)]
pub(super) struct Tokenizer {
    words: Words,
    way: Way,
    model: BPE,
    /// Special tokens that any text may contain.
    added: AddedVocabulary,
    /// Those, and the special tokens that only count where the caller says so.
    special: AddedVocabulary,
    begin: Option<Token>,
}

/// How plain text is spelled before it is merged.
#[derive(Debug)]
enum Way {
    /// Cut up, with a letter for each byte.
    Pairs { splitter: Splitter, letters: Vec<char> },
    /// With `▁` for spaces; `space`: one is put in front at the beginning and after a special token.
    Pieces { space: bool },
}

impl Tokenizer {
    /// Reads the tokenizer of a file.
    pub(super) fn of(file: &File) -> Result<Self> {
        let vocab = file.vocab();
        let kind = vocab.model.as_deref().unwrap_or_default();
        let unsupported = |kind: &str| file.unsupported(&format!("the tokenizer `{kind}`"));
        let (texts, kinds): (Vec<&str>, _) = (vocab.texts.iter().collect(), &vocab.kinds);
        if texts.is_empty() || !(kinds.is_empty() || kinds.len() >= texts.len()) {
            return Err(Error::new(ErrorKind::ModelCorrupt, "the model file's vocabulary is missing or incomplete"));
        }
        let named = |purpose: &str| file.count(&format!("tokenizer.ggml.{purpose}_token_id")).map(token_id);
        let endings = ENDING_KEYS.iter().filter_map(|key| named(key));
        let words = Words::of(kind, texts.iter().copied(), kinds, endings).ok_or_else(|| unsupported(kind))?;
        let mut ids: Ids = texts.iter().zip(0..).map(|(text, id)| ((*text).to_owned(), id)).collect();
        let is_pairs = Spelling::of(kind) == Some(Spelling::Bytes);
        let (way, merges, whole) = if is_pairs {
            let pre = vocab.pre.as_deref().unwrap_or("default");
            let splitter = Splitter::named(pre)?.ok_or_else(|| unsupported(pre))?;
            let whole = splitter.whole;
            (Way::Pairs { splitter, letters: letters() }, listed(file.value("tokenizer.ggml.merges")), whole)
        } else {
            let space = file.value("tokenizer.ggml.add_space_prefix").and_then(Value::truth).unwrap_or(true);
            let merges = ranked(&texts, file.value("tokenizer.ggml.scores"), &words, &ids);
            (Way::Pieces { space }, merges.map_err(|what| file.unsupported(what))?, false)
        };
        let strange = || file.unsupported("merges into tokens that its vocabulary lacks");
        // The crate reports all of these but the overlong ones, over which it panics.
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        if merges.iter().any(|(left, right)| left.len() + right.len() > longest) {
            return Err(strange());
        }
        // Text that no token spells is dropped: it becomes an unknown token after the last one. The crate's cache stays
        // off, since it outlives the model.
        ids.insert(String::new(), token_id(words.len()));
        let model = BPE::builder().vocab_and_merges(ids, merges).unk_token(String::new()).cache_capacity(0);
        let model = model.ignore_merges(whole).byte_fallback(!is_pairs).build();
        let model = model.map_err(|cause| strange().because(cause))?;
        let find = |kinds: &[Kind]| {
            let found = (0..words.len()).map(token_id).filter(|id| kinds.contains(&words.kind(*id)));
            let tokens = found.map(|id| AddedToken::from(String::from_utf8_lossy(words.bytes(id)), true));
            let mut vocabulary = AddedVocabulary::new();
            let done = vocabulary.add_tokens(tokens, &model, None::<&NormalizerWrapper>);
            done.map(|_| vocabulary).map_err(|cause| file.unsupported("invalid special tokens").because(cause))
        };
        let (added, special) = (find(&[Kind::Added])?, find(&[Kind::Unknown, Kind::Control, Kind::Added])?);
        let begins = vocab.add_bos.unwrap_or(whole || !is_pairs);
        let begin = named("bos").filter(|id| (*id as usize) < words.len()).or((!is_pairs).then_some(1));
        Ok(Self { words, way, model, added, special, begin: begin.filter(|_| begins) })
    }

    /// Tokens of a text; `start`: as if it came after a special token.
    fn tokens(&self, text: &[u8], special: bool, start: bool) -> Vec<Token> {
        let special = if special { &self.special } else { &self.added };
        let (mut tokens, mut after_special) = (Vec::new(), start);
        for chunk in text.utf8_chunks() {
            let parts = special.extract_and_normalize(None::<&NormalizerWrapper>, chunk.valid());
            for (text, _, found) in parts.get_splits(OffsetReferential::Original, OffsetType::None) {
                match found {
                    Some(found) => tokens.extend(found.iter().map(|token| token.id)),
                    None => self.push(text, after_special, &mut tokens),
                }
                after_special = found.is_some();
            }
            // Each byte that is not UTF-8 stands alone.
            tokens.extend(chunk.invalid().iter().filter_map(|byte| self.byte(*byte)));
        }
        tokens
    }

    /// Adds the tokens of plain text.
    fn push(&self, text: &str, after_special: bool, tokens: &mut Vec<Token>) {
        match &self.way {
            Way::Pairs { splitter, letters } => {
                for stretch in splitter.split(text) {
                    self.merge(&stretch.bytes().map(|byte| letters[usize::from(byte)]).collect::<String>(), tokens);
                }
            }
            Way::Pieces { space } => {
                let front = if *space && after_special { SPACE } else { "" };
                self.merge(&format!("{front}{}", text.replace(' ', SPACE)), tokens);
            }
        }
    }

    fn merge(&self, spelled: &str, tokens: &mut Vec<Token>) {
        // It could only fail if the vocabulary lacked the unknown token.
        let merged = self.model.tokenize(spelled).unwrap_or_default();
        tokens.extend(merged.iter().map(|token| token.id).filter(|id| (*id as usize) < self.words.len()));
    }

    /// The token of a single byte.
    fn byte(&self, byte: u8) -> Option<Token> {
        let spelled = match &self.way {
            Way::Pairs { letters, .. } => letters[usize::from(byte)].to_string(),
            Way::Pieces { .. } => format!("<0x{byte:02X}>"),
        };
        // DeepSeek adds tokens by hand whose text is such a letter.
        self.model.token_to_id(&spelled).filter(|id| matches!(self.words.kind(*id), Kind::Plain | Kind::Byte))
    }
}

/// The merges that a file lists, `left right`, the first to be made first.
fn listed(merges: Option<&Value>) -> Merges {
    let Some(Value::Texts(merges)) = merges else { return Merges::new() };
    let pair = |merge: &str| {
        // In some files the left one begins with a space.
        let (left, right) = merge.split_at(merge.char_indices().skip(1).find(|(_, letter)| *letter == ' ')?.0);
        Some((left.to_owned(), right[1..].to_owned()))
    };
    merges.iter().filter_map(pair).collect()
}

/// The merges that a SentencePiece file's scores mean: all pairs that make the token of the best score, then those of
/// the next. Among equal scores llama.cpp merges the leftmost pair, which the crate cannot. Llama 2 has such tokens, for
/// runs of spaces: they come out the same with the longest first. Other ties are refused.
fn ranked(texts: &[&str], scores: Option<&Value>, words: &Words, ids: &Ids) -> Result<Merges, &'static str> {
    let Some(Value::Floats(scores)) = scores else { return Err("tokens without a score") };
    if scores.len() < texts.len() {
        return Err("tokens without a score");
    }
    if texts.iter().any(|text| text.len() > LONGEST) {
        return Err("an overlong token");
    }
    // Of tokens with the same text, only the last is ever used. Adding 0 makes -0 and 0 a tie.
    let tokens = scores.iter().zip(texts).zip(0..).map(|((score, text), id)| (*score + 0.0, *text, id));
    let mut tokens: Vec<(f64, &str, Token)> = tokens.filter(|(_, text, id)| ids.get(*text) == Some(id)).collect();
    tokens.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.len().cmp(&one.1.len())));
    // llama.cpp would merge such a character, the crate replaces it by bytes first.
    let is_spelled = |letter: char| ids.contains_key(letter.encode_utf8(&mut [0; 4]) as &str);
    let (mut merges, mut last) = (Merges::new(), None);
    for (score, text, id) in tokens {
        if words.kind(id) == Kind::Plain && !text.chars().all(is_spelled) {
            return Err("a character that no token spells");
        }
        let cuts = text.char_indices().rev().filter(|(at, _)| *at > 0).map(|(at, _)| text.split_at(at));
        let known = cuts.filter(|(left, right)| ids.contains_key(*left) && ids.contains_key(*right));
        let before = merges.len();
        merges.extend(known.map(|(left, right)| (left.to_owned(), right.to_owned())));
        if merges.len() == before || words.kind(id) != Kind::Plain {
            continue;
        }
        let run = text.chars().next().filter(|first| text.chars().all(|letter| letter == *first));
        let tied = last.replace((score, run)).filter(|(other, _)| score.total_cmp(other).is_eq());
        if tied.is_some_and(|(_, other)| run.is_none() || run != other) {
            return Err("tokens of equal score");
        }
    }
    Ok(merges)
}

/// The letter of each byte.
fn letters() -> Vec<char> {
    let known = Letters::new();
    let byte = |letter: &char| known.bytes(letter.encode_utf8(&mut [0; 4]));
    let mut letters: Vec<char> = ('!'..='\u{143}').filter(|letter| byte(letter).is_some()).collect();
    letters.sort_by_key(byte);
    letters
}

impl Vocab for Tokenizer {
    fn size(&self) -> usize {
        self.words.len()
    }

    fn piece(&self, token: Token) -> Vec<u8> {
        self.words.bytes(token).to_vec()
    }

    fn tokenize(&self, text: &[u8], special: bool) -> Vec<Token> {
        self.tokens(text, special, false)
    }

    fn tokenize_start(&self, text: &[u8], special: bool) -> Vec<Token> {
        self.tokens(text, special, true)
    }

    fn is_end(&self, token: Token) -> bool {
        self.words.endings().binary_search(&token).is_ok()
    }

    fn is_control(&self, token: Token) -> bool {
        self.words.is_control(token)
    }

    fn is_added(&self, token: Token) -> bool {
        self.words.kind(token) == Kind::Added
    }

    fn begin(&self) -> Option<Token> {
        self.begin
    }
}
