//! `callwright prices`: what models cost, as far as that is known, and where it was read.

use std::path::PathBuf;
use std::time::SystemTime;

use comfy_table::Table;
use serde_json::json;

use callwright_parse::chat::Money;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_prompt::Clock;
use callwright_providers::price::{Price, import};

use super::{Exit, World, out, table};

/// List known prices, or import a price list
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  callwright prices                       every price, in USD per million tokens
  callwright prices luna                  models whose name contains `luna`
  callwright prices import prices.json    LiteLLM's or models.dev's list, downloaded by you

Prices are never downloaded. The price of a model that is not listed is unknown, not 0.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Show only models whose name contains this
    name: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Import a price list; it overrides the built-in prices, and your own prices.toml overrides it
    Import {
        /// The list: LiteLLM's or models.dev's JSON
        file: PathBuf,
    },
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    match &args.what {
        Some(What::Import { file }) => take(file, world),
        None => show(args.name.as_deref().unwrap_or_default(), world),
    }
}

fn take(file: &PathBuf, world: &World) -> Result<Exit> {
    let text = std::fs::read_to_string(file)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot read {}", file.display())).because(cause))?;
    let today = Clock::of(SystemTime::now()).format("%Y-%m-%d");
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let prices = import(&text, &name, &today)?;
    let path = world.settings.imported_prices();
    out::own_folder(&world.settings.config)?;
    let toml = prices.to_toml()?;
    out::keep(&path, |file| {
        file.write_all(b"# Imported by `callwright prices import`; the next import replaces all of it.\n\n")?;
        file.write_all(toml.as_bytes())
    })?;
    world.printer.note(&format!("wrote {} prices to {}", prices.len(), path.display()));
    Ok(Exit::Done)
}

fn show(name: &str, world: &World) -> Result<Exit> {
    let prices = world.settings.prices()?;
    let found: Vec<(&str, &Price)> = prices.iter().filter(|(row, _)| row.contains(&name.to_lowercase())).collect();
    if world.printer.wants_json() {
        let told = |(name, price): &(&str, &Price)| json!({"model": name, "microdollars_a_million": price});
        world.printer.json(&found.iter().map(told).collect::<Vec<_>>())?;
    } else if !found.is_empty() {
        world.printer.line(&listed(&found))?;
        world.printer.aside("$/M: USD per million tokens");
    }
    Ok(if found.is_empty() { Exit::No } else { Exit::Done })
}

fn listed(found: &[(&str, &Price)]) -> String {
    let mut table = Table::new();
    table.set_header([
        "MODEL",
        "INPUT $/M",
        "OUTPUT $/M",
        "CACHE READ $/M",
        "CACHE WRITE $/M",
        "TIERS (TOKENS)",
        "CHECKED",
        "SOURCE",
    ]);
    let dollars = |amount: u64| Money::of_microdollars(amount).to_string();
    let perhaps = |amount: Option<u64>| amount.map_or_else(|| "-".to_owned(), dollars);
    for (name, price) in found {
        let tiers: Vec<_> = price.tiers.iter().map(|tier| format!(">{}", tier.above)).collect();
        table.add_row([
            (*name).to_owned(),
            dollars(price.input),
            dollars(price.output),
            perhaps(price.cache_read),
            perhaps(price.cache_write),
            tiers.join(" "),
            price.checked.clone(),
            price.source.clone(),
        ]);
    }
    table::plain(table)
}
