use super::{Folder, count, fill};
use crate::Log;

#[tokio::test]
async fn a_log_keeps_its_identity_and_one_that_is_made_anew_has_another() {
    let folder = Folder::new();
    let path = folder.dir.path().join("state/log");
    let open = || folder.open(folder.config("state")).unwrap();
    let log = open();
    fill(&log, 0..3).await;
    let first = log.identity().unwrap();
    drop(log);
    assert_eq!(open().identity().as_ref(), Some(&first));
    assert_ne!(folder.open(folder.config("telemetry")).unwrap().identity().as_ref(), Some(&first));
    // As a program of before has left it.
    std::fs::write(&path, "steadfast-log 1\nshards 1\n").unwrap();
    let log = open();
    let second = log.identity().unwrap();
    assert_eq!(count(&log).await, 3, "and it is as it was");
    drop(log);
    assert_eq!(open().identity().as_ref(), Some(&second));
    // Somebody has removed what was in it, or all of it.
    std::fs::remove_dir_all(folder.dir.path().join("state/0000")).unwrap();
    let third = open().identity().unwrap();
    std::fs::remove_dir_all(folder.dir.path().join("state")).unwrap();
    let fourth = open().identity().unwrap();
    assert!(first != second && second != third && third != fourth && fourth != second);
    std::fs::write(&path, "steadfast-log 1\nshards 1\nid 12\n").unwrap();
    let error = folder.open(folder.config("state")).err().unwrap().to_string();
    assert!(error.contains("the third line is not `id` and 32 digits"), "{error}");
}
