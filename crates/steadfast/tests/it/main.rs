//! The whole path, with the real binary, real Git and a provider that checks its contract.

mod commands;
mod host;
mod kills;
mod provider;
mod spine;
