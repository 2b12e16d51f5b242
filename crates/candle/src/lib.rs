//! candle in this process: models of the llama family, in Rust alone.
//!
//! candle-core brings the quantized weights and their products, `tokenizers` the merging of tokens; the network and its
//! cache are written here, because candle's own models hold one sequence, give the logits of its last token only, and
//! can forget nothing. With these, forced tokens, drafts, shared prefixes and batches work as they do on llama.cpp.
//! It must not know how tokens are chosen.

mod architecture;
mod attention;
mod cache;
mod engine;
mod file;
mod model;
mod rope;
mod tokenizer;
mod weights;

use std::path::Path;
use std::sync::Arc;

use candle_core::utils::barrier_pool;

use architecture::Shape;
use cache::Cache;
use callwright_infer::{Backend, Beforehand, Generator, Local, ModelInfo, Prefixes, Vocab, opening};
use callwright_parse::chat::counted;
use callwright_parse::error::{Error, ErrorKind, Result};
use engine::Candle;
use file::File;
use model::Model;
use tokenizer::Tokenizer;

/// How a model is run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CandleSettings {
    /// Threads. candle has as many for all models of a process, physical cores or what the environment variable
    /// `CANDLE_NUM_THREADS` says; another number than that is refused.
    pub threads: Option<usize>,
    /// Tokens that prompt and answer may have together; what the model was trained with if absent. Memory for them is
    /// taken when they come.
    pub context_length: Option<usize>,
    /// Layers to be computed by a GPU, which candle refuses here.
    pub gpu_layers: usize,
    /// Where the beginnings of prompts are kept from run to run; nowhere if absent.
    pub prefixes: Option<Prefixes>,
}

/// The engine and the version that is built in.
pub const VERSION: &str = concat!("candle, callwright-candle ", env!("CARGO_PKG_VERSION"));

/// Loads a model file and starts the thread that runs it.
pub fn open(path: &Path, settings: &CandleSettings) -> Result<Box<dyn Generator>> {
    let (path, settings) = (path.to_owned(), settings.clone());
    let beforehand = Beforehand { prefixes: settings.prefixes.clone(), words: None };
    Ok(Box::new(Local::open_with(beforehand, move || Ok((backend(&path, &settings)?, None)))?))
}

/// The vocabulary of a model file, which needs no weights for it.
pub fn vocabulary(path: &Path) -> Result<Arc<dyn Vocab>> {
    opening::require_file(path)?;
    Ok(Arc::new(Tokenizer::of(&File::open(path)?)?))
}

/// Loads a model file as a backend, on the thread that is to use it.
pub fn backend(path: &Path, settings: &CandleSettings) -> Result<Box<dyn Backend>> {
    require_threads(settings.threads)?;
    if settings.gpu_layers > 0 {
        return Err(Error::new(ErrorKind::Input, "the candle engine cannot use a GPU").hint("use `--backend llama`"));
    }
    opening::require_file(path)?;
    let mut file = File::open(path)?;
    let shape = Shape::of(&file)?;
    let vocab = Arc::new(Tokenizer::of(&file)?);
    if vocab.size() != shape.vocabulary {
        let what = format!("a vocabulary of {} tokens for {} embeddings", vocab.size(), shape.vocabulary);
        return Err(file.unsupported(&what));
    }
    let model = Model::load(&mut file, &shape)?;
    let (most, first) = opening::lengths(settings.context_length, shape.context)?;
    let (parameters, bytes) = file.size();
    let info = ModelInfo {
        name: opening::name(file.text("general.name"), path),
        context_length: most,
        trained_context_length: shape.context,
        parameters,
        architecture: file.architecture().to_owned(),
        bytes,
    };
    let state_key = opening::state_key(VERSION, &format!("{shape:?}"), path, &info);
    let cache = Cache::new(&shape, opening::SEQUENCES);
    Ok(Box::new(Candle { model, cache, vocab, info, length: first, state_key, logits: Vec::new() }))
}

/// Fails where other threads are asked for than candle has.
fn require_threads(asked: Option<usize>) -> Result<()> {
    // The one that asks works, too.
    let there = barrier_pool().n_workers() + 1;
    match asked {
        Some(asked) if asked != there => {
            let message = format!("the candle engine has {}, not {asked}", counted(there, "thread"));
            let hint = format!("set the environment variable CANDLE_NUM_THREADS={asked} before the program starts");
            Err(Error::new(ErrorKind::Config, message).hint(hint))
        }
        _ => Ok(()),
    }
}
