#![allow(clippy::disallowed_methods, reason = "tests run queries beside each other")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "what goes wrong in a test ends it")]

//! Queries over a real store on a temporary directory.

mod it {
    mod again;
    mod cases;
    mod decided;
    mod examples;
    mod hostile;
    mod limits;
    mod postgres;
    mod reading;
    mod rights;
    mod shares;
    mod world;
}
