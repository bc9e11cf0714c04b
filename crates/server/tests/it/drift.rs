use model::rows::{Finding, Scope, Summary};
use model::{ScopeState, Verdict};
use serde_json::{Value, json};

use super::site::Site;
use super::world::{SCOPE, at, finding, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_listed_with_who_and_where() {
    let site = Site::fleet().await;
    let drift = site.json("/api/drift").await;
    let expected = json!({
        "id": "host/web-1/file//etc/nginx/nginx.conf", "verdict": "modified", "previous": "in_sync",
        "revision": "c0ffee", "author": "Ada", "message": "Serve over TLS", "file": "hosts/web.yaml", "line": 12,
        "since": "2026-11-25T10:30:01Z", "actor": "mallory", "source": "git.infra",
        "fields": [{ "path": "/mode", "reason": "modified", "declared": "0644", "live": "0666", "actor": "mallory" }],
    });
    assert_eq!(drift["resources"][1], expected);
    assert_eq!(drift["resources"].as_array().unwrap().len(), 2);
    assert_eq!(drift["summary"], json!({ "in_sync": 1, "missing": 1, "modified": 1 }));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_comes_before_what_is_unknown() {
    let site = Site::fleet().await;
    let unseen = |name: &str| verdict(name, "10:50:00", Verdict::Unknown, "[]");
    site.world
        .append(&[unseen("etc/a"), unseen("etc/b"), verdict("etc/c", "10:50:00", Verdict::RollingOut, "[]")])
        .await;
    let verdicts = |answer: &Value| -> Vec<String> {
        let resources = answer["resources"].as_array().unwrap();
        resources.iter().map(|resource| resource["verdict"].as_str().unwrap().to_owned()).collect()
    };
    let first = site.json("/api/drift?limit=3").await;
    assert_eq!(
        (verdicts(&first).join(" "), &first["truncated"]),
        ("missing modified rolling_out".into(), &json!(true))
    );
    let all = site.json("/api/drift").await;
    assert_eq!(verdicts(&all).join(" "), "missing modified rolling_out unknown unknown");
    assert_eq!(all["truncated"], json!(false));
    let past = site.json("/api/drift?at=2026-11-25T10:55:00Z&limit=2").await;
    assert_eq!(verdicts(&past).join(" "), "missing modified");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_narrowed_and_looked_at_in_the_past() {
    let site = Site::fleet().await;
    let ids = |answer: &Value| answer["resources"].as_array().unwrap().len();
    assert_eq!(ids(&site.json("/api/drift?verdict=missing").await), 1);
    assert_eq!(ids(&site.json("/api/drift?verdict=in_sync").await), 1);
    assert_eq!(ids(&site.json("/api/drift?scope=host/web-2").await), 0);
    let one = site.json("/api/drift?limit=1").await;
    assert_eq!((ids(&one), &one["truncated"]), (1, &json!(true)));
    let before = site.json("/api/drift?at=2026-11-25T10:00:00Z").await;
    assert_eq!((ids(&before), &before["summary"]), (0, &json!({ "in_sync": 2 })));
    for bad in ["verdict=wrong", "at=yesterday", "limit=x", "scop=y", "scope=a&scope=b"] {
        assert_eq!(site.get(&format!("/api/drift?{bad}")).await.status().as_u16(), 400, "{bad}");
    }
    // A text is a text, whatever is in it.
    let quoted = site.json("/api/drift?scope=x' OR true --").await;
    assert_eq!((ids(&quoted), &quoted["summary"]), (0, &json!({})));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_always_in_sync_is_counted_at_a_time_as_it_is_now() {
    let site = Site::fleet().await;
    let count = |time, count| Summary { time: at(time), scope: SCOPE.to_owned(), verdict: Verdict::InSync, count };
    site.world.append(&[count("11:30:00", 7)]).await;
    site.world.append(&[count("12:00:00", 9)]).await;
    let summary = async |path: &str| site.json(path).await["summary"].clone();
    assert_eq!(summary("/api/drift").await, json!({ "in_sync": 9, "missing": 1, "modified": 1 }));
    let at = "/api/drift?at=2026-11-25T11:45:00Z";
    assert_eq!(summary(at).await, json!({ "in_sync": 7, "missing": 1, "modified": 1 }));
    assert_eq!(summary(&format!("{at}&scope=host/web-2")).await, json!({}));
    // Of this time no counts are kept.
    assert_eq!(summary("/api/drift?at=2026-11-25T10:00:00Z").await, json!({ "in_sync": 2 }));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_with_its_reason_here_and_on_the_page() {
    let site = Site::fleet().await;
    assert_eq!(site.json("/api/drift").await["unread"], json!([]));
    let row = |scope: &str, state| Scope {
        time: at("11:00:00"),
        scope: scope.to_owned(),
        source: "git.infra".to_owned(),
        state,
        message: Some("not read since 2026-11-25T10:59:00Z: /srv/<git>: no such repository".to_owned()),
        resources: 0,
        stale_after: at("12:00:00"),
        covers: None,
    };
    site.world.append(&[row("host/web-1", ScopeState::Failed), row("host/web-2", ScopeState::Failed)]).await;
    let problem = "not read since 2026-11-25T10:59:00Z: /srv/<git>: no such repository";
    let unread = json!([{ "source": "git.infra", "scope": "host/web-1", "scopes": 2, "problem": problem }]);
    assert_eq!(site.json("/api/drift").await["unread"], unread);
    assert_eq!(site.json("/api/drift?at=2026-11-25T11:00:00Z").await["unread"], json!([]));
    let page = site.get("/").await.text().await.unwrap();
    assert!(page.contains("What cannot be read") && page.contains("/srv/&lt;git&gt;: no such repository"), "{page}");
    site.world.append(&[row("host/web-1", ScopeState::Ok), row("host/web-2", ScopeState::Ok)]).await;
    assert_eq!(site.json("/api/drift").await["unread"], json!([]));
    let refused = Finding {
        finding: "revision/host/web-1/git.infra".to_owned(),
        kind: "revision".to_owned(),
        resource: None,
        summary: "git.infra: revision c0ffee: web.yaml:3: unknown key; the last good revision stays".to_owned(),
        labels: [("source".to_owned(), "git.infra".to_owned())].into_iter().collect(),
        ..finding()
    };
    site.world.append(&[refused]).await;
    let problem = "since 2026-11-25T10:30:01Z: revision c0ffee: web.yaml:3: unknown key; the last good revision stays";
    let unread = json!([{ "source": "git.infra", "scope": "host/web-1", "scopes": 1, "problem": problem }]);
    assert_eq!(site.json("/api/drift").await["unread"], unread);
    site.end().await;
}
