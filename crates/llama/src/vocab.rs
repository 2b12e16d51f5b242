//! llama.cpp's tokenizer as a [`Vocab`].
//!
//! Some tokenizers put a space before every text. Text that goes on in the middle of an answer must not get one, so it
//! is tokenized after a line break whose tokens are then dropped. It must not know contexts.

use std::fmt;
use std::sync::Arc;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;

use callwright_infer::Token;
use callwright_infer::Vocab;

/// The vocabulary of a loaded model.
pub(super) struct LlamaVocabulary {
    model: Arc<LlamaModel>,
    /// Tokens of a line break, where the tokenizer puts a space before texts; else 0.
    skip: usize,
}

impl LlamaVocabulary {
    pub(super) fn new(model: Arc<LlamaModel>) -> Self {
        let vocab = model.vocab();
        let first = vocab.tokenize(b"a", false, false).first().map(|token| vocab.token_to_piece(*token, true, None));
        let skip = if first.as_deref() == Some(b"a") { 0 } else { vocab.tokenize(b"\n", false, false).len() };
        Self { model, skip }
    }

    fn tokens(&self, text: &[u8], special: bool) -> Vec<Token> {
        self.model.vocab().tokenize(text, false, special).into_iter().map(|token| token.0.cast_unsigned()).collect()
    }
}

/// The library's number of a token. A vocabulary has far fewer than 2^31.
pub(super) fn native(token: Token) -> LlamaToken {
    LlamaToken(token.cast_signed())
}

impl Vocab for LlamaVocabulary {
    fn size(&self) -> usize {
        usize::try_from(self.model.n_vocab()).unwrap_or(0)
    }

    fn piece(&self, token: Token) -> Vec<u8> {
        self.model.vocab().token_to_piece(native(token), true, None)
    }

    fn tokenize(&self, text: &[u8], special: bool) -> Vec<Token> {
        if self.skip == 0 || text.is_empty() {
            return self.tokens(text, special);
        }
        let mut tokens = self.tokens(&[b"\n", text].concat(), special);
        tokens.drain(..self.skip.min(tokens.len()));
        tokens
    }

    fn tokenize_start(&self, text: &[u8], special: bool) -> Vec<Token> {
        self.tokens(text, special)
    }

    fn is_end(&self, token: Token) -> bool {
        self.model.vocab().is_eog(native(token))
    }

    fn is_control(&self, token: Token) -> bool {
        let vocab = self.model.vocab();
        vocab.token_to_piece(native(token), false, None).is_empty() && !self.piece(token).is_empty()
    }

    fn is_added(&self, token: Token) -> bool {
        let attr = self.model.vocab().attr(native(token));
        attr.contains(LlamaTokenAttr::UserDefined) && !attr.contains(LlamaTokenAttr::Control)
    }

    fn begin(&self) -> Option<Token> {
        let vocab = self.model.vocab();
        let begin = vocab.bos().0;
        (vocab.should_add_bos() && begin >= 0).then(|| begin.cast_unsigned())
    }
}

impl fmt::Debug for LlamaVocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlamaVocabulary").field("size", &self.size()).finish_non_exhaustive()
    }
}
