//! Arguments to exit code; everything between is `callwright_cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    callwright_cli::run(std::env::args_os()).into()
}
