use model::Verdict;

use super::site::Site;
use super::world::{live, verdict};

/// What somebody may put into a file to reach whoever looks at the page.
const EVIL: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_differs_and_who_was_told() {
    let site = Site::fleet().await;
    let answer = site.get("/").await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let page = answer.text().await.unwrap();
    for part in [
        "2 resources differ",
        "host/web-1/file//etc/nginx/nginx.conf",
        "mallory",
        "web.yaml:12",
        "0644",
        "0666",
        "Serve over TLS",
        "web-1: nginx.conf was modified",
        "host.files",
        "pager",
        "delivered",
    ] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    assert!(!page.contains("<script"), "the page has a script");
    assert!(site.text("/style.css").await.contains("prefers-color-scheme"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_files_hold_is_text_and_nothing_else() {
    let site = Site::fleet().await;
    let quoted = serde_json::to_string(EVIL).unwrap();
    let diff = serde_json::to_string(&format!("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+{EVIL}\n")).unwrap();
    let fields = format!(
        r#"[{{"path":{quoted},"reason":"modified","declared":{quoted},"live":null}},{{"path":"/content","reason":"modified","declared":"a","live":"b","diff":{diff}}}]"#
    );
    let mut row = verdict("etc/evil", "10:50:00", Verdict::Modified, &fields);
    (row.actor, row.author, row.message, row.file) =
        (Some(EVIL.into()), Some(EVIL.into()), Some(EVIL.into()), Some(EVIL.into()));
    row.revision = Some(EVIL.into());
    let mut named = verdict(&format!("etc/{EVIL}"), "10:50:00", Verdict::Missing, "no json");
    named.actor = None;
    site.world.append(&[row, named]).await;
    let mut seen = live("etc/evil", "10:50:00", Some("0644"));
    (seen.document, seen.text) = (Some(format!(r#"{{"a":{quoted}}}"#)), Some(EVIL.into()));
    site.world.append(&[seen]).await;
    for path in ["/", "/resource?id=host/web-1/file//etc/evil"] {
        let page = site.text(path).await;
        assert!(page.contains("&lt;script&gt;"), "{path}");
        assert!(!page.contains("<script") && !page.contains("<img"), "{path}");
        assert!(!page.contains("\"'&\""), "{path}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_has_its_own_page() {
    let site = Site::fleet().await;
    let page = site.text("/resource?id=host/web-1/file//etc/nginx/nginx.conf").await;
    for part in ["-user nobody;", "+user www;", "&quot;mode&quot;: &quot;0666&quot;", "Verdicts", "in sync", "c0ffee"] {
        assert!(page.contains(part), "{part} is not on the page: {page}");
    }
    for (path, status) in [("/resource?id=host/web-1/file//etc/none", 404), ("/resource?id=x", 400), ("/resource", 400)]
    {
        let answer = site.get(path).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert!(answer.text().await.unwrap().contains("class=\"card bad\""), "{path}");
    }
    site.end().await;
}
