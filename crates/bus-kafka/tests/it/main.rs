//! Against a real broker, which `tests/peers/kafka-install.sh` installs (it needs java and mvn).

mod broker;
mod outage;
mod setup;
mod suite;
