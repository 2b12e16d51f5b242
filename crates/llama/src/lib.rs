//! llama.cpp in this process.
//!
//! Settings that were measured to matter are set here and not left to the library: flash attention off on a CPU (on,
//! it halves decoding at 700 tokens of context), one cache that all sequences share, half-precision keys and values.
//! The model's header was read and checked before its file comes here. It must not know how tokens are chosen.

mod context;
mod failure;
mod threads;
mod vocab;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::{LogOptions, send_logs_to_tracing};

use callwright_infer::{Backend, Beforehand, Generator, Lexicon, Local, ModelInfo, Prefixes, Vocab, opening};
use callwright_parse::chat::Prompt;
use callwright_parse::error::{Error, ErrorKind, Result};
use context::Llama;

/// How a model is run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LlamaSettings {
    /// Threads; if absent, as many as there are physical cores, for large models as many of them as are found free, and one
    /// for very small models.
    pub threads: Option<usize>,
    /// Tokens that prompt and answer may have together. If absent, there is memory for what the first
    /// job needs, and more is taken when a prompt needs it, up to what the model was trained with.
    pub context_length: Option<usize>,
    /// Layers to run on the GPU, where the crate was built for one.
    pub gpu_layers: usize,
    /// Whether llama.cpp's own log goes to `tracing`. The first backend of a process decides.
    pub verbose: bool,
    /// Where prompt prefixes are kept from run to run; nowhere if absent.
    pub prefixes: Option<Prefixes>,
}

/// The engine and the version that is built in: that of llama-cpp-sys-2, which brings llama.cpp's sources.
pub const VERSION: &str = "llama.cpp of llama-cpp-sys-2 0.1.161";

/// Tokens of one batch: a whole chunk of a prompt.
const BATCH: usize = 512;
/// Sequences of models with a rolling state, whose whole memory is taken for each of them at once.
const ROLLING: usize = 4;

/// Loads a model file and starts the thread that runs it.
pub fn open(path: &Path, settings: &LlamaSettings) -> Result<Box<dyn Generator>> {
    let (path, settings) = (path.to_owned(), settings.clone());
    let beforehand = Beforehand { prefixes: settings.prefixes.clone(), words: None };
    Ok(Box::new(Local::open_with(beforehand, move || Ok((backend(&path, &settings)?, None)))?))
}

/// The vocabulary of a model file, which needs no weights for it.
pub fn vocabulary(path: &Path) -> Result<Arc<dyn Vocab>> {
    let parameters = LlamaModelParams::default().with_vocab_only(true);
    Ok(Arc::new(vocab::LlamaVocabulary::new(Arc::new(load(path, &parameters, false)?))))
}

/// Opens a model file without its weights: header, vocabulary and the graph of the network. What llama.cpp takes for
/// impossible ends the process here, so this is for a process that may end.
pub fn rehearse(path: &Path) -> Result<()> {
    let model = Arc::new(load(path, &LlamaModelParams::default().with_no_alloc(true), false)?);
    let vocab = Lexicon::new(Arc::new(vocab::LlamaVocabulary::new(Arc::clone(&model))));
    let prompt = Prompt::markup("What is the weather in Oslo?\n1 + 2, \u{e9} \u{1f600}<|x|>");
    drop(vocab.prompt_tokens(&prompt));
    let shape = Shape::of(&model, 1, true);
    let (_, length) = opening::lengths(None, model.n_ctx_train() as usize)?;
    let made = model.new_context(engine(false)?, shape.parameters(length));
    made.map(drop).map_err(|error| failure::of_context(length, error))
}

/// Loads a model file as a backend, on the thread that is to use it.
pub fn backend(path: &Path, settings: &LlamaSettings) -> Result<Box<dyn Backend>> {
    let parameters = LlamaModelParams::default().with_n_gpu_layers(u32_of(settings.gpu_layers));
    let model = load(path, &parameters, settings.verbose)?;
    let model = Arc::new(model);
    let (most, first) = opening::lengths(settings.context_length, model.n_ctx_train() as usize)?;
    let info = info(&model, path, most);
    let vocab = Arc::new(vocab::LlamaVocabulary::new(Arc::clone(&model)));
    let threads = settings.threads.unwrap_or_else(|| threads::of_weights(model.size())).max(1);
    let shape = Shape::of(&model, threads, settings.gpu_layers == 0);
    let key = opening::state_key(VERSION, &format!("{shape:?}"), path, &info);
    let mut llama = Llama::new(engine(settings.verbose)?, model, shape, first, info, vocab, key);
    if settings.context_length.is_some() {
        llama.context()?;
    }
    Ok(Box::new(llama))
}

fn load(path: &Path, parameters: &LlamaModelParams, verbose: bool) -> Result<LlamaModel> {
    opening::require_file(path)?;
    LlamaModel::load_from_file(engine(verbose)?, path, parameters).map_err(|error| failure::of_load(path, error))
}

/// Whether a model keeps one rolling state for all tokens, from which none can be taken back.
fn rolls(model: &LlamaModel) -> bool {
    model.is_recurrent() || model.is_hybrid()
}

/// What a context is made with, its length aside.
#[derive(Debug, Clone, Copy)]
struct Shape {
    threads: usize,
    sequences: usize,
    on_cpu: bool,
}

impl Shape {
    fn of(model: &LlamaModel, threads: usize, on_cpu: bool) -> Self {
        Self { threads, sequences: if rolls(model) { ROLLING } else { opening::SEQUENCES }, on_cpu }
    }

    fn parameters(self, context_length: usize) -> LlamaContextParams {
        let threads = i32::try_from(self.threads).unwrap_or(i32::MAX);
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(u32_of(context_length)))
            .with_n_batch(u32_of(BATCH))
            .with_n_ubatch(u32_of(BATCH))
            .with_n_seq_max(u32_of(self.sequences))
            .with_kv_unified(true)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        if self.on_cpu { parameters.with_flash_attention_policy(FLASH_ATTENTION_OFF) } else { parameters }
    }
}

/// What llama.cpp names `LLAMA_FLASH_ATTN_TYPE_DISABLED`; llama-cpp-2 has no name for it.
const FLASH_ATTENTION_OFF: std::ffi::c_int = 0;

/// llama.cpp is initialised once in a process and never shut down: another model may follow.
fn engine(verbose: bool) -> Result<&'static LlamaBackend> {
    static ENGINE: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    // Never to stderr by itself: what it quotes of a model file may speak to a terminal.
    send_logs_to_tracing(LogOptions::default().with_logs_enabled(verbose));
    let engine = ENGINE.get_or_init(|| LlamaBackend::init().ok());
    engine.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::Backend, "llama.cpp could not be initialised")
            .hint("something else in this process has initialised it already")
    })
}

fn info(model: &LlamaModel, path: &Path, context_length: usize) -> ModelInfo {
    let text = |key: &str| model.meta_val_str(key).ok().filter(|value| !value.is_empty());
    ModelInfo {
        name: opening::name(text("general.name").as_deref(), path),
        context_length,
        trained_context_length: model.n_ctx_train() as usize,
        parameters: model.n_params(),
        architecture: text("general.architecture").unwrap_or_default(),
        bytes: model.size(),
    }
}

fn u32_of(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_that_is_built_in() {
        let manifest = include_str!("../Cargo.toml");
        let pinned = manifest.lines().find_map(|line| line.strip_prefix("llama-cpp-sys-2 = { version = \"="));
        let pinned = pinned.and_then(|rest| rest.split('"').next());
        assert_eq!(pinned, super::VERSION.rsplit(' ').next());
    }
}
