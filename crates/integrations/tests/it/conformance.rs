use notify::suite::{Class, Request, Subject, run};

use crate::support::{self, HEADER, PATH, ROUTING_KEY, TOKEN};

#[tokio::test]
async fn pagerduty_passes_the_suite() {
    let subject = Subject {
        build: &support::pagerduty,
        secrets: &[ROUTING_KEY],
        yes: (202, r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#),
        body_limit: 512_000,
        safe_limit: 16_000,
        key: Some(|request| request.json()["dedup_key"].as_str().map(ToOwned::to_owned)),
        reads_yes: false,
        answers: &[
            (202, r#"{"status":"success"}"#, Class::Taken),
            (400, r#"{"status":"invalid event","errors":["'payload.summary' is too long"]}"#, Class::Poison),
            (400, r#"{"status":"invalid event","errors":["Length of 'routing_key' is incorrect"]}"#, Class::Refused),
        ],
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn the_webhook_passes_the_suite() {
    let subject = Subject {
        build: &support::webhook,
        secrets: &[TOKEN, HEADER, PATH],
        yes: (200, ""),
        body_limit: 1 << 20,
        safe_limit: 32_000,
        key: Some(|request| request.json()["groupKey"].as_str().map(ToOwned::to_owned)),
        reads_yes: false,
        answers: &[(204, "", Class::Taken), (202, "", Class::Taken)],
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn the_rollback_hook_passes_the_suite() {
    let subject = Subject {
        build: &support::rollback,
        secrets: &[TOKEN, PATH],
        yes: (200, ""),
        body_limit: 512_000,
        safe_limit: 32_000,
        key: Some(|request| request.json()["key"].as_str().map(ToOwned::to_owned)),
        reads_yes: false,
        answers: &[(204, "", Class::Taken), (202, "", Class::Taken)],
    };
    run(&subject).await.unwrap();
}

/// The alias: in the path, or in the body of an alert that is made.
fn alias(request: &Request) -> Option<String> {
    let of_path = request.path().split("/v2/alerts/").nth(1).and_then(|rest| rest.split('/').next());
    let decoded = |text: &str| {
        let pair = format!("x={}", text.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    of_path.map_or_else(|| request.json()["alias"].as_str().map(ToOwned::to_owned), decoded)
}

/// What Opsgenie and Jira Service Management document.
const ALERT_ANSWERS: [(u16, &str, Class); 9] = [
    (200, "{}", Class::Taken),
    (401, r#"{"message":"Key format is not valid!"}"#, Class::Refused),
    (402, r#"{"message":"plan"}"#, Class::Refused),
    (403, r#"{"message":"rights","code":40301}"#, Class::Refused),
    (406, "", Class::Refused),
    (409, "", Class::Refused),
    (416, "", Class::Refused),
    (428, "", Class::Refused),
    (501, "", Class::Retry),
];

#[tokio::test]
async fn opsgenie_passes_the_suite() {
    let subject = Subject {
        build: &support::opsgenie,
        secrets: &[TOKEN],
        yes: (202, r#"{"result":"Request will be processed","took":0.3,"requestId":"43a29c5c"}"#),
        body_limit: 120_000,
        safe_limit: 16_000,
        key: Some(alias),
        reads_yes: false,
        answers: &ALERT_ANSWERS,
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn jira_service_management_passes_the_suite() {
    let subject = Subject {
        build: &support::jira_service_management,
        secrets: &[TOKEN, HEADER],
        yes: (202, r#"{"result":"Request will be processed","took":0.3,"requestId":"43a29c5c"}"#),
        body_limit: 120_000,
        safe_limit: 16_000,
        key: Some(alias),
        reads_yes: false,
        answers: &ALERT_ANSWERS,
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn a_slack_webhook_passes_the_suite() {
    let subject = Subject {
        build: &support::slack_webhook,
        secrets: &[PATH],
        yes: (200, "ok"),
        body_limit: 40_000,
        safe_limit: 8_000,
        key: None,
        reads_yes: true,
        answers: &[
            (400, "invalid_payload", Class::Poison),
            (400, "user_not_found", Class::Poison),
            (403, "action_prohibited", Class::Refused),
            (404, "channel_not_found", Class::Refused),
            (404, "no_service", Class::Refused),
            (410, "channel_is_archived", Class::Refused),
            (429, r#"{"retry_after":1,"ok":false,"error":"rate_limited"}"#, Class::Retry),
            (500, "rollup_error", Class::Retry),
        ],
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn slack_passes_the_suite() {
    let subject = Subject {
        build: &support::slack,
        secrets: &[TOKEN],
        yes: (200, r#"{"ok":true,"channel":"C0123456789","ts":"1764065700.000100"}"#),
        body_limit: 40_000,
        safe_limit: 8_000,
        key: None,
        reads_yes: true,
        answers: &[
            (200, r#"{"ok":false,"error":"msg_too_long"}"#, Class::Poison),
            (200, r#"{"ok":false,"error":"no_text"}"#, Class::Poison),
            (200, r#"{"ok":false,"error":"too_many_attachments"}"#, Class::Poison),
            (200, r#"{"ok":false,"error":"something_new"}"#, Class::Poison),
            (200, r#"{"ok":false,"error":"channel_not_found"}"#, Class::Refused),
            (200, r#"{"ok":false,"error":"not_in_channel"}"#, Class::Refused),
            (200, r#"{"ok":false,"error":"is_archived"}"#, Class::Refused),
            (200, r#"{"ok":false,"error":"not_authed"}"#, Class::Refused),
            (200, r#"{"ok":false,"error":"invalid_auth"}"#, Class::Refused),
            (200, r#"{"ok":false,"error":"account_inactive"}"#, Class::Refused),
            (200, r#"{"ok":false,"error":"rate_limited"}"#, Class::Retry),
            (200, "<html>log in</html>", Class::Retry),
        ],
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn teams_passes_the_suite() {
    let failed = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error";
    let (throttled, refused) = (format!("{failed} 429 with ContextId"), format!("{failed} 403 with ContextId"));
    let large = format!("{failed} 413 with ContextId");
    let subject = Subject {
        build: &support::teams,
        secrets: &[HEADER],
        yes: (202, ""),
        body_limit: 28_000,
        safe_limit: 8_000,
        key: None,
        reads_yes: false,
        answers: &[
            (200, "1", Class::Taken),
            (200, &throttled, Class::Retry),
            (200, &refused, Class::Refused),
            (200, &large, Class::Poison),
        ],
    };
    run(&subject).await.unwrap();
}

#[tokio::test]
async fn an_alertmanager_passes_the_suite() {
    let subject = Subject {
        build: &support::alertmanager,
        secrets: &[TOKEN],
        yes: (200, ""),
        body_limit: 80_000,
        safe_limit: 16_000,
        key: Some(|request| request.json()[0]["labels"]["incident"].as_str().map(ToOwned::to_owned)),
        reads_yes: false,
        answers: &[(500, r#"{"code":500}"#, Class::Retry), (400, r#""bad timestamps""#, Class::Poison)],
    };
    run(&subject).await.unwrap();
}
