//! llama.cpp as a backend: a model, a context over it, and the cache inside.
//!
//! The context borrows the model in the library's types; here both live in one value, so the borrow is told to the
//! compiler as unlimited and kept true by the order of the fields. It must not know how tokens are chosen.

#![allow(unsafe_code)] // The lifetime and the states below; everything else is the library's safe face.

use std::sync::Arc;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::session::LlamaStateSeqFlags;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;

use super::vocab::{LlamaVocabulary, native};
use super::{BATCH, Shape, failure, rolls};
use callwright_infer::backend::{Backend, Batch, Limits, Logits, SeqId};
use callwright_infer::opening;
use callwright_infer::{ModelInfo, StateKey, Vocab};
use callwright_parse::error::{Error, ErrorKind, Result};

/// The shortest context that is made where the model allows more: a question, some tools and a call.
const FEWEST: usize = 1024;

/// A loaded model, ready to compute.
pub(super) struct Llama {
    // Dropped in this order: the context points into the model.
    context: Option<LlamaContext<'static>>,
    batch: LlamaBatch<'static>,
    engine: &'static LlamaBackend,
    shape: Shape,
    /// Tokens that the context holds, or will hold once it is made.
    length: usize,
    vocab: Arc<LlamaVocabulary>,
    info: ModelInfo,
    can_truncate: bool,
    /// What the states that it saves depend on.
    state_key: Option<StateKey>,
    // Keeps alive what the context points into.
    model: Arc<LlamaModel>,
}

impl Llama {
    pub(super) fn new(
        engine: &'static LlamaBackend,
        model: Arc<LlamaModel>,
        shape: Shape,
        length: usize,
        info: ModelInfo,
        vocab: Arc<LlamaVocabulary>,
        state_key: Option<StateKey>,
    ) -> Self {
        let can_truncate = !rolls(&model);
        let batch = LlamaBatch::new(BATCH, i32::try_from(shape.sequences).unwrap_or(1));
        Self { context: None, batch, engine, shape, length, vocab, info, can_truncate, state_key, model }
    }

    /// The context, which is made when the first job says how long it has to be: a context of 4,096 tokens costs a small
    /// model as much time as a dozen tokens.
    pub(super) fn context(&mut self) -> Result<&mut LlamaContext<'static>> {
        match &mut self.context {
            Some(context) => Ok(context),
            none => Ok(none.insert(context(self.engine, &self.model, self.shape, self.length)?)),
        }
    }

    /// Fills the library's batch and gives the places that want logits.
    fn fill(&mut self, batch: &Batch) -> Result<Vec<i32>> {
        if batch.entries().len() > BATCH {
            return Err(Error::new(ErrorKind::Backend, "a batch is larger than the engine allows"));
        }
        self.batch.clear();
        let mut wanted = Vec::new();
        for (index, entry) in (0i32..).zip(batch.entries()) {
            if entry.sequence as usize >= self.shape.sequences || entry.token as usize >= self.vocab.size() {
                return Err(Error::new(ErrorKind::Backend, "a batch names a token or sequence that does not exist"));
            }
            let position = number(entry.position)?;
            let added = self.batch.add(native(entry.token), position, &[entry.sequence.cast_signed()], entry.logits);
            added.map_err(|error| Error::new(ErrorKind::Backend, "cannot fill a batch").because(error))?;
            if entry.logits {
                wanted.push(index);
            }
        }
        Ok(wanted)
    }
}

/// A context over a model. It must be kept beside the model and dropped before it, as [`Llama`] does.
fn context(
    engine: &LlamaBackend,
    model: &Arc<LlamaModel>,
    shape: Shape,
    length: usize,
) -> Result<LlamaContext<'static>> {
    let made = model.new_context(engine, shape.parameters(length));
    let context = made.map_err(|error| failure::of_context(length, error))?;
    // SAFETY: the context borrows the model behind the `Arc`. That model does not move when the `Arc` is moved, and
    // `Llama`, the only one to call this, holds a clone of it in a field that is dropped after the context and never
    // replaced. The context never leaves `Llama`, whose fields are private, so that no borrow outlives the model.
    Ok(unsafe { std::mem::transmute::<LlamaContext<'_>, LlamaContext<'static>>(context) })
}

impl Backend for Llama {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    fn limits(&self) -> Limits {
        Limits {
            batch: BATCH,
            sequences: self.shape.sequences,
            context: self.length,
            can_truncate: self.can_truncate,
            can_fork: self.can_truncate,
            threads: if self.shape.on_cpu { self.shape.threads } else { 1 },
        }
    }

    fn vocab(&self) -> Arc<dyn Vocab> {
        Arc::clone(&self.vocab) as Arc<dyn Vocab>
    }

    fn decode<'a>(&'a mut self, batch: &Batch) -> Result<Logits<'a>> {
        let wanted = self.fill(batch)?;
        if batch.entries().is_empty() {
            return Ok(Logits::default());
        }
        self.context()?;
        let Self { context: Some(context), batch, .. } = self else { return Ok(Logits::default()) };
        context.decode(batch).map_err(failure::of_decode)?;
        Ok(Logits::new(wanted.into_iter().map(|index| context.get_logits_ith(index)).collect()))
    }

    fn truncate(&mut self, sequence: SeqId, len: usize) -> Result<usize> {
        let from = u32::try_from(len).map_err(|_| out_of_range())?;
        // Models with a rolling state cannot forget their last tokens: then all is forgotten.
        let can_truncate = self.can_truncate;
        let Some(context) = &mut self.context else { return Ok(0) };
        let cut = context.clear_kv_cache_seq(Some(sequence), Some(from), None).map_err(cache_trouble)?;
        if cut && (can_truncate || len == 0) {
            return Ok(len);
        }
        context.clear_kv_cache_seq(Some(sequence), None, None).map_err(cache_trouble)?;
        Ok(0)
    }

    fn reserve(&mut self, tokens: usize) -> Result<bool> {
        let most = opening::most(self.info.context_length);
        let wanted = tokens.min(most);
        if self.context.is_none() {
            // Where there is no memory for it, the usual length is what is tried next.
            let length = wanted.next_power_of_two().clamp(FEWEST.min(most), most);
            self.context = Some(context(self.engine, &self.model, self.shape, length)?);
            self.length = length;
            return Ok(false);
        }
        if wanted <= self.length {
            return Ok(false);
        }
        // A job that outgrows a short context once gets the usual one.
        let length = wanted.next_power_of_two().max(opening::CONTEXT).min(most);
        // The old context is dropped when the new one is there, so that a failure leaves a model that works.
        self.context = Some(context(self.engine, &self.model, self.shape, length)?);
        self.length = length;
        Ok(true)
    }

    fn fork(&mut self, from: SeqId, to: SeqId, len: usize) -> Result<bool> {
        if !self.can_truncate {
            return Ok(false);
        }
        let end = u32::try_from(len).map_err(|_| out_of_range())?;
        let context = self.context()?;
        context.clear_kv_cache_seq(Some(to), None, None).map_err(cache_trouble)?;
        let copied = context.kv_cache_seq_cp(from.cast_signed(), to.cast_signed(), Some(0), Some(end));
        copied.map(|()| true).map_err(cache_trouble)
    }

    fn state_key(&self) -> Option<StateKey> {
        self.state_key.clone()
    }

    fn save(&mut self, sequence: SeqId, tokens: usize) -> Result<Vec<u8>> {
        let context = self.context()?;
        if context.kv_cache_seq_pos_max(sequence.cast_signed()).checked_add(1) != Some(number(tokens)?) {
            return Err(Error::new(ErrorKind::Backend, "the sequence is not as long as the state to save"));
        }
        let size = context.state_seq_get_size_ext(sequence.cast_signed(), WHOLE);
        let mut state = vec![0; size];
        // SAFETY: the buffer has as many bytes as the library has just said that it writes for this sequence, and nothing
        // changed the sequence in between.
        let written = unsafe { context.state_seq_get_data_ext(state.as_mut_ptr(), sequence.cast_signed(), WHOLE) };
        if written != size {
            return Err(Error::new(ErrorKind::Backend, "llama.cpp could not save the state of a sequence"));
        }
        Ok(state)
    }

    fn restore(&mut self, sequence: SeqId, state: &[u8], tokens: usize) -> Result<bool> {
        let (to, last) = (sequence.cast_signed(), number(tokens)? - 1);
        let context = self.context()?;
        // SAFETY: the library reads no further than the slice, and refuses what is not a state of this context. It trusts
        // what it reads: these are bytes that `save` gave, which the checksum in front of them has just proven.
        let taken = unsafe { context.state_seq_set_data_ext(state, to, WHOLE) };
        if taken && context.kv_cache_seq_pos_max(to) == last {
            return Ok(true);
        }
        // What it may have left in the cache is cleared.
        self.truncate(sequence, 0)?;
        Ok(false)
    }
}

/// All of a sequence's state, in this machine's memory.
const WHOLE: LlamaStateSeqFlags = LlamaStateSeqFlags::empty();

fn number(position: usize) -> Result<i32> {
    i32::try_from(position).map_err(|_| out_of_range())
}

fn out_of_range() -> Error {
    Error::new(ErrorKind::Backend, "a position in a sequence is out of range")
}

fn cache_trouble(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Backend, "the engine could not change its KV cache").because(error)
}

impl std::fmt::Debug for Llama {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Llama").field("info", &self.info).finish_non_exhaustive()
    }
}
