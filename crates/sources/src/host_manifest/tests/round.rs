use std::collections::BTreeMap;

use model::{Document, ResourceId, escape_name};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Resource, Written, render, write};
use super::good;

fn file(name: &[u8], content: &str) -> Resource {
    let id = ResourceId::new("host", "web-1", "file", "", &escape_name(name)).unwrap();
    let digest = format!("blake3:{}", blake3::hash(content.as_bytes()).to_hex());
    let document = json!({"type": "file", "mode": "0644", "owner": "root", "group": "www-data", "digest": digest});
    (id, Document::new(document), Some(content.to_owned()))
}

fn resource(id: &str, document: Value) -> Resource {
    (id.parse().unwrap(), Document::new(document), None)
}

/// What the reader makes of what the writer wrote.
fn back(resources: &[Resource]) -> BTreeMap<String, (String, Option<String>)> {
    let files = render(resources).unwrap();
    let manifests = files.iter().flat_map(|(_, text)| good(text).manifests);
    manifests.map(|m| (m.id.to_string(), (m.document.fingerprint().to_string(), m.text))).collect()
}

fn expected(resources: &[Resource]) -> BTreeMap<String, (String, Option<String>)> {
    let entry = |(id, document, text): &Resource| (id.to_string(), (document.fingerprint().to_string(), text.clone()));
    resources.iter().map(entry).collect()
}

#[test]
fn it_reads_well() {
    let resources = [
        file(b"etc/nginx/nginx.conf", "user www-data;\n\nhttp {\n\tgzip on;\n}\n"),
        resource(
            "host/web-1/user//deploy",
            json!({"uid": 1001, "gid": 1001, "home": "/home/deploy", "shell": "/bin/bash"}),
        ),
        resource(
            "host/web-1/package/dpkg/nginx",
            json!({"version": "1.22.1-9", "architecture": "amd64", "status": "installed"}),
        ),
        resource("host/web-1/sysctl//vm.swappiness", json!({"value": "10"})),
    ];
    let files: Vec<_> =
        render(&resources).unwrap().into_iter().map(|(path, text)| format!("# {}\n{text}", path.display())).collect();
    assert_eq!(
        files.concat(),
        "# web-1/files/etc/nginx/nginx.conf.yaml\n\
         host: web-1\nfile: /etc/nginx/nginx.conf\ntype: file\nmode: \"0644\"\nowner: root\ngroup: www-data\n\
         content: |\n  user www-data;\n\n  http {\n  \tgzip on;\n  }\n\
         # web-1/packages.yaml\n\
         host: web-1\npackages:\n  nginx: {version: 1.22.1-9, architecture: amd64, status: installed}\n\
         # web-1/sysctl.yaml\nhost: web-1\nsysctl:\n  vm.swappiness: \"10\"\n\
         # web-1/users.yaml\n\
         host: web-1\nusers:\n  deploy: {uid: 1001, gid: 1001, home: /home/deploy, shell: /bin/bash}\n"
    );
}

#[test]
fn odd_contents_and_names_come_back() {
    let contents = [
        "",
        "\n",
        "\n\n",
        "a",
        "a\n",
        "a\n\n",
        " a\nb\n",
        "\ta\n",
        "\n a\n",
        "a\r\nb\r\n",
        "a \nb\t\n",
        "a\n \nb\n",
        "a\n  ",
        "\u{0}\u{1}\n\u{7f}",
        "\u{feff}a\n",
        "a\u{2028}b\nc\n",
        "---\n",
        "a: b\n# c\n",
        "\"\\\n'\n",
        "yes",
        "0644",
        "~",
        "é\u{1f600}\n",
        "a\n...\nb\n",
        "\r",
        " \n ",
        "a\rb\n",
    ];
    let names: [&[u8]; 6] =
        [b"etc/a\xffb", b"etc/a b: c", b"etc/tab\t", b"etc/%41", "etc/gr\u{f6}\u{df}e".as_bytes(), b"etc/.env.d/\"x\""];
    let mut resources: Vec<Resource> =
        contents.iter().enumerate().map(|(n, content)| file(format!("tmp/{n}").as_bytes(), content)).collect();
    resources.extend(names.iter().map(|name| file(name, "x\n")));
    assert_eq!(back(&resources), expected(&resources));
}

#[test]
fn what_the_collectors_see_has_a_short_form() {
    let resources = [
        resource(
            "host/web-1/user//root",
            json!({"uid": 0, "gid": 0, "home": "/root", "shell": "/bin/sh", "comment": "", "password": "set"}),
        ),
        resource("host/web-1/group//adm", json!({"gid": 4, "members": ["amy", "zoe"]})),
        resource("host/web-1/socket//tcp:[::]:80", json!({"user": "7"})),
        resource("host/web-1/sysctl//net.ipv4.ip_local_port_range", json!({"value": "32768 60999"})),
        resource(
            "host/web-1/unit//getty@.service",
            json!({"enabled": "enabled", "fragment": "/lib/systemd/system/getty@.service"}),
        ),
        resource(
            "host/web-1/package/dpkg/libc6:i386",
            json!({"version": "2.36-9", "architecture": "i386", "status": "installed"}),
        ),
        resource(
            "host/web-1/file//etc/x",
            json!({"type": "symlink", "owner": "root", "group": "root", "target": "../y z"}),
        ),
    ];
    assert_eq!(back(&resources), expected(&resources));
    let files = render(&resources).unwrap();
    assert!(!files.iter().any(|(path, _)| path.ends_with("resources.yaml")), "{files:?}");
}

#[test]
fn what_has_no_short_form_is_written_long() {
    let resources = [
        resource("host/web-1/package_file/nginx/usr/sbin/nginx", json!({"digest": "md5:0"})),
        resource("host/web-1/user//odd", json!({"uid": "not a number", "more": [1, 2.5, null, true, {"a": "1"}]})),
        resource("host/web-1/socket//tcp/0.0.0.0:22", json!({"process": "sshd", "user": "root"})),
    ];
    assert_eq!(back(&resources), expected(&resources));
}

#[test]
fn the_files_are_the_same_in_any_order_and_a_repository_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut resources =
        vec![file(b"etc/a", "1\n"), file(b"etc/b", "2\n"), resource("host/web-1/sysctl//x", json!({"value": "1"}))];
    let files = write(dir.path(), &resources, &[]).unwrap().files;
    assert!(dir.path().join(".git").is_dir());
    let read = || files.iter().map(|file| std::fs::read(dir.path().join(file)).unwrap()).collect::<Vec<_>>();
    let before = read();
    resources.reverse();
    assert_eq!(write(dir.path(), &resources, &[]).unwrap(), Written { files: files.clone(), ..Written::default() });
    assert_eq!(read(), before);
    assert!(!dir.path().join(&files[0]).parent().unwrap().join(".git").exists());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_content_comes_back(content in "(?s)([ \\t\\n\\r]|[a-c:#'\"-]|\\PC|.){0,40}") {
        let resources = [file(b"tmp/x", &content)];
        prop_assert_eq!(back(&resources), expected(&resources));
    }

    #[test]
    fn any_name_comes_back(name in proptest::collection::vec(1u8.., 1..40)) {
        let name: Vec<u8> = name.into_iter().map(|byte| if byte == b'/' { b'_' } else { byte }).collect();
        prop_assume!(name != b"." && name != b"..");
        let id = |kind: &str| ResourceId::new("host", "web-1", kind, "", &escape_name(&name)).unwrap();
        let resources = [
            file(&name, "x\n"),
            (id("user"), Document::new(json!({"uid": 1})), None),
            (id("sysctl"), Document::new(json!({"value": escape_name(&name)})), None),
        ];
        prop_assert_eq!(back(&resources), expected(&resources));
    }
}
