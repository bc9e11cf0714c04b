//! The ways out, one file each. Every one is fed a [`notify::Notification`], fits it to its
//! provider and says what became of it; each passes [`notify::suite`].

mod alertmanager_out;
mod auth;
mod email;
mod fit;
mod hmac;
mod http;
mod inbound;
mod migrated;
mod opsgenie;
mod pagerduty;
mod plugin;
mod rollback;
mod slack;
mod teams;
mod tell;
mod webhook;

pub use alertmanager_out::AlertmanagerConfig;
pub use auth::BasicAuth;
pub use email::{EmailConfig, TlsMode};
pub use http::Address;
pub use inbound::Inbound;
pub use migrated::migrated;
pub use opsgenie::{OpsgenieConfig, ProofConfig, Responder};
pub use pagerduty::PagerdutyConfig;
pub use plugin::{BuildError, BuildInbound, Context, Plugin};
pub use rollback::{ROLLBACK, RollbackConfig};
pub use slack::SlackConfig;
pub use teams::TeamsConfig;
pub use webhook::WebhookConfig;

/// Every integration.
pub fn all() -> Vec<Plugin> {
    vec![
        pagerduty::plugin(),
        opsgenie::opsgenie(),
        opsgenie::jira_service_management(),
        slack::plugin(),
        teams::plugin(),
        email::plugin(),
        alertmanager_out::plugin(),
        webhook::plugin(),
        rollback::plugin(),
    ]
}
