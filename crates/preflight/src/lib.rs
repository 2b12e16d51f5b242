//! Nothing at run time: this crate is its build script, which says what the build of llama.cpp lacks on this machine.
//!
//! It is a crate of its own because cargo runs a package's build script only after those of its dependencies that link
//! a C library. A check in the crate that uses llama.cpp would come after the panic that it is to prevent; a crate that
//! depends on nothing is built first, and cargo starts nothing more once it has failed.
