use serde_json::json;

use super::{good, secrets};

fn documents(text: &str) -> Vec<(String, serde_json::Value, Option<u64>)> {
    let manifests = good(text).manifests;
    manifests.into_iter().map(|m| (m.id.to_string(), m.document.tree().clone(), m.line)).collect()
}

#[test]
fn a_file_has_its_fields_beside_it_and_its_content_becomes_a_digest_and_a_text() {
    let parsed =
        good("# nginx\nhost: web-1\nfile: /etc/nginx/nginx.conf\nmode: 0644\nowner: root\ncontent: |\n  a;\n  b;\n");
    let manifest = &parsed.manifests[0];
    assert_eq!(manifest.id.as_str(), "host/web-1/file//etc/nginx/nginx.conf");
    let digest = format!("blake3:{}", blake3::hash(b"a;\nb;\n").to_hex());
    assert_eq!(*manifest.document.tree(), json!({"mode": "0644", "owner": "root", "digest": digest}));
    assert_eq!(manifest.text.as_deref(), Some("a;\nb;\n"));
    assert_eq!((manifest.file.as_deref(), manifest.line), (Some("web-1/x.yaml"), Some(3)));
}

#[test]
fn groups_of_small_resources_share_a_document() {
    let text = "host: web-1\nusers:\n  deploy: {uid: 1001, shell: /bin/bash}\ngroups:\n  adm: {members: [b, a, b]}\n\
                packages:\n  nginx: 1.10\n  curl: {version: 7.88.1-10, status: installed}\nsysctl:\n  vm.swappiness: 10\n\
                units:\n  nginx.service: {enabled: enabled, active: active}\n";
    let line = |id: &str, document, line| (format!("host/web-1/{id}"), document, Some(line));
    assert_eq!(
        documents(text),
        [
            line("user//deploy", json!({"uid": 1001, "shell": "/bin/bash"}), 3),
            line("group//adm", json!({"members": ["a", "b"]}), 5),
            line("package/dpkg/nginx", json!({"version": "1.10"}), 7),
            line("package/dpkg/curl", json!({"version": "7.88.1-10", "status": "installed"}), 8),
            line("sysctl//vm.swappiness", json!({"value": "10"}), 10),
            line("unit//nginx.service", json!({"enabled": "enabled", "active": "active"}), 12),
        ]
    );
}

#[test]
fn one_document_can_be_about_many_hosts() {
    let parsed =
        good("hosts: [a, b]\nsysctl: {vm.swappiness: 10}\n---\nhosts: [a]\nmanage: [file: /etc/nginx/, users]\n");
    let ids: Vec<_> = parsed.manifests.iter().map(|m| m.id.scope()).collect();
    assert_eq!(ids, ["host/a", "host/b"]);
    let managed: Vec<_> = parsed.managed["host/a"].iter().map(|m| (m.kind.as_str(), m.prefix.as_str())).collect();
    assert_eq!(managed, [("file", "etc/nginx/"), ("user", "")]);
    assert!(!parsed.managed.contains_key("host/b"));
}

#[test]
fn a_secret_keeps_a_keyed_digest_and_no_text() {
    let parsed = good("host: a\nfile: /etc/ssl/private/x\ncontent: hunter2\n");
    let manifest = &parsed.manifests[0];
    assert_eq!(*manifest.document.tree(), json!({"digest": secrets().digest(b"hunter2")}));
    assert_eq!(manifest.text, None);
    let parsed = good("host: a\nusers: {b: {password: set}}\n");
    assert_eq!(*parsed.manifests[0].document.tree(), json!({"password": "set"}));
}

#[test]
fn a_source_in_the_repository_is_a_content() {
    let parsed = good("host: a\nfile: /etc/motd\nsource: motd.txt\n");
    assert_eq!(parsed.manifests[0].text.as_deref(), Some("welcome\n"));
}

#[test]
fn names_are_read_raw_and_escaped() {
    let ids = |text: &str| documents(text).into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
    assert_eq!(
        ids("host: a\nfiles: {\"/tmp/a\\tb\": {mode: \"0600\"}, /tmp/a%FFb: {}, /tmp/100%: {}}"),
        ["host/a/file//tmp/a%09b", "host/a/file//tmp/a%FFb", "host/a/file//tmp/100%25",]
    );
}

#[test]
fn anchors_are_expanded() {
    let text = "host: a\nusers:\n  b: &x {shell: /bin/sh}\n  c: *x\n";
    assert_eq!(documents(text)[1], ("host/a/user//c".to_owned(), json!({"shell": "/bin/sh"}), Some(4)));
}

#[test]
fn empty_documents_and_files_declare_nothing() {
    for text in ["", "---\n", "# only a comment\n", "---\n---\n"] {
        assert!(good(text).manifests.is_empty(), "{text:?}");
    }
}

#[test]
fn what_the_store_should_not_show_is_not_in_a_text() {
    let text = |yaml: &str| good(yaml).manifests[0].text.clone();
    let kept = text("host: a\nfile: /etc/app.conf\ncontent: |\n  user = app\n  password = hunter2\n").unwrap();
    assert!(kept.contains("user = app\npassword = keyed:") && !kept.contains("hunter2"), "{kept}");
    assert_eq!(text("host: a\nfile: /etc/x\nmode: \"0640\"\ncontent: |\n  a\n"), None);
    let key = good("host: a\nfile: /etc/x\ncontent: |\n  -----BEGIN RSA PRIVATE KEY-----\n  AAA\n");
    assert!(key.manifests[0].document.tree()["digest"].as_str().unwrap().starts_with("keyed:"));
    assert_eq!(key.manifests[0].text, None);
    assert!(text("host: a\nfile: /root/.ssh/id_rsa.pub\ncontent: ssh-rsa AAA\n").is_some());
}
