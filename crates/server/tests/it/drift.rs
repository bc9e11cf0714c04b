use model::Verdict;
use serde_json::{Value, json};

use super::site::Site;
use super::world::verdict;

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
