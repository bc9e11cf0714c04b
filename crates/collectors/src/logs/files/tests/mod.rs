//! Real files; what is decided step by step in simulated time, and the whole of it over a log in memory.

mod join;
mod live;
mod rotation;
mod steps;
mod world;
