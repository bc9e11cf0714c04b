//! The host over a log in memory, in simulated time.

mod faults;
mod host;
mod world;
