//! Command lines that cannot be understood: clap's own words, but for a command that is unknown.
//!
//! A suggestion is typed without a second look, so one that deletes is never made. It must not know what commands do.

use std::ffi::OsString;
use std::io::IsTerminal as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};

use callwright_models::alike;
use callwright_parse::error::Error;

use super::shown::shown;
use super::{Arguments, Exit, Printer};

/// Commands that remove something, by all their names.
const DESTRUCTIVE: [&str; 3] = ["rm", "remove", "prune"];

/// Prints what is wrong with the command line; help and the version are results and go to stdout.
pub(super) fn told(given: &[OsString], usage: &clap::Error) -> Exit {
    if usage.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(unknown)) = usage.get(ContextKind::InvalidSubcommand)
    {
        return Printer::plain().failed(&unknown_command(unknown));
    }
    // What clap quotes may be the name of a file that somebody else chose: on a terminal it quotes it spelled out.
    let texts: Vec<_> = given.iter().map(|word| word.to_string_lossy()).collect();
    let spelled: Vec<_> = texts.iter().map(|text| shown(text)).collect();
    let told = if spelled == texts || !std::io::stderr().is_terminal() {
        // clap knows what goes to stdout.
        usage.print()
    } else if let Err(usage) = Arguments::try_parse_from(spelled.iter().map(AsRef::<str>::as_ref)) {
        usage.print()
    } else {
        Printer::plain().trace(&usage.render().to_string());
        Ok(())
    };
    if usage.use_stderr() || told.is_err() { Exit::Failed } else { Exit::Done }
}

fn unknown_command(unknown: &str) -> Error {
    let commands = Arguments::command();
    let shown = commands.get_subcommands().filter(|command| !command.is_hide_set());
    let names = shown.flat_map(|command| std::iter::once(command.get_name()).chain(command.get_visible_aliases()));
    let safe = names.filter(|name| !DESTRUCTIVE.contains(name));
    let hint = match alike(unknown, safe).first() {
        Some(nearest) => format!("did you mean `callwright {nearest}`?"),
        None => "`callwright --help` lists the commands; to ask a model: callwright run 'your question'".to_owned(),
    };
    Error::new(callwright_parse::ErrorKind::Input, format!("unknown command `{unknown}`")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::{DESTRUCTIVE, unknown_command};

    /// Whatever is typed, what is suggested deletes nothing.
    #[test]
    fn no_suggestion_is_destructive() {
        for typed in ["serve", "remov", "rmm", "r", "prun", "prune2", "removed", "rmodel", "del", "rn"] {
            let error = unknown_command(typed);
            let hint = error.hint_text().unwrap_or_default();
            let words: Vec<_> = hint.split(|c: char| !c.is_alphanumeric()).collect();
            assert!(!DESTRUCTIVE.iter().any(|name| words.contains(name)), "{typed}: {hint}");
        }
        assert_eq!(unknown_command("lst").hint_text(), Some("did you mean `callwright list`?"));
    }
}
