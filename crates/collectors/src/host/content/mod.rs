//! The content of files: opened safely, hashed as a stream, hashed again only if it changed.

mod digest;
mod open;
mod prefilter;
mod read;
mod secrets;
mod stat;

pub(crate) use digest::{Algorithm, Digest};
pub(crate) use open::{Links, open_dir, open_file};
pub(crate) use prefilter::{Binding, Cached, Prefilter};
pub(crate) use read::{Plan, Problem, Reader};
pub(crate) use secrets::{SecretRules, is_open_to_all};
pub(crate) use stat::{FileType, Stat};
