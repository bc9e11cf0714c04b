//! Chat: Discord, Mattermost, Microsoft Teams, Rocket.Chat, Slack, Webex, WeChat.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::http::HttpConfig;
use crate::config::settings::settings;
use crate::config::types::{GoSpan, Secret, SecretUrl, Url};

settings! {
    /// `discord_configs`.
    Discord {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: Option<PathBuf>,
        content: String = r#"{{ template "discord.default.content" . }}"#,
        title: String = r#"{{ template "discord.default.title" . }}"#,
        message: String = r#"{{ template "discord.default.message" . }}"#,
        username: Option<String>,
        avatar_url: Option<String>,
    }

    /// `mattermost_configs`.
    Mattermost {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: Option<PathBuf>,
        channel: Option<String>,
        username: String = r#"{{ template "mattermost.default.username" . }}"#,
        text: String = r#"{{ template "mattermost.default.text" . }}"#,
        icon_url: Option<String>,
        icon_emoji: Option<String>,
        attachments: Vec<MattermostAttachment>,
        kind as "type": Option<String>,
        props: Option<MattermostProps>,
        priority: Option<MattermostPriority>,
    }

    /// An attachment of a Mattermost message.
    MattermostAttachment {
        fallback: Option<String>,
        color: Option<String>,
        pretext: Option<String>,
        text: Option<String>,
        author_name: Option<String>,
        author_link: Option<String>,
        author_icon: Option<String>,
        title: Option<String>,
        title_link: Option<String>,
        fields: Vec<TitledField>,
        thumb_url: Option<String>,
        footer: Option<String>,
        footer_icon: Option<String>,
        image_url: Option<String>,
    }

    /// `props` of a Mattermost message.
    MattermostProps {
        card: Option<String>,
    }

    /// `priority` of a Mattermost message.
    MattermostPriority {
        priority: Option<String>,
        requested_ack: bool,
        persistent_notifications: bool,
    }

    /// A field of an attachment.
    TitledField {
        title: String,
        value: String,
        short: Option<bool>,
    }

    /// `msteams_configs`: incoming webhooks.
    MsTeams {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: Option<PathBuf>,
        title: String = r#"{{ template "msteams.default.title" . }}"#,
        summary: String = r#"{{ template "msteams.default.summary" . }}"#,
        text: String = r#"{{ template "msteams.default.text" . }}"#,
    }

    /// `msteamsv2_configs`: adaptive cards through workflows.
    MsTeamsV2 {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: Option<PathBuf>,
        title: String = r#"{{ template "msteamsv2.default.title" . }}"#,
        text: String = r#"{{ template "msteamsv2.default.text" . }}"#,
    }

    /// `rocketchat_configs`.
    Rocketchat {
        send_resolved: bool,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        token_id: Option<Secret>,
        token_id_file: Option<PathBuf>,
        token: Option<Secret>,
        token_file: Option<PathBuf>,
        channel: Option<String>,
        color: String = r#"{{ if eq .Status "firing" }}red{{ else }}green{{ end }}"#,
        title: String = r#"{{ template "rocketchat.default.title" . }}"#,
        title_link: String = r#"{{ template "rocketchat.default.titlelink" . }}"#,
        text: String = r#"{{ template "rocketchat.default.text" . }}"#,
        fields: Vec<TitledField>,
        short_fields: bool,
        emoji: String = r#"{{ template "rocketchat.default.emoji" . }}"#,
        icon_url: String = r#"{{ template "rocketchat.default.iconurl" . }}"#,
        image_url: Option<String>,
        thumb_url: Option<String>,
        link_names: bool,
        actions: Vec<RocketchatAction>,
    }

    /// A button of a Rocket.Chat message.
    RocketchatAction {
        kind as "type": Option<String>,
        text: Option<String>,
        url: Option<String>,
        msg: Option<String>,
    }

    /// `slack_configs`.
    Slack {
        send_resolved: bool,
        http_config: Option<HttpConfig>,
        api_url: Option<SecretUrl>,
        api_url_file: Option<PathBuf>,
        app_token: Option<Secret>,
        app_token_file: Option<PathBuf>,
        app_url: Option<Url>,
        channel: Option<String>,
        username: String = r#"{{ template "slack.default.username" . }}"#,
        color: String = r#"{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}"#,
        title: String = r#"{{ template "slack.default.title" . }}"#,
        title_link: String = r#"{{ template "slack.default.titlelink" . }}"#,
        pretext: String = r#"{{ template "slack.default.pretext" . }}"#,
        text: String = r#"{{ template "slack.default.text" . }}"#,
        message_text: Option<String>,
        fields: Vec<TitledField>,
        short_fields: bool,
        footer: String = r#"{{ template "slack.default.footer" . }}"#,
        fallback: String = r#"{{ template "slack.default.fallback" . }}"#,
        callback_id: String = r#"{{ template "slack.default.callbackid" . }}"#,
        icon_emoji: String = r#"{{ template "slack.default.iconemoji" . }}"#,
        icon_url: String = r#"{{ template "slack.default.iconurl" . }}"#,
        image_url: Option<String>,
        thumb_url: Option<String>,
        link_names: bool,
        mrkdwn_in: Vec<String>,
        actions: Vec<SlackAction>,
        update_message: Option<bool>,
        timeout: Option<GoSpan>,
    }

    /// A button of a Slack message: with `url`, or with `name`.
    SlackAction {
        kind as "type": String,
        text: String,
        url: Option<String>,
        style: Option<String>,
        name: Option<String>,
        value: Option<String>,
        confirm: Option<SlackConfirmation>,
    }

    /// What a Slack button asks before it acts.
    SlackConfirmation {
        text: String,
        title: Option<String>,
        ok_text: Option<String>,
        dismiss_text: Option<String>,
    }

    /// `webex_configs`.
    Webex {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        message: String = r#"{{ template "webex.default.message" . }}"#,
        room_id: String,
    }

    /// `wechat_configs`.
    Wechat {
        send_resolved: bool,
        http_config: Option<HttpConfig>,
        api_secret: Option<Secret>,
        api_secret_file: Option<PathBuf>,
        corp_id: Option<String>,
        message: String = r#"{{ template "wechat.default.message" . }}"#,
        api_url: Option<Url>,
        to_user: String = r#"{{ template "wechat.default.to_user" . }}"#,
        to_party: String = r#"{{ template "wechat.default.to_party" . }}"#,
        to_tag: String = r#"{{ template "wechat.default.to_tag" . }}"#,
        agent_id: String = r#"{{ template "wechat.default.agent_id" . }}"#,
        message_type: String = "text",
    }
}

/// Settings that are taken as they are.
pub(super) type Free = BTreeMap<String, serde_json::Value>;
