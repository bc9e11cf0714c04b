use super::errors;

#[track_caller]
fn error(text: &str, expected: &[&str]) {
    let errors = errors(text);
    for part in expected {
        assert!(errors[0].contains(part), "{:?} does not say {part:?}", errors[0]);
    }
}

#[test]
fn broken_yaml_names_its_place() {
    error("host: a\nusers: [\n", &["web-1/x.yaml:2:8: broken YAML: unclosed bracket"]);
    error("host: a\nfile: /x\n\tmode: 1\n", &["web-1/x.yaml:2:7: broken YAML", "a tab"]);
    error("host: a\nfile: \"/x\n", &["broken YAML"]);
    error("host: a: b\n", &["web-1/x.yaml:1:", "broken YAML"]);
}

#[test]
fn a_broken_document_does_not_hide_the_errors_of_the_next() {
    let errors = errors("host: a\nusers: {b: [}\n---\nhost: a\nfiel: /x\n---\nfile: /y\n");
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[1].contains("x.yaml:5:1: `fiel`: unknown key, did you mean `file`?"), "{errors:?}");
    assert!(errors[2].contains("x.yaml:7:1: `host`: is missing"), "{errors:?}");
}

#[test]
fn a_duplicate_key_names_both_lines() {
    error(
        "host: a\nfile: /x\nmode: \"0644\"\nmode: \"0600\"\n",
        &["x.yaml:4:1: `mode`: is there twice, first in line 3"],
    );
    error("host: a\nusers:\n  b: {}\n  b: {}\n", &["x.yaml:4:3: `b`: is there twice, first in line 3"]);
}

#[test]
fn an_unknown_key_says_what_was_meant() {
    error("host: a\nfile: /x\nownr: root\n", &["x.yaml:3:1: `ownr`: unknown key, did you mean `owner`?"]);
    error("host: a\nuser: {}\n", &["`user`: unknown key, did you mean `users`?"]);
    error("host: a\nusers:\n  b: {shel: /bin/sh}\n", &["x.yaml:3:7: `shel`: unknown key, did you mean `shell`?"]);
    error("host: a\nreplicas: 3\n", &["`replicas`: unknown key, known are host, hosts"]);
    error("hots: a\nfile: /x\n", &["x.yaml:1:1: `host`: is missing (is `hots` it?)"]);
    error("host: a\nmode: \"0644\"\n", &["`mode`: belongs to a file"]);
}

#[test]
fn a_wrong_type_or_value_says_what_it_must_be() {
    error("host: a\nusers: [b]\n", &["`users`: must be a map from names", "not a list"]);
    error("host: a\nusers: {b: {uid: lots}}\n", &["`uid`: `lots` is no whole number"]);
    error("host: a\nusers: {b: {uid: -1}}\n", &["no whole number"]);
    error("host: a\nusers: {b: {uid: [1]}}\n", &["must be a single value, not a list"]);
    error("host: a\nusers: {b: 5}\n", &["`b`: must be a map of uid, gid"]);
    error("host: a\nfile: /x\nmode: rw-r--r--\n", &["x.yaml:3:1: `mode`:", "octal"]);
    error("host: a\nfile: /x\nowner:\n", &["`owner`: has no value"]);
    error("host: a\nfile: etc/x\n", &["x.yaml:2:7: `file`:", "absolute path"]);
    error("host: a\nfile: /etc/../x\n", &["without"]);
    error("host: a\nfile: /x\ndigest: blake3:12\n", &["64 lower-case hexadecimal digits"]);
    error("host: a/b\nfile: /x\n", &["`a/b` is no name of a host"]);
    error("hosts: a\nfile: /x\n", &["`hosts`: must be a list"]);
    error("host: a\nhosts: [b]\nfile: /x\n", &["not both"]);
    error("just a text\n", &["a single value"]);
    error("host: a\n", &["declares nothing"]);
}

#[test]
fn a_file_has_one_content() {
    let digest = format!("blake3:{}", "0".repeat(64));
    error(&format!("host: a\nfile: /x\ncontent: b\ndigest: {digest}\n"), &["x.yaml:4:1: `digest`:", "line 3"]);
    error("host: a\nfile: /x\ncontent: b\nsource: motd.txt\n", &["`source`:", "one content"]);
    error("host: a\nfile: /x\nsource: gone.txt\n", &["`source`: gone.txt is not in the repository"]);
    error("host: a\nfile: /x\nusers: {}\n", &["`users`:", "---"]);
}

#[test]
fn a_secret_must_not_stand_there_and_is_not_repeated() {
    let digest = format!("blake3:{}", "0".repeat(64));
    error(&format!("host: a\nfile: /etc/shadow\ndigest: {digest}\n"), &["`digest`:", "looks like a secret", "keyed:"]);
    for secret in ["hunter2", "$6$salt$hash"] {
        let all = errors(&format!("host: a\nusers: {{b: {{password: {secret}}}}}\n"));
        assert!(all[0].contains("`password`: must be `locked`, `set`") && !all[0].contains(secret), "{all:?}");
    }
    let long = format!("host: a\nresources: [{{kind: file, name: etc/shadow, document: {{digest: \"{digest}\"}}}}]\n");
    error(&long, &["looks like a secret"]);
}

#[test]
fn a_manifest_of_another_provider_is_named() {
    error(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
        &["a Kubernetes manifest (apps/v1 Deployment)"],
    );
    error("services: {web: {image: nginx}}\n", &["a Compose file"]);
    error("AWSTemplateFormatVersion: \"2010-09-09\"\n", &["a CloudFormation template"]);
    error("- hosts: all\n  tasks: []\n", &["an Ansible playbook"]);
}

#[test]
fn managed_places_are_checked() {
    error("host: a\nmanage: [file: /etc/nginx]\n", &["must end with a slash"]);
    error("host: a\nmanage: [file]\n", &["say which files"]);
    error("host: a\nmanage: [usrs]\n", &["`usrs` is no kind, did you mean `users`?"]);
    error("host: a\nmanage: all\n", &["must be a list"]);
}

#[test]
fn a_yaml_bomb_is_refused_by_a_limit_before_it_expands() {
    let mut text = String::from("host: a\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let before = format!("*a{}", n - 1);
        text.push_str(&format!("a{n}: &a{n} [{}]\n", vec![before; 10].join(", ")));
    }
    error(&text, &["manifest_nodes"]);
    error(&format!("host: a\nusers: {}{}\n", "[".repeat(5000), "]".repeat(5000)), &["x.yaml:2:", "broken YAML"]);
    error("host: &a [*a]\n", &["x.yaml:1:"]);
    error("host: a\n<<: {file: /x}\n", &["merge keys"]);
    error("host: !secret a\n", &["the tag"]);
}

#[test]
fn what_holds_odd_bytes_is_no_reason_to_panic() {
    for text in [
        "\u{0}",
        "host: \u{0}",
        "\u{feff}host: a\nfile: /x",
        "? [a]: b",
        "host: a\n? {b: c}\n: d\n",
        "*x",
        "&a",
        "%YAML 9\n---\n",
    ] {
        let _ = super::try_read(text);
    }
}
