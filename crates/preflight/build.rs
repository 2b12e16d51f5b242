//! Looks for what llama.cpp and its bindings are built with, and fails with one sentence that names what is missing.
//!
//! It installs nothing (`.ci/setup` does) and checks no versions: cmake and the compilers say those themselves.

#![allow(clippy::disallowed_methods, reason = "a build script is told by the environment what it builds with")]

use std::env;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["PATH", "LIBCLANG_PATH", "LLVM_CONFIG_PATH", "LD_LIBRARY_PATH", "CMAKE", "CXX"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let missing = missing();
    if !missing.is_empty() {
        println!(
            "cargo::error=llama.cpp cannot be built without {}: run .ci/setup, or on Debian and Ubuntu \
             `sudo apt-get install cmake g++ libclang-dev`, or build without the feature `llama`",
            missing.join(" and ")
        );
    }
}

fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    if clang_sys::load().is_err() {
        missing.push(match env::var("LIBCLANG_PATH") {
            Ok(path) => format!("libclang (LIBCLANG_PATH is \"{path}\", where there is none)"),
            Err(_) => "libclang".to_owned(),
        });
    }
    if !runs(&env::var("CMAKE").unwrap_or_else(|_| "cmake".to_owned())) {
        missing.push("cmake".to_owned());
    }
    // Elsewhere the compiler is found by other means than its name.
    if cfg!(unix) && env::var_os("CXX").is_none() && !["c++", "g++", "clang++"].into_iter().any(runs) {
        missing.push("a C++ compiler".to_owned());
    }
    missing
}

fn runs(program: &str) -> bool {
    let told = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    told.is_ok_and(|status| status.success())
}
