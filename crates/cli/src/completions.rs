//! `callwright completions`: what a shell needs to complete our arguments, names of models, formats and profiles included.
//!
//! The names are those of the day on which the script is made: a script that asked the program at each key would start
//! it at each key.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory as _};
use clap_complete::Shell;

use callwright_parse::error::{Error, ErrorKind, Result};

use super::{Arguments, Exit, World};

/// Print shell completions
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  callwright completions bash > ~/.local/share/bash-completion/completions/callwright

Run it again after you pulled a model or added a profile: the names are written into the script.")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// The names that may follow.
struct Names {
    models: Vec<String>,
    formats: Vec<String>,
    profiles: Vec<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let names = Names::of(world)?;
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut names.put_into(Arguments::command()), "callwright", &mut script);
    let mut script = String::from_utf8(script)
        .map_err(|cause| Error::new(ErrorKind::Io, "the completions are not valid UTF-8").because(cause))?;
    if args.shell == Shell::Bash {
        // bash would take the name behind a colon for a word of its own.
        script.push_str("\nCOMP_WORDBREAKS=${COMP_WORDBREAKS//:}\n");
    }
    world.printer.write(&script)?;
    Ok(Exit::Done)
}

impl Names {
    fn of(world: &World) -> Result<Self> {
        let registry = world.settings.registry()?;
        let here = world.settings.store().list(&registry);
        let mut models: Vec<_> = registry.iter().map(|row| row.name.clone()).collect();
        models.extend(here.iter().map(|entry| entry.located.name.to_string()));
        models.sort();
        models.dedup();
        let formats = world.settings.formats()?.iter().map(|format| format.name().to_owned()).collect();
        Ok(Self { models, formats, profiles: world.settings.profiles() })
    }

    /// The command with these names as the values of its arguments, and those of its subcommands.
    fn put_into(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| self.named(arg));
        let below: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        below.iter().fold(command, |command, name| command.mut_subcommand(name, |command| self.put_into(command)))
    }

    fn named(&self, arg: Arg) -> Arg {
        let shows =
            |word: &str| arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.contains(word)));
        let mut names = Vec::new();
        if shows("MODEL") && !shows("NAME[:MODEL]") {
            names.extend_from_slice(&self.models);
        }
        if arg.get_id() == "format" || shows("FORMAT") {
            names.extend_from_slice(&self.formats);
        }
        if arg.get_id() == "profile" {
            names.extend_from_slice(&self.profiles);
        }
        // No help for hundreds of names: `--help` does not come from here.
        if names.is_empty() { arg } else { arg.value_parser(PossibleValuesParser::new(names)) }
    }
}
