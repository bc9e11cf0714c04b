//! Sources against real repositories and package databases.

mod git;
mod git_bad;
mod packages;
mod repository;
