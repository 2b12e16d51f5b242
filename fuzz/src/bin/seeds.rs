//! Writes the seeds of every target into `fuzz/corpus/`, where libFuzzer looks for them.

use std::fs;
use std::path::Path;

use callwright_fuzz::targets::{ALL, seeds};

fn main() -> std::io::Result<()> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, _) in ALL {
        let folder = own.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        let seeds = seeds::of(target, &own.join(".."));
        println!("{target}: {} seeds", seeds.len());
        for (index, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:04}")), seed)?;
        }
    }
    Ok(())
}
