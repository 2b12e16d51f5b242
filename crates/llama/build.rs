//! Does nothing, so that `callwright-preflight` is built early.
//!
//! That crate's build script says in one sentence what llama.cpp cannot be built without, and it has to speak before
//! bindgen panics over a missing libclang. cargo starts first what most others wait for. As a plain dependency the check
//! would wait for a free processor longer than llama.cpp's own build script; behind a build script it has two steps more
//! after it, and goes first. Simulated and tried with 2, 4, 8 and 16 jobs.

fn main() {}
