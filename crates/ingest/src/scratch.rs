use std::cell::Cell;

/// Room that a thread keeps; what one large request took more is given back.
const KEPT: usize = 4 << 20;

thread_local! {
    static SCRATCH: Cell<[Vec<u8>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// Gives `read` two buffers for what a body becomes, the same to each request of a thread: that fresh
/// memory is made ready costs as much as decompressing into it.
pub(crate) fn with_scratch<R>(read: impl FnOnce(&mut [Vec<u8>; 2]) -> R) -> R {
    let mut buffers = SCRATCH.take();
    let result = read(&mut buffers);
    buffers.iter_mut().filter(|buffer| buffer.capacity() > KEPT).for_each(|buffer| *buffer = Vec::new());
    SCRATCH.set(buffers);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_used_again_and_only_so_much_is_kept() {
        let (small, large) = (KEPT / 2, KEPT + 1);
        with_scratch(|[first, second]| (first.reserve(small), second.reserve(large)));
        with_scratch(|[first, second]| {
            assert!(first.capacity() >= small);
            assert_eq!(second.capacity(), 0);
            with_scratch(|inner| assert!(inner.iter().all(|buffer| buffer.capacity() == 0), "they are lent once"));
        });
    }
}
