//! callwright
fn main() {}
