use alertmanager::Config;
use alertmanager::config::Settings;
use serde::Deserialize;

use super::cases;

#[derive(Deserialize)]
struct Case {
    name: String,
    config: String,
    /// Line, key, and a part of the message.
    errors: Vec<(usize, String, String)>,
}

#[test]
fn mistakes_are_told_with_line_and_key() {
    for case in cases::<Vec<Case>>("config_errors") {
        let Err(error) = Config::parse(&case.config) else { panic!("{}: no mistake is found", case.name) };
        let found: Vec<_> = error.0.iter().map(|it| (it.line, it.key.as_str())).collect();
        let expected: Vec<_> = case.errors.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
        assert_eq!(found, expected, "{}: {error}", case.name);
        for (problem, (_, _, part)) in error.0.iter().zip(&case.errors) {
            assert!(problem.message.contains(part.as_str()), "{}: {problem}", case.name);
        }
    }
}

fn full() -> String {
    std::fs::read_to_string(format!("{}/tests/cases/full.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn a_file_with_every_integration_is_read() {
    let config = Config::parse(&full()).unwrap_or_else(|error| panic!("{error}"));
    let receiver = config.receiver("everything").unwrap();
    let names: Vec<_> = receiver.integrations().iter().map(|it| it.name).collect();
    let expected = [
        "discord",
        "email",
        "incidentio",
        "jira",
        "mattermost",
        "msteams",
        "msteamsv2",
        "opsgenie",
        "pagerduty",
        "pushover",
        "rocketchat",
        "slack",
        "sns",
        "telegram",
        "victorops",
        "webex",
        "webhook",
        "wechat",
    ];
    assert_eq!(names, expected);
    assert_eq!(config.global.resolve_timeout.0.as_secs(), 600);
    assert_eq!(config.templates, ["/etc/alertmanager/*.tmpl"]);
    assert_eq!(config.intervals().count(), 2);
}

#[test]
fn integrations_take_from_global_what_they_do_not_say() {
    let config = Config::parse(&full()).unwrap();
    let receiver = config.receiver("everything").unwrap();
    for integration in receiver.integrations() {
        match integration.settings {
            Settings::Email(email) => {
                assert_eq!(email.smarthost.as_ref().unwrap().to_string(), "mail:587");
                assert_eq!((email.from.as_deref(), email.require_tls), (Some("am@example.org"), Some(true)));
                assert!(!integration.send_resolved);
            }
            Settings::Slack(slack) => {
                assert_eq!(slack.api_url.as_ref().unwrap().expose(), "https://hooks.example.org/s3cret-slack")
            }
            Settings::Opsgenie(opsgenie) => {
                assert_eq!(opsgenie.api_url.as_ref().unwrap().as_str(), "https://api.eu.opsgenie.com/");
                assert_eq!(opsgenie.api_key.as_ref().unwrap().expose(), "s3cret-opsgenie");
            }
            Settings::Pagerduty(pagerduty) => {
                assert_eq!(pagerduty.url.as_ref().unwrap().as_str(), "https://events.pagerduty.com/v2/enqueue");
                assert_eq!(pagerduty.details.len(), 5);
                assert_eq!(pagerduty.source.as_deref(), Some(pagerduty.client.as_str()));
            }
            Settings::Webhook(webhook) => {
                assert_eq!((webhook.max_alerts, integration.send_resolved), (10, true));
                assert!(webhook.http_config.as_ref().unwrap().basic_auth.is_some());
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_shown_has_no_secret_and_reads_again() {
    let config = Config::parse(&full()).unwrap();
    let shown = config.original();
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(!format!("{config:?}").contains("s3cret"));
    assert!(shown.contains("<secret>"));
    let again = Config::parse(shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(again.original(), shown);
    assert_eq!(again.route, config.route);
    assert_eq!(again.inhibit_rules, config.inhibit_rules);
}

#[test]
fn keys_without_a_value_are_as_if_they_were_not_there() {
    let text = "global:\nroute:\n  receiver: x\n  routes:\nreceivers:\n  - name: x\n    webhook_configs:\ninhibit_rules:\ntemplates:\n";
    let config = Config::parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.inhibit_rules.is_empty() && config.receivers[0].webhook_configs.is_empty());
}
