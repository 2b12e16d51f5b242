//! Arguments to command to exit code: one command, one file.
//!
//! A command gets its arguments and the [`World`], does its work through the library, prints data on stdout and all
//! else on stderr through the one [`Printer`], and returns an [`Exit`]. It reads no environment variable (`config`
//! does) and ends no process (`main` does), so that tests can run it.

mod ask;
mod audit;
mod bar;
mod bench;
mod chat;
mod completions;
mod config;
mod conversation;
mod doctor;
mod engine_log;
mod flow;
mod grammar;
mod list;
mod man;
mod misused;
mod model;
mod out;
mod parse;
mod prices;
mod printer;
mod prompt;
mod providers;
mod prune;
mod pull;
mod rm;
mod run;
mod sampling;
mod serve;
pub mod settings;
mod show;
mod show_format;
mod shown;
mod table;
mod tools;
mod trial;
mod usage;
mod verdict;
mod verify;
mod version;
mod words;
mod wrap;

use std::ffi::OsString;
use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::settings::{Flags, Settings};
use callwright_models::{Located, ModelName, Source};
use callwright_parse::check::Level;
use callwright_parse::error::{Error, ErrorKind, Result};

pub use printer::Printer;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done: 0.
    Done,
    /// It ran, and the answer is no (no valid call, a gate that failed): 1.
    No,
    /// It could not be done: 2.
    Failed,
    /// Ctrl-C ended it: 130, as shells have it.
    Interrupted,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Failed => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// What every command is given: the settings and the way to speak.
#[derive(Debug)]
pub struct World {
    /// Where things are and what is allowed.
    pub settings: Settings,
    /// The only way to print.
    pub printer: Printer,
}

impl World {
    /// Finds a model that a project's file names. Nothing is fetched for it, and nobody else is asked in its place.
    pub(crate) fn here(&self, name: &str, project: &Path) -> Result<Located> {
        let named = self.settings.model(name);
        let hint = match &named {
            Ok(ModelName::Path(_)) => "put the file there, or name another model".to_owned(),
            Err(_) => "name another model: `callwright list --all` lists known names".to_owned(),
            Ok(name) => format!(
                "`callwright pull {name}` fetches it; `callwright config trust`, if you know that folder, lets its file do so"
            ),
        };
        named.and_then(|name| self.settings.store().locate(&name)).map_err(|missing| {
            let message = format!("{} names the model `{name}`, which is not on this machine", project.display());
            Error::new(ErrorKind::Config, message).because(missing).hint(hint)
        })
    }

    /// Finds a model, or pulls it where it is not on this machine and the network may be used.
    pub(crate) fn pull(&self, name: &ModelName) -> Result<Located> {
        let store = self.settings.store();
        let found = store.locate(name);
        if found.as_ref().is_ok_and(|located| located.source == Source::Memory) {
            let folder = self.settings.places.cache.display();
            self.printer.warn(&format!("cannot write to {folder}: running the built-in model from memory"));
        }
        match found {
            Err(missing) if missing.kind() == ErrorKind::ModelMissing && !matches!(name, ModelName::Path(_)) => {
                self.printer.note(&format!("{name} is not on this machine yet: pulling it"));
                store.pull(name, &mut bar::Bar::new(self.printer))
            }
            found => found,
        }
    }
}

/// Makes any local language model a dependable tool caller.
#[derive(Debug, Parser)]
#[command(name = "callwright", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 success; 1 it ran, but the answer is no (such as no valid call); 2 error.")]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print JSON on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Never use the network: no model hub, no package mirror, no provider
    #[arg(long, global = true)]
    offline: bool,
    /// Apply the settings of `[profile.NAME]` in callwright.toml
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Set a key of callwright.toml for this run, such as fallback.enabled=true (repeatable)
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Trust the project's callwright.toml for this run (see `callwright config trust`)
    #[arg(long, global = true)]
    trust: bool,
    /// Print only results and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print more detail, including the engine's own log
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Write control characters of models, files and providers to the terminal as they are
    #[arg(long, global = true)]
    raw: bool,
    /// Show no progress bars
    #[arg(long, global = true)]
    no_progress: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If the output is a terminal and `NO_COLOR` is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Chat(chat::Args),
    Parse(parse::Args),
    Bench(bench::Args),
    Serve(serve::Args),
    Grammar(grammar::Args),
    Prompt(prompt::Args),
    Pull(pull::Args),
    List(list::Args),
    Show(show::Args),
    Rm(rm::Args),
    Prune(prune::Args),
    Verify(verify::Args),
    Usage(usage::Args),
    Prices(prices::Args),
    Providers(providers::Args),
    Audit(audit::Args),
    Config(config::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
    Trial(trial::Args),
}

/// Runs the command line and returns how it ended; every error has been printed by then.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let given: Vec<OsString> = arguments.into_iter().collect();
    let matches = Arguments::command().long_version(version::long()).try_get_matches_from(&given);
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(usage) => return misused::told(&given, &usage),
    };
    let global = &arguments.global;
    let printer = Printer::new(global);
    if let Command::Trial(args) = &arguments.command {
        // Whoever started it has read the settings.
        return trial::run(args).unwrap_or_else(|error| printer.failed(&error));
    }
    let only_look = matches!(arguments.command, Command::Config(_));
    let flags = Flags {
        offline: global.offline,
        profile: global.profile.clone(),
        set: global.set.clone(),
        trust: global.trust,
        only_look,
    };
    let world = match Settings::read_with(&flags) {
        Ok(settings) => World { settings, printer },
        Err(error) => return printer.failed(&error),
    };
    for stranger in settings::strangers() {
        printer.warn(&stranger);
    }
    if !only_look {
        tell_of_refused(&world);
    }
    match dispatch(&arguments.command, &world) {
        Ok(exit) => exit,
        Err(error) => world.printer.failed(&error),
    }
}

/// Says which settings do not apply, and the way out.
fn tell_of_refused(world: &World) {
    let refused = world.settings.layers.refused();
    for refusal in refused {
        world.printer.warn(&refusal.to_string());
    }
    if refused.iter().any(|refusal| refusal.needs_trust) {
        world.printer.hint(config::TRUST);
    }
}

fn dispatch(command: &Command, world: &World) -> Result<Exit> {
    match command {
        Command::Run(args) => run::run(args, world),
        Command::Chat(args) => chat::run(args, world),
        Command::Parse(args) => parse::run(args, world),
        Command::Bench(args) => bench::run(args, world),
        Command::Serve(args) => serve::run(args, world),
        Command::Grammar(args) => grammar::run(args, world),
        Command::Prompt(args) => prompt::run(args, world),
        Command::Pull(args) => pull::run(args, world),
        Command::List(args) => list::run(args, world),
        Command::Show(args) => show::run(args, world),
        Command::Rm(args) => rm::run(args, world),
        Command::Prune(args) => prune::run(args, world),
        Command::Verify(args) => verify::run(args, world),
        Command::Usage(args) => usage::run(args, world),
        Command::Prices(args) => prices::run(args, world),
        Command::Providers(args) => providers::run(args, world),
        Command::Audit(args) => audit::run(args, world),
        Command::Config(args) => config::run(args, world),
        Command::Doctor(args) => doctor::run(args, world),
        Command::Completions(args) => completions::run(args, world),
        Command::Man(args) => man::run(args),
        Command::Trial(args) => trial::run(args),
    }
}

/// Runs an engine's futures. One thread is enough: the engine has its own.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|cause| Error::new(ErrorKind::Io, "cannot start the runtime").because(cause))?.block_on(future)
}

/// How `--level` is read.
fn level() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(["strict", "standard", "lenient"]).map(|word| match word.as_str() {
        "strict" => Level::Strict,
        "lenient" => Level::Lenient,
        _ => Level::Standard,
    })
}
