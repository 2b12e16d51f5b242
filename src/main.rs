//! Arguments to exit code; everything between is `callwright::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    callwright::cli::run(std::env::args_os()).into()
}
