//! Against a real broker, which `tests/peers/kafka-install.sh` installs (it needs java and mvn); consumers against librdkafka's own for tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, with helpers outside of `#[test]`")]

mod broker;
mod consumer;
mod outage;
mod setup;
mod suite;
