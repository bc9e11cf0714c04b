#![allow(clippy::disallowed_methods, reason = "tests run the server beside the client")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "what goes wrong in a test ends it")]

//! The server over a real store, asked by a real client.

mod it {
    mod access;
    mod answers;
    mod canaries;
    mod drift;
    mod flight;
    mod incidents;
    mod intake;
    mod jaeger;
    mod kayenta;
    mod life;
    mod log_senders;
    mod loki;
    mod otlp;
    mod pages;
    mod prometheus;
    mod remote_read;
    mod routes;
    mod rules;
    mod site;
    mod sql;
    mod tail;
    mod tls;
    mod traces;
    mod watch;
    #[path = "../../../query/tests/it/world.rs"]
    mod world;
}
