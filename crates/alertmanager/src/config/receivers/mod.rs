//! `receivers`: who is told, and through what.

mod chat;
mod check;
mod inherit;
mod other;
mod paging;

use serde::{Deserialize, Serialize};

use super::settings::settings;

pub use chat::{
    Discord, Mattermost, MattermostAttachment, MattermostPriority, MattermostProps, MsTeams, MsTeamsV2, Rocketchat,
    RocketchatAction, Slack, SlackAction, SlackConfirmation, TitledField, Webex, Wechat,
};
pub use other::{Email, EmailThreading, Jira, JiraText, Sns, Telegram, Webhook};
pub use paging::{Incidentio, Opsgenie, Pagerduty, PagerdutyImage, PagerdutyLink, Pushover, Responder, Victorops};

pub(super) use check::check;
pub(super) use inherit::inherit;

settings! {
    /// A receiver: a name, and any number of integrations.
    Receiver {
        name: String,
        discord_configs: Vec<Discord>,
        email_configs: Vec<Email>,
        incidentio_configs: Vec<Incidentio>,
        jira_configs: Vec<Jira>,
        mattermost_configs: Vec<Mattermost>,
        msteams_configs: Vec<MsTeams>,
        msteamsv2_configs: Vec<MsTeamsV2>,
        opsgenie_configs: Vec<Opsgenie>,
        pagerduty_configs: Vec<Pagerduty>,
        pushover_configs: Vec<Pushover>,
        rocketchat_configs: Vec<Rocketchat>,
        slack_configs: Vec<Slack>,
        sns_configs: Vec<Sns>,
        telegram_configs: Vec<Telegram>,
        victorops_configs: Vec<Victorops>,
        webex_configs: Vec<Webex>,
        webhook_configs: Vec<Webhook>,
        wechat_configs: Vec<Wechat>,
        labels: crate::labels::Labels,
    }
}

/// One integration of a receiver.
#[derive(Clone, Copy, Debug)]
pub struct Integration<'a> {
    /// What it is, as Alertmanager's metrics and log entries call it: `pagerduty`, `webhook`.
    pub name: &'static str,
    /// Its place among the receiver's of that kind, from 0.
    pub index: usize,
    /// Whether the end of all alerts is sent.
    pub send_resolved: bool,
    /// Its settings.
    pub settings: Settings<'a>,
}

macro_rules! integrations {
    ($($variant:ident $name:literal $field:ident,)*) => {
        /// The settings of an integration.
        #[derive(Clone, Copy, Debug)]
        pub enum Settings<'a> {
            $(
                #[doc = concat!("Of `", stringify!($field), "`.")]
                $variant(&'a $variant),
            )*
        }

        impl Receiver {
            /// Its integrations, kind by kind in alphabetical order, each kind as in the file.
            pub fn integrations(&self) -> Vec<Integration<'_>> {
                let mut all = Vec::new();
                $(all.extend(self.$field.iter().enumerate().map(|(index, settings)| Integration {
                    name: $name,
                    index,
                    send_resolved: settings.send_resolved,
                    settings: Settings::$variant(settings),
                }));)*
                all
            }
        }
    };
}

integrations! {
    Discord "discord" discord_configs,
    Email "email" email_configs,
    Incidentio "incidentio" incidentio_configs,
    Jira "jira" jira_configs,
    Mattermost "mattermost" mattermost_configs,
    MsTeams "msteams" msteams_configs,
    MsTeamsV2 "msteamsv2" msteamsv2_configs,
    Opsgenie "opsgenie" opsgenie_configs,
    Pagerduty "pagerduty" pagerduty_configs,
    Pushover "pushover" pushover_configs,
    Rocketchat "rocketchat" rocketchat_configs,
    Slack "slack" slack_configs,
    Sns "sns" sns_configs,
    Telegram "telegram" telegram_configs,
    Victorops "victorops" victorops_configs,
    Webex "webex" webex_configs,
    Webhook "webhook" webhook_configs,
    Wechat "wechat" wechat_configs,
}

/// A number that the file may have as a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A number.
    Int(i64),
    /// A text, for what is larger or a template.
    Text(String),
}

impl super::settings::Setting for Number {}
