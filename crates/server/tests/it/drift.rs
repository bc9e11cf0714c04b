use serde_json::{Value, json};

use super::site::Site;

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
