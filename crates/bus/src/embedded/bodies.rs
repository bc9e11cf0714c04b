use parking_lot::Mutex;

/// So much memory is kept for what is appended at once, and of no batch more.
const KEPT: usize = 16;
const LARGEST: usize = 1 << 20;

/// Memory for the bytes of batches that is used again: to make fresh memory ready costs as much as to write into it.
#[derive(Default)]
pub(super) struct Bodies(Mutex<Vec<Vec<u8>>>);

impl Bodies {
    /// Room for the bytes of a batch; none if none was given back.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().pop().unwrap_or_default()
    }

    /// Gives the room back.
    pub fn give(&self, mut body: Vec<u8>) {
        let mut kept = self.0.lock();
        if body.capacity() <= LARGEST && kept.len() < KEPT {
            body.clear();
            kept.push(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_used_again_and_only_so_much_is_kept() {
        let bodies = Bodies::default();
        assert_eq!(bodies.take().capacity(), 0);
        bodies.give(vec![1; 100]);
        let body = bodies.take();
        assert!(body.is_empty() && body.capacity() >= 100);
        bodies.give(Vec::with_capacity(LARGEST + 1));
        assert_eq!(bodies.take().capacity(), 0);
        (0..2 * KEPT).for_each(|_| bodies.give(Vec::with_capacity(10)));
        assert_eq!(bodies.0.lock().len(), KEPT);
    }
}
