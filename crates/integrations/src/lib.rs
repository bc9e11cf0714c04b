//! The ways out, one file each. Every one is fed a [`notify::Notification`], fits it to its
//! provider and says what became of it; each passes [`notify::suite`].

mod fit;
mod http;
mod pagerduty;
mod plugin;
mod webhook;

pub use pagerduty::PagerdutyConfig;
pub use plugin::{BuildError, Context, Plugin};
pub use webhook::{Address, BasicAuth, WebhookConfig};

/// Every integration.
pub fn all() -> Vec<Plugin> {
    vec![pagerduty::plugin(), webhook::plugin()]
}
