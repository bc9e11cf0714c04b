#![allow(clippy::disallowed_methods, reason = "tests run queries beside each other")]

//! Queries over a real store on a temporary directory.

mod it {
    mod cases;
    mod hostile;
    mod limits;
    mod reading;
    mod world;
}
