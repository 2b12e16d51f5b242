//! `callwright completions`: what a shell needs to complete our arguments.

use clap::CommandFactory as _;
use clap_complete::Shell;

use callwright_parse::error::{Error, ErrorKind, Result};

use super::{Arguments, Exit, World};

/// Print shell completions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  callwright completions bash > ~/.local/share/bash-completion/completions/callwright")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "callwright", &mut script);
    let script = String::from_utf8(script)
        .map_err(|cause| Error::new(ErrorKind::Io, "the completions are not valid UTF-8").because(cause))?;
    world.printer.write(&script)?;
    Ok(Exit::Done)
}
