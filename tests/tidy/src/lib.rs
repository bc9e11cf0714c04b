//! The project's own rules, as tests: `cargo test -p tidy`.
//!
//! Each module holds one rule as a pure function from text to a list of problems, the tests that
//! the rule can fail, and the test that the project keeps it.

#[cfg(test)]
mod cycles;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod list;
#[cfg(test)]
mod lock;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod plugins;
#[cfg(test)]
mod project;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod size;
#[cfg(test)]
mod source;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod words;
