//! Scenarios of the store: readers through flushes and compactions, crashes, damage, races.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

#[path = "it/compaction.rs"]
mod compaction;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/damage.rs"]
mod damage;
#[path = "it/days.rs"]
mod days;
#[path = "it/early.rs"]
mod early;
#[path = "it/identity.rs"]
mod identity;
#[path = "it/lifecycle.rs"]
mod lifecycle;
#[path = "it/lookup.rs"]
mod lookup;
#[path = "it/older.rs"]
mod older;
#[path = "it/points.rs"]
mod points;
#[path = "it/pressure.rs"]
mod pressure;
#[path = "it/properties.rs"]
mod properties;
#[path = "it/race.rs"]
mod race;
#[path = "it/s3.rs"]
mod s3;
#[path = "it/series.rs"]
mod series;
#[path = "it/support/mod.rs"]
mod support;
#[path = "it/texts.rs"]
mod texts;
#[path = "it/visibility.rs"]
mod visibility;
