//! `callwright providers`: who may be asked over the wire, and whether one answers.

use std::sync::Arc;

use clap::Subcommand;
use comfy_table::Table;
use serde::Serialize;

use callwright_parse::error::Result;
use callwright_providers::{Ability, Capabilities, Gate, Kind, ProviderRow};

use super::{Exit, World, block_on, table};

/// List the providers, or test one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright providers                    all known providers, and which have a key
  callwright providers test ollama        check the address, the key and a tool call
  callwright providers --json | jq -r '.[] | select(.key == \"set\").name'

Only `test` contacts a provider. Add or override providers in callwright.toml, under [providers.NAME].")]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check that a provider answers, accepts the key, has the model and makes a small tool call (which may cost a little)
    Test {
        /// The provider
        name: String,
    },
}

/// One line.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    kind: Kind,
    dialect: String,
    hosts: Vec<String>,
    model: Option<String>,
    /// `set`, `missing`, or `none` where no key is wanted.
    key: &'static str,
    key_variable: Option<String>,
    capabilities: Capabilities,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    match &args.what {
        None => list(world),
        Some(What::Test { name }) => test(name, world),
    }
}

fn list(world: &World) -> Result<Exit> {
    let catalog = world.settings.catalog()?;
    // Behind a closed gate: a list contacts no provider.
    let registry = world.settings.providers(&Arc::new(Gate::shut()))?;
    for (_, why) in catalog.broken() {
        world.printer.warn(why);
    }
    let line = |row: &Arc<ProviderRow>| {
        let provider = match registry.get(&row.name) {
            Ok(provider) => provider,
            Err(error) => {
                world.printer.warn(&error.to_string());
                return None;
            }
        };
        let info = provider.info();
        let model = info.model.as_deref().unwrap_or_default();
        Some(Line {
            name: row.name.clone(),
            kind: row.kind,
            dialect: info.dialect.clone(),
            hosts: info.hosts.clone(),
            model: row.model.clone(),
            key: key(row, info.has_key),
            key_variable: row.key.clone(),
            capabilities: provider.capabilities(model),
        })
    };
    let lines: Vec<_> = catalog.iter().filter_map(line).collect();
    if world.printer.wants_json() {
        world.printer.json(&lines)?;
    } else {
        world.printer.line(&shown(&lines))?;
        world.printer.aside("`callwright providers test NAME` checks one");
    }
    Ok(Exit::Done)
}

fn key(row: &ProviderRow, is_there: bool) -> &'static str {
    match (is_there, row.key.is_some() || row.key_file.is_some(), row.kind) {
        (true, ..) => "set",
        (false, true, Kind::Cloud) => "missing",
        _ => "none",
    }
}

fn shown(lines: &[Line]) -> String {
    let mut shown = Table::new();
    shown.set_header(["NAME", "KIND", "DIALECT", "HOST", "KEY", "NOT SUPPORTED"]);
    for line in lines {
        let kind = match line.kind {
            Kind::Cloud => "cloud",
            Kind::Local => "local",
            Kind::Hybrid => "hybrid",
        };
        let key = match (line.key, &line.key_variable) {
            ("missing", Some(variable)) => format!("set {variable}"),
            (key, _) => key.to_owned(),
        };
        let choices = [
            (Ability::Tools, "tools"),
            (Ability::RequiredChoice, "required call"),
            (Ability::NamedChoice, "named call"),
            (Ability::Sampling, "sampling"),
        ];
        let lacks: Vec<_> =
            choices.into_iter().filter(|(ability, _)| !line.capabilities.can(*ability)).map(|(_, word)| word).collect();
        let hosts = line.hosts.join(", ");
        shown.add_row([line.name.clone(), kind.to_owned(), line.dialect.clone(), hosts, key, lacks.join(", ")]);
    }
    table::plain(shown)
}

fn test(name: &str, world: &World) -> Result<Exit> {
    let row = Arc::clone(world.settings.catalog()?.get(name)?);
    // A key file that cannot be read is reported here, where it matters.
    world.settings.key(&row)?;
    let provider = world.settings.providers(&Arc::new(world.settings.gate()))?.get(name)?;
    let check = block_on(provider.check())?;
    if world.printer.wants_json() {
        world.printer.json(&check)?;
    } else {
        for step in &check.steps {
            let mark = if step.ok { "ok " } else { "BAD" };
            world.printer.hanging(16, &format!("{mark}  {:10} {}", step.what, step.found))?;
            if let Some(hint) = &step.hint {
                world.printer.hanging(16, &format!("     {:10} hint: {hint}", ""))?;
            }
        }
    }
    Ok(if check.is_ok() { Exit::Done } else { Exit::No })
}
