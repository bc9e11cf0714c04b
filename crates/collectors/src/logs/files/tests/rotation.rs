//! Every way in which files are rotated: each line is read once.

use std::fs;
use std::time::Duration;

use super::world::Tailing;

const ONE: &str = r#"{"files": [{"include": ["FOLDER/app.log"]}]}"#;
const ALL: &str = r#"{"files": [{"include": ["FOLDER/app*"]}]}"#;

#[tokio::test]
async fn a_file_grows_and_its_last_line_waits_for_its_end() {
    let mut files = Tailing::new(ONE).await;
    assert!(files.read().await.is_empty(), "there is no file");
    files.append("app.log", "one\ntwo\nthr");
    assert_eq!(files.read().await, ["one", "two"]);
    assert!(files.read().await.is_empty());
    files.append("app.log", "ee\n\nfour\n");
    assert_eq!(files.read().await, ["three", "four"]);
}

#[tokio::test]
async fn a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    for settings in [ONE, ALL] {
        let mut files = Tailing::new(settings).await;
        files.append("app.log", "one\n");
        assert_eq!(files.read().await, ["one"]);
        files.append("app.log", "two\n");
        files.rename("app.log", "app.log.1");
        files.append("app.log", "three\n");
        let mut seen = files.read().await;
        seen.sort();
        assert_eq!(seen, ["three", "two"]);
        // Who writes keeps the old one open for a while.
        files.append("app.log.1", "four\n");
        assert_eq!(files.read().await, ["four"]);
        files.rename("app.log.1", "app.log.2");
        files.append("app.log.2", "five\n");
        files.rename("app.log", "app.log.1");
        files.append("app.log.1", "six\n");
        let mut seen = files.read().await;
        seen.sort();
        assert_eq!(seen, ["five", "six"], "{settings}");
    }
}

#[tokio::test]
async fn a_deleted_file_is_read_to_its_end_and_its_last_line_needs_none() {
    let mut files = Tailing::new(ONE).await;
    files.append("app.log", "one\n");
    files.read().await;
    files.append("app.log", "two\nthree");
    fs::remove_file(files.path("app.log")).unwrap();
    assert_eq!(files.read().await, ["two"]);
    files.pass(Duration::from_secs(29));
    assert!(files.read().await.is_empty(), "it may grow");
    files.pass(Duration::from_secs(2));
    assert_eq!(files.read().await, ["three"]);
    assert!(files.tail.files.is_empty() && files.positions.is_empty());
}

#[tokio::test]
async fn an_emptied_file_begins_anew() {
    let mut files = Tailing::new(ONE).await;
    files.append("app.log", "one\ntwo\n");
    files.read().await;
    fs::write(files.path("app.log"), "three\n").unwrap();
    assert_eq!(files.read().await, ["three"]);
    // Already larger than it was before.
    fs::write(files.path("app.log"), "four\nfive\nsix\n").unwrap();
    assert_eq!(files.read().await, ["four", "five", "six"]);
    fs::write(files.path("app.log"), "").unwrap();
    assert!(files.read().await.is_empty());
    files.append("app.log", "seven\n");
    assert_eq!(files.read().await, ["seven"]);
}

#[tokio::test]
async fn of_a_copy_only_is_read_what_was_not_before_the_file_was_emptied() {
    let mut files = Tailing::new(ALL).await;
    files.append("app.log", "a line that begins it\ntwo\n");
    files.read().await;
    files.append("app.log", "three\n");
    fs::copy(files.path("app.log"), files.path("app.log.1")).unwrap();
    fs::write(files.path("app.log"), "").unwrap();
    files.append("app.log", "four\n");
    let mut seen = files.read().await;
    seen.sort();
    assert_eq!(seen, ["four", "three"]);
    // The copy is there before the file is emptied.
    files.append("app.log", "five is a longer line\n");
    assert_eq!(files.read().await, ["five is a longer line"]);
    fs::copy(files.path("app.log"), files.path("app.log.2")).unwrap();
    assert!(files.read().await.is_empty());
    fs::write(files.path("app.log"), "six\n").unwrap();
    assert_eq!(files.read().await, ["six"]);
}

#[tokio::test]
async fn a_copy_that_was_made_while_no_process_ran_is_known_too() {
    // Files are met in the order of their numbers: once the copy is first, once what was emptied.
    for spare in [true, false] {
        let mut files = Tailing::new(ALL).await;
        if spare {
            files.append("spare", "");
        }
        files.append("app.log", "a line that begins it\ntwo\n");
        files.read().await;
        files.append("app.log", "three\n");
        fs::copy(files.path("app.log"), files.path("spare")).unwrap();
        files.rename("spare", "app.log.1");
        fs::write(files.path("app.log"), "four\n").unwrap();
        files.restart();
        let mut seen = files.read().await;
        seen.sort();
        assert_eq!(seen, ["four", "three"], "{spare}");
    }
}

#[tokio::test]
async fn a_copy_that_is_being_made_is_waited_for() {
    let mut files = Tailing::new(ALL).await;
    let text = "a line that begins it\nand a second one\n";
    files.append("app.log", text);
    files.read().await;
    for part in [&text[..20], &text[20..30]] {
        files.append("app.log.1", part);
        assert!(files.read().await.is_empty());
    }
    files.append("app.log.1", &text[30..]);
    assert!(files.read().await.is_empty());
    files.append("app.log.2", &text[..22]);
    assert!(files.read().await.is_empty());
    assert_eq!(files.read().await, ["a line that begins it"], "it does not grow: it is no copy");
}

#[tokio::test]
async fn files_that_begin_alike_are_not_copies() {
    let mut files = Tailing::new(ALL).await;
    let banner = "a banner that every process writes\n";
    files.append("app.log", &format!("{banner}one\n"));
    files.read().await;
    files.append("app.log.old", &format!("{banner}TWO\nthree\n"));
    assert_eq!(files.read().await, [banner.trim(), "TWO", "three"]);
}

#[tokio::test]
async fn what_is_compressed_is_left_out() {
    let mut files = Tailing::new(ALL).await;
    files.append("app.log.1.gz", "text all the same\n");
    files.append("app.log.2", "\x1f");
    let mut gzip = vec![0x1f, 0x8b, 8, 0];
    gzip.extend_from_slice(b"\nbytes\n");
    fs::write(files.path("app.log.2"), gzip).unwrap();
    files.append("app.log", "one\n");
    assert_eq!(files.read().await, ["one"]);
}

#[tokio::test]
async fn another_process_goes_on_through_every_rotation() {
    let mut files = Tailing::new(ONE).await;
    files.append("app.log", "one\n");
    files.read().await;
    files.append("app.log", "two\n");
    files.restart();
    assert_eq!(files.read().await, ["two"]);
    // Renamed while nobody looked, to a name that nobody looks for.
    files.append("app.log", "three\n");
    files.rename("app.log", "app.log.1");
    files.append("app.log", "four\n");
    files.restart();
    let mut seen = files.read().await;
    seen.sort();
    assert_eq!(seen, ["four", "three"]);
    fs::write(files.path("app.log"), "5\n").unwrap();
    files.restart();
    assert_eq!(files.read().await, ["5"], "emptied while nobody looked");
}

#[tokio::test]
async fn another_file_with_the_same_number_is_another_file() {
    let mut files = Tailing::new(ONE).await;
    files.append("app.log", "the first file\n");
    files.read().await;
    // Written over, as a new file with a number that was given out again would be.
    fs::write(files.path("app.log"), "another file, and a longer one\n").unwrap();
    files.restart();
    assert_eq!(files.read().await, ["another file, and a longer one"]);
}

#[tokio::test]
async fn a_process_that_was_killed_reads_again_what_nobody_took() {
    let mut files = Tailing::new(ONE).await;
    files.append("app.log", "one\n");
    files.read().await;
    files.append("app.log", "two\nthree\n");
    assert_eq!(files.step(false).await.len(), 2);
    files.restart();
    assert_eq!(files.read().await, ["two", "three"], "twice, but not lost");
    files.restart();
    assert!(files.read().await.is_empty());
}

#[tokio::test]
async fn a_record_that_is_not_whole_is_read_again() {
    let settings = r#"{"files": [{"include": ["FOLDER/app.log"], "multiline": {"start": "^\\d"}}]}"#;
    let mut files = Tailing::new(settings).await;
    files.append("app.log", "1 one\n more\n2 two\n");
    assert_eq!(files.read().await, ["1 one\n more"]);
    files.restart();
    files.append("app.log", " more\n3 three\n");
    assert_eq!(files.read().await, ["2 two\n more"]);
    files.pass(Duration::from_secs(1));
    assert_eq!(files.read().await, ["3 three"]);
    files.restart();
    assert!(files.read().await.is_empty());
}
