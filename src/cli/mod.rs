//! Arguments to command to exit code: one command, one file.
//!
//! A command gets its arguments and the [`World`], does its work through the library, prints data on stdout and all
//! else on stderr through the one [`Printer`], and returns an [`Exit`]. It reads no environment variable (`config`
//! does) and ends no process (`main` does), so that tests can run it.

mod printer;

use std::ffi::OsString;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::Settings;
use crate::error::Result;

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
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Failed => 2,
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

/// Makes any local language model a dependable tool caller.
#[derive(Debug, Parser)]
#[command(name = "callwright", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done; 1 it ran and the answer is no; 2 it could not be done.")]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print JSON on stdout instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Never use the network: neither a model hub nor a package mirror
    #[arg(long, global = true)]
    offline: bool,
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Show what goes on inside, the engine's own log included
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Draw no progress bars
    #[arg(long, global = true)]
    no_progress: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where the output is a terminal and `NO_COLOR` is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {}

/// Runs the command line and says how it ended; every error has been told by then.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => {
            // Help and version are results, so they go to stdout; clap knows which is which.
            let told = usage.print();
            return if usage.use_stderr() || told.is_err() { Exit::Failed } else { Exit::Done };
        }
    };
    let global = &arguments.global;
    let printer = Printer::new(global.json, global.quiet, global.verbose, !global.no_progress, global.color);
    let world = match Settings::read() {
        Ok(settings) => World { settings: settings.offline_if(global.offline), printer },
        Err(error) => return printer.failed(&error),
    };
    match dispatch(arguments.command, &world) {
        Ok(exit) => exit,
        Err(error) => world.printer.failed(&error),
    }
}

fn dispatch(command: Command, _world: &World) -> Result<Exit> {
    match command {}
}
