use std::fs;
use std::time::Duration;

use super::world::Tailing;

#[tokio::test]
async fn lines_of_containers_become_records() {
    let settings = r#"{"files": [{"include": ["FOLDER/pods/*/*/*.log"], "resource": {"k8s.cluster.name": "eu"}}]}"#;
    let mut files = Tailing::new(settings).await;
    fs::create_dir_all(files.path("pods/shop_web-1_uid-9/nginx")).unwrap();
    let lines = [
        "2026-11-26T10:00:00.5Z stdout P the first",
        "2026-11-26T10:00:01Z stderr F WARN beside it",
        "2026-11-26T10:00:02Z stdout F  and the last part",
        "what no runtime writes",
        r#"{"log":"as Docker has it\n","stream":"stdout","time":"2026-11-26T10:00:03Z"}"#,
    ];
    files.append("pods/shop_web-1_uid-9/nginx/0.log", &(lines.join("\n") + "\n"));
    let seen = files.lines().await;
    let bodies: Vec<_> = seen.iter().map(|line| line.body.as_str()).collect();
    assert_eq!(bodies, ["WARN beside it", "the first and the last part", "what no runtime writes", "as Docker has it"]);
    assert_eq!(seen[1].ts.to_string(), "2026-11-26T10:00:00.5Z", "the time of its beginning");
    assert_eq!((seen[0].severity.as_str(), seen[0].service.as_str()), ("WARN", "nginx"));
    let resource = seen[0].resource.as_ref().unwrap();
    let of = |name: &str| resource.get(name).map_or("-", String::as_str);
    assert_eq!((of("k8s.namespace.name"), of("k8s.pod.name"), of("k8s.container.name")), ("shop", "web-1", "nginx"));
    assert_eq!((of("host.name"), of("k8s.cluster.name")), ("h", "eu"));
    assert_eq!(seen[0].attributes["log.iostream"], "stderr");
    assert_eq!(seen[2].ts.to_string(), "1970-01-12T13:46:40Z", "when it was read");
}

#[tokio::test]
async fn a_line_over_the_limit_is_cut_and_the_next_is_whole() {
    let mut files = Tailing::new(r#"{"max_line_bytes": 1024, "files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    files.append("a.log", &format!("{}\nnext\n{}", "x".repeat(3_000), "y".repeat(1_024)));
    let seen = files.lines().await;
    assert_eq!(
        (seen[0].body.len(), seen[0].attributes["text.cut"].as_str(), seen[1].body.as_str()),
        (1_024, "true", "next")
    );
    assert_eq!(seen.len(), 2, "it may have its end there");
    files.append("a.log", "yy");
    assert_eq!(files.read().await, ["y".repeat(1_024)]);
    files.restart();
    files.append("a.log", "yyy\nlast\n");
    assert_eq!(files.read().await, ["last"], "what was passed over stays so");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_kept_as_far_as_they_are_and_said() {
    let mut files = Tailing::new(r#"{"files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    fs::write(files.path("a.log"), b"caf\xe9\r\n").unwrap();
    let seen = files.lines().await;
    assert_eq!((seen[0].body.as_str(), seen[0].attributes["text.lossy"].as_str()), ("caf\u{fffd}", "true"));
}

#[tokio::test]
async fn lines_of_a_file_stay_in_order_by_their_times() {
    let mut files = Tailing::new(r#"{"batch_rows": 3, "files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    files.append("a.log", &(0..10).map(|n| format!("{n}\n")).collect::<String>());
    let mut seen = files.lines().await;
    assert!(seen.is_sorted_by(|a, b| a.ts < b.ts));
    files.append("a.log", "10\n");
    seen.extend(files.lines().await);
    assert!(seen.is_sorted_by(|a, b| a.ts < b.ts), "though the clock stands still");
}

#[tokio::test]
async fn many_files_need_few_descriptors() {
    let mut files =
        Tailing::new(r#"{"max_open_files": 3, "batch_rows": 7, "files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    for round in 0..3 {
        for n in 0..20 {
            files.append(&format!("{n}.log"), &format!("{n} in {round}\n"));
        }
        // Files that cannot be opened at once are opened at the next look.
        let mut seen = Vec::new();
        for _ in 0..20 {
            seen.extend(files.read().await);
            assert!(files.tail.opened.len() <= 3);
        }
        assert_eq!(seen.len(), 20, "{round}");
    }
}

#[tokio::test]
async fn a_file_that_was_closed_is_read_after_it_was_renamed_and_named_if_it_was_deleted() {
    let mut files = Tailing::new(r#"{"max_open_files": 1, "files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    for name in ["a.log", "b.log"] {
        files.append(name, "one\n");
    }
    for _ in 0..3 {
        files.read().await;
    }
    let closed = |files: &Tailing| files.tail.files.values().find(|file| !file.is_open()).unwrap().path.clone();
    let path = closed(&files);
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    files.append(&name, "two\n");
    files.rename(&name, "elsewhere");
    assert_eq!(files.read().await, ["two"]);
    let path = closed(&files);
    fs::remove_file(path).unwrap();
    assert!(files.read().await.is_empty());
    files.pass(Duration::from_secs(40));
    files.read().await;
    // The other one had kept its place.
    files.read().await;
    assert!(files.tail.files.is_empty());
}

#[tokio::test]
async fn more_files_than_may_be_are_left_out_and_come_later() {
    let mut files = Tailing::new(r#"{"max_files": 2, "files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    for name in ["a.log", "b.log", "c.log"] {
        files.append(name, &format!("{name}\n"));
    }
    assert_eq!(files.read().await, ["a.log", "b.log"]);
    fs::remove_file(files.path("a.log")).unwrap();
    files.read().await;
    files.pass(Duration::from_secs(31));
    files.read().await;
    assert_eq!(files.read().await, ["c.log"]);
}

#[tokio::test]
async fn a_file_that_is_followed_stays_so_though_too_many_come_before_it() {
    let mut files = Tailing::new(r#"{"max_files": 2, "files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    files.append("m.log", "one\n");
    files.append("n.log", "one\n");
    assert_eq!(files.read().await.len(), 2);
    for name in ["a.log", "b.log", "c.log"] {
        files.append(name, "of others\n");
    }
    for _ in 0..3 {
        assert!(files.read().await.is_empty());
        files.pass(Duration::from_secs(31));
    }
    files.append("m.log", "two\n");
    assert_eq!(files.read().await, ["two"]);
}

#[tokio::test]
async fn what_is_no_file_is_never_waited_for() {
    let mut files = Tailing::new(r#"{"files": [{"include": ["FOLDER/*.log"]}]}"#).await;
    fs::create_dir(files.path("folder.log")).unwrap();
    let fifo = files.path("pipe.log");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    std::os::unix::fs::symlink(files.path("real"), files.path("link.log")).unwrap();
    std::os::unix::fs::symlink(files.path("loop.log"), files.path("loop.log")).unwrap();
    files.append("real", "by a link\n");
    assert_eq!(files.read().await, ["by a link"]);
    assert!(crate::logs::files::follow::open(&fifo).is_err());
}

#[tokio::test]
async fn a_file_may_be_begun_at_its_end_when_the_process_runs_first() {
    let mut files = Tailing::new(r#"{"files": [{"include": ["FOLDER/*.log"], "start": "end"}]}"#).await;
    files.append("a.log", "old\nhalf a li");
    files.append("whole.log", "old\n");
    assert!(files.read().await.is_empty());
    files.append("a.log", "ne\nnew\n");
    files.append("whole.log", "next\n");
    files.append("b.log", "of a new file\n");
    let mut seen = files.read().await;
    seen.sort();
    assert_eq!(seen, ["new", "next", "of a new file"]);
}
