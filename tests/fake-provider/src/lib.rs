//! A provider of incidents for tests: it takes PagerDuty's Events API v2 at `POST /v2/enqueue` and
//! Alertmanager's webhook, version 4, at `POST /webhook`, holds each request against the
//! contract, keeps incidents by key as the provider does, and tells what it saw. It takes
//! Opsgenie's alerts at `/v2/alerts`, Slack's at `/api/chat.postMessage`, `/api/chat.update` and
//! `/services/..`, cards for Teams at `/workflows/..` and alerts as an Alertmanager at
//! `/api/v2/alerts`, too. A [`Webhook`] is what PagerDuty posts when somebody does something there.
//!
//! - `GET /_log`: every request as a JSON line ([`Entry`]), with its time of arrival.
//! - `GET /_stats`: the counts and incidents ([`Stats`]).
//! - `POST /_mode`: how the next requests are answered ([`Mode`]).

mod alertmanager;
mod alerts;
mod chat;
mod contract;
mod ledger;
mod mode;
mod opsgenie;
mod pagerduty;
mod server;
mod webhook;

pub use ledger::{Entry, Incident, Stats};
pub use mode::{Kind, Mode};
pub use server::FakeProvider;
pub use webhook::Webhook;
