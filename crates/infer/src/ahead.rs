//! Logits masks computed while the model computes.
//!
//! Where the next token is to be chosen is known before its logits are, so that its mask can be made meanwhile, on a
//! processor that the engine leaves free. Most masks take microseconds, less than waking a thread: only turns whose last
//! mask took long get one. It must not know what masks are made of.

use std::thread;
use std::time::Duration;

use super::backend::{Backend, Batch, Logits};
use super::turn::ActiveJob;
use callwright_parse::error::Result;

/// Masks that take longer than this are made beside the model: several times what a thread costs.
const SLOW: Duration = Duration::from_micros(200);

/// Computes a batch, and meanwhile the masks of those turns that are slow at it.
pub(super) fn decode<'b>(backend: &'b mut dyn Backend, batch: &Batch, turns: &mut [ActiveJob]) -> Result<Logits<'b>> {
    let mut slow: Vec<&mut ActiveJob> = turns.iter_mut().filter(|turn| turn.mask_time() > SLOW).collect();
    if slow.is_empty() || !leaves_one_free(&*backend) {
        return backend.decode(batch);
    }
    thread::scope(|scope| {
        let masks = move || slow.iter_mut().for_each(|turn| turn.prepare_mask());
        // Where no thread can be had, each mask is made when it is needed.
        drop(thread::Builder::new().name("callwright-masks".to_owned()).spawn_scoped(scope, masks));
        backend.decode(batch)
    })
}

/// Whether a processor has nothing to do while the engine computes. A thread too many makes the engine's own wait.
fn leaves_one_free(backend: &dyn Backend) -> bool {
    thread::available_parallelism().is_ok_and(|all| all.get() > backend.limits().threads)
}
