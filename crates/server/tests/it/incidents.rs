use std::time::Duration;

use model::rows::Alert;
use model::{AlertState, Key, Verdict};

use super::site::Site;
use super::world::{alert, at, finding, id, verdict};

/// What somebody may put into a commit or a file to reach whoever opens the link at night.
const EVIL: &str = "<script>alert(1)</script>\"'&";

fn link(incident: &str) -> String {
    format!("/incidents/{}", Key::of(incident.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_notification_shows_what_is_wrong_and_who_was_told() {
    let site = Site::fleet().await;
    let page = site.text(&link("inc-1")).await;
    for part in [
        "web-1: nginx.conf was modified",
        "firing",
        "error",
        "2026-11-25 10:30:02 UTC",
        "href=\"/resource?id=host/web-1/file//etc/nginx/nginx.conf\"",
        "modified",
        "/mode",
        "0644",
        "0666",
        "mallory",
        "web.yaml:12",
        "Serve over TLS",
        "pager",
        "trigger",
        "delivered",
        "opened",
    ] {
        assert!(page.contains(part), "{part} is not on the page: {page}");
    }
    assert!(!page.contains("Was wrong"), "an open finding is shown as over");
    assert_eq!(site.text(&link("inc-1").to_uppercase().replace("INCIDENTS", "incidents")).await, page);
    let home = site.text("/").await;
    let links = home.matches(&format!("href=\"{}\"", link("inc-1"))).count();
    assert_eq!(links, 3, "the open incident and its two notifications lead to it");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_that_is_over_shows_what_was_wrong() {
    let site = Site::fleet().await;
    let mut over = finding();
    (over.time, over.state) = (at("10:50:00"), AlertState::Resolved);
    site.world.append(&[verdict("etc/nginx/nginx.conf", "10:50:00", Verdict::InSync, "[]")]).await;
    site.world.append(&[over]).await;
    let (time, summary) = (at("10:50:01"), "resolved: nginx.conf".to_owned());
    let resolved =
        Alert { time, summary, state: AlertState::Resolved, findings: 0, reason: "resolved".to_owned(), ..alert() };
    site.world.append(&[resolved]).await;
    // The next incident of the same cause, with a finding of its own.
    let mut next = finding();
    next.time = at("10:55:00");
    next.summary = "only in the next".to_owned();
    (next.finding, next.resource) = ("scope/web-1".to_owned(), None);
    (next.key, next.kind) = (Key::of(next.finding.as_bytes()), "scope".to_owned());
    site.world.append(&[next]).await;
    let (time, incident) = (at("10:55:00"), "inc-2".to_owned());
    let opened = Alert { time, since: time, key: Key::of(b"inc-2"), incident, ..alert() };
    site.world.append(&[opened]).await;

    let page = site.text(&link("inc-1")).await;
    for part in ["2026-11-25 10:50:01 UTC", "after 19 min", "Nothing any more", "Was wrong", "0644", "0666", "mallory"]
    {
        assert!(page.contains(part), "{part} is not on the page: {page}");
    }
    assert!(!page.contains("http-equiv"), "what is over does not change");
    assert!(!page.contains("only in the next"), "{page}");
    let page = site.text(&link("inc-2")).await;
    assert!(page.contains("only in the next") && !page.contains("0666"), "{page}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_an_incident_are_text_and_nothing_else() {
    let site = Site::fleet().await;
    let diff = serde_json::to_string(&format!("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+{EVIL}\n")).unwrap();
    let fields = format!(r#"[{{"path":"/content","reason":"modified","declared":"a","live":"b","diff":{diff}}}]"#);
    site.world.append(&[verdict(&format!("etc/{EVIL}"), "10:50:00", Verdict::Modified, &fields)]).await;
    let mut evil = finding();
    evil.resource = Some(id(&format!("etc/{EVIL}")).to_string());
    evil.finding = format!("drift/{EVIL}");
    evil.key = Key::of(evil.finding.as_bytes());
    (evil.summary, evil.cause, evil.time) = (EVIL.to_owned(), format!("host/'{EVIL}"), at("10:50:00"));
    let mut scope = evil.clone();
    (scope.kind, scope.finding, scope.resource) = ("scope".to_owned(), format!("scope/{EVIL}"), None);
    scope.key = Key::of(scope.finding.as_bytes());
    let quoted = serde_json::to_string(EVIL).unwrap();
    let evidence = format!(r#"{{"revision":{quoted},"author":{quoted},"message":{quoted}}}"#);
    let incident = format!("inc'{EVIL}");
    let told = Alert {
        time: at("10:50:00").plus(Duration::from_secs(1)),
        key: Key::of(incident.as_bytes()),
        incident: incident.clone(),
        cause: evil.cause.clone(),
        scope: EVIL.to_owned(),
        summary: EVIL.to_owned(),
        evidence,
        ..alert()
    };
    site.world.append(&[evil, scope]).await;
    site.world.append(&[told]).await;
    let page = site.text(&link(&incident)).await;
    assert!(page.matches("&lt;script&gt;").count() >= 8, "{page}");
    assert!(!page.contains("<script") && !page.contains("\"'&\""), "{page}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leads_nowhere_says_so() {
    let site = Site::fleet().await;
    let unknown = "0".repeat(32);
    for key in [unknown.as_str(), "abc", "x' OR '1'='1", "%FF", &"z".repeat(32), "../etc"] {
        let answer = site.get(&format!("/incidents/{key}")).await;
        assert_eq!(answer.status().as_u16(), 404, "{key}");
        if !key.starts_with("..") {
            assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{key}");
            let page = answer.text().await.unwrap();
            assert!(page.contains("No incident has the key") && page.contains("href=\"/\""), "{page}");
        }
    }
    site.end().await;
}
