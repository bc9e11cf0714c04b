#![allow(clippy::disallowed_methods, reason = "tests run clients beside the server")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "what goes wrong in a test ends it")]

//! The port over a real store, asked by bytes, by psql and by psycopg.

mod it {
    mod cases;
    mod client;
    mod cursors;
    mod drivers;
    mod extended;
    mod hostile;
    mod life;
    mod port;
    mod simple;
    #[path = "../../../query/tests/it/world.rs"]
    mod world;
}
