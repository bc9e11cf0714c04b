#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

//! Sources against real repositories and package databases.

mod git;
mod git_bad;
mod objects;
mod packages;
mod repository;
