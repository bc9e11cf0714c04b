use crate::host::Host;

#[test]
fn check_config_names_every_mistake_with_its_line_and_what_was_meant() {
    let host = Host::new(0, "");
    let file = host.path().join("wrong.yaml");
    std::fs::write(
        &file,
        "data_dir: /tmp/x\nhots:\n  name: a\nserver:\n  listne: 127.0.0.1:1\nstore:\n  flush_bytes: many\n",
    )
    .unwrap();
    let (code, text) = host.run(&["check-config", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    for part in ["wrong.yaml:2:1", "did you mean `host`", ":5:", "listne", "did you mean `listen`", ":7:"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let (code, text) = host.run(&["check-config", host.config()]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_diff_of_two_files_says_field_declared_live_file_and_line() {
    let host = Host::new(0, "");
    let (desired, live) = (host.path().join("desired.yaml"), host.path().join("live.yaml"));
    std::fs::write(&desired, "host: web-1\nfile: /etc/motd\nmode: \"0644\"\n").unwrap();
    std::fs::write(&live, "host: web-1\nfile: /etc/motd\nmode: \"0666\"\n").unwrap();
    let files = ["--desired", desired.to_str().unwrap(), "--live", live.to_str().unwrap()];
    let (code, text) = host.run(&[&["diff"], &files[..], &["--output", "json"]].concat());
    assert_eq!(code, 2, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let field = &report["resources"][0]["fields"][0];
    assert_eq!((field["path"].as_str(), field["reason"].as_str()), (Some("/mode"), Some("modified")));
    assert_eq!((field["declared"].as_str(), field["live"].as_str()), (Some("0644"), Some("0666")));
    assert_eq!(report["resources"][0]["line"], 2);
    assert_eq!(report["summary"]["modified"], 1);
    let (code, text) = host.run(&["diff", "--desired", desired.to_str().unwrap(), "--live", desired.to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn without_a_running_steadfast_it_says_how_to_start_one() {
    let host = Host::new(0, "");
    let (code, text) = host.run(&["drift"]);
    assert_eq!(code, 1);
    assert!(text.contains("steadfast up") && text.contains("--server"), "{text}");
}

#[test]
fn the_example_configuration_is_fine() {
    let host = Host::new(0, "");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/steadfast.example.yaml");
    let (code, text) = host.run(&["check-config", example]);
    assert_eq!(code, 0, "{text}");
}
