//! `callwright audit`: what left this machine, when, where to and why.

use comfy_table::Table;
use indicatif::DecimalBytes;

use callwright_parse::error::Result;
use callwright_providers::{Audit, Line};

use super::{Exit, World, table};

/// Show what was sent to providers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright audit                             the last 20 requests
  callwright audit --last 0 --json             all of them, as JSON
  callwright audit --json | jq '.[].sha256'

Each request is recorded before its first byte is sent: time, provider, model, host, reason, bytes and SHA-256 of the
body. OUTCOME says what became of it: `sent`; `refused`, because the address is not allowed; `failed`, because there was
no connection and no byte was sent; `unknown`, because the program ended or did not wait for the answer. The body itself
is kept only with `[egress] audit_bodies = true`.")]
pub(super) struct Args {
    /// Show only the last N; 0 shows all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// Show only what was sent to this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let file = world.settings.audit();
    let wanted = |line: &Line| args.provider.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&line.provider));
    let found = Audit::read(&file)?;
    if found.skipped > 0 {
        world.printer.warn(&format!("{} unreadable line(s) of {} are left out", found.skipped, file.display()));
    }
    let mut lines: Vec<_> = found.lines.into_iter().filter(wanted).collect();
    if args.last > 0 {
        lines.drain(..lines.len().saturating_sub(args.last));
    }
    if world.printer.wants_json() {
        world.printer.json(&lines)?;
    } else if lines.is_empty() {
        world.printer.note("nothing has left this machine");
    } else {
        world.printer.line(&shown(&lines))?;
        world.printer.aside(&format!("recorded in {}", file.display()));
    }
    Ok(Exit::Done)
}

fn shown(lines: &[Line]) -> String {
    let mut shown = Table::new();
    shown.set_header(["TIME", "PROVIDER", "MODEL", "HOST", "REASON", "OUTCOME", "SIZE", "SHA-256"]);
    for line in lines {
        let model = if line.model.is_empty() { "-" } else { line.model.as_str() };
        let bytes = DecimalBytes(line.bytes as u64).to_string();
        let hash: String = line.sha256.chars().take(12).collect();
        let (time, outcome) = (line.time.as_str(), line.became.as_str());
        shown.add_row([time, &line.provider, model, &line.host, &line.reason, outcome, &bytes, &hash]);
    }
    table::plain(shown)
}
