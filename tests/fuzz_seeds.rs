//! The fuzz targets over what they begin with, and over what fuzzing has found: a bug that was found stays found.
//!
//! The bodies are those that the fuzzers run (`fuzz/src/targets/`); here they see the seeds only, so it takes seconds.

#[path = "../fuzz/src/targets/mod.rs"]
#[allow(clippy::missing_panics_doc, unreachable_pub, dead_code, reason = "a library there, a module here")]
mod targets;

use callwright_test_support::root;

#[test]
fn no_seed_breaks_a_law() {
    for (name, target) in targets::ALL {
        let seeds = targets::seeds::of(name, &root());
        assert!(seeds.len() > 4, "{name} has no seeds");
        // Each pattern of `linear` takes tenths of a second here; law_4 in read_laws.rs tries more, and longer ones.
        let every = if name == "linear" { 10 } else { 1 };
        seeds.iter().step_by(every).for_each(|seed| target(seed));
    }
}

#[test]
fn what_fuzzing_found_stays_found() {
    for (name, target) in targets::ALL {
        for (path, bytes) in targets::seeds::found(name, &root()) {
            assert!(std::panic::catch_unwind(|| target(&bytes)).is_ok(), "{} breaks a law again", path.display());
        }
    }
}
