//! Damages bytes as a seed says, for tests that what is hostile neither panics nor loops.

use base::Rng;

/// Calls `look` with `rounds` damaged copies of `bytes`: bits flipped, parts cut, doubled or inserted.
pub(crate) fn each(bytes: &[u8], rounds: u32, mut look: impl FnMut(&[u8])) {
    let rng = Rng::seeded(bytes.len() as u64);
    for _ in 0..rounds {
        let mut copy = bytes.to_vec();
        for _ in 0..=rng.below(3) {
            damage(&rng, &mut copy);
        }
        look(&copy);
    }
}

fn damage(rng: &Rng, bytes: &mut Vec<u8>) {
    let at = rng.below(bytes.len() as u64 + 1) as usize;
    let end = (at + rng.below(9) as usize).min(bytes.len());
    match rng.below(6) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        3 => bytes.splice(at..at, rng.bytes().into_iter().take(end - at + 1)).for_each(drop),
        4 => bytes[at..end].fill(0xff),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
    }
}
