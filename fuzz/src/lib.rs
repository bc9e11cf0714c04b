//! Decoders under fuzzing: each is a file in `decoders` and a line there. A target asserts more than that nothing
//! panics: what was read and is written again reads the same, limits are kept, another reader finds the same,
//! errors name a place. Time and memory of each input are bounded by the binary.

mod decoders;
pub mod exact;
pub mod input;
pub mod memory;
pub mod protobuf;
pub mod seeds;

pub use decoders::targets;

/// A decoder under fuzzing.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its file.
    pub name: &'static str,
    /// Reads an input and looks whether everything is as it should be.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}
