use futures::StreamExt;
use futures::future::join_all;
use model::Offset;

use super::counters::Counters;
use super::faulty::Faulty;
use super::{Folder, batch, count, fill, open, soon};
use crate::{BusError, Log};

#[tokio::test]
async fn a_full_disk_refuses_at_every_byte_leaves_nothing_and_works_again() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let log = open(&folder, folder.one_segment(), &disk);
    fill(&log, 0..1).await;
    let before = std::fs::metadata(&folder.segments()[0]).unwrap().len();
    fill(&log, 1..2).await;
    let frame = std::fs::metadata(&folder.segments()[0]).unwrap().len() - before;
    let mut expected = 2;
    for space in 0..frame {
        disk.set(|faults| faults.space = Some(space));
        match log.append(0, vec![batch(99)]).await {
            Err(BusError::Unavailable { problem, retry_after, .. }) => {
                assert!(problem.contains("no storage space") && !retry_after.is_zero(), "{problem}");
            }
            other => panic!("with {space} bytes left: {other:?}"),
        }
        if space % 50 == 0 {
            disk.set(|faults| faults.space = None);
            fill(&log, expected..expected + 1).await;
            expected += 1;
        }
    }
    assert_eq!(count(&log).await, expected);
    drop(log);
    assert_eq!(count(&folder.open(folder.one_segment()).unwrap()).await, expected, "nothing was left on the disk");
}

#[tokio::test]
async fn a_disk_that_is_full_when_a_segment_is_begun_works_again() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let log = open(&folder, folder.config("state"), &disk);
    let mut n = 0;
    while std::fs::metadata(&folder.segments()[0]).unwrap().len() < 4096 {
        fill(&log, n..n + 1).await;
        n += 1;
    }
    for space in [0, 10, 47] {
        disk.set(|faults| faults.space = Some(space));
        assert!(matches!(log.append(0, vec![batch(n)]).await, Err(BusError::Unavailable { .. })));
        assert_eq!(folder.segments().len(), 1);
    }
    disk.set(|faults| faults.space = None);
    fill(&log, n..n + 1).await;
    assert_eq!(folder.segments().len(), 2);
    assert_eq!(count(&log).await, n + 1);
}

#[tokio::test]
async fn short_writes_are_gone_on_with() {
    let folder = Folder::new();
    let disk = Faulty::default();
    disk.set(|faults| faults.chunk = Some(7));
    let log = open(&folder, folder.one_segment(), &disk);
    fill(&log, 0..3).await;
    drop(log);
    assert_eq!(count(&folder.open(folder.one_segment()).unwrap()).await, 3);
}

#[tokio::test]
async fn a_failed_fsync_closes_the_log_until_it_is_opened_again() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let log = open(&folder, folder.one_segment(), &disk);
    fill(&log, 0..2).await;
    let mut reader = log.read(0, Offset(0));
    disk.set(|faults| faults.sync_fails = true);
    for _ in 0..2 {
        match soon(log.append(0, vec![batch(2)])).await {
            Err(BusError::Closed { problem, .. }) => {
                assert!(problem.contains("cannot sync: the device is gone"), "{problem}")
            }
            other => panic!("{other:?}"),
        }
        disk.set(|faults| faults.sync_fails = false);
    }
    // Readers get what was acknowledged, and no more.
    for n in 0..2 {
        assert_eq!(reader.next().await.unwrap().unwrap().offset, Offset(n));
    }
    assert!(matches!(soon(reader.next()).await, Some(Err(BusError::Closed { .. }))));
    assert!(reader.next().await.is_none());
    drop(log);
    // It was written, but nobody was told so, and the system may take it for synced when it is not.
    let log = folder.open(folder.one_segment()).unwrap();
    assert_eq!(count(&log).await, 2);
}

#[tokio::test]
async fn a_partial_write_that_cannot_be_cut_closes_the_log() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let log = open(&folder, folder.one_segment(), &disk);
    fill(&log, 0..2).await;
    disk.set(|faults| (faults.space, faults.cut_fails) = (Some(20), true));
    assert!(matches!(soon(log.append(0, vec![batch(2)])).await, Err(BusError::Closed { .. })));
    drop(log);
    assert_eq!(count(&folder.open(folder.one_segment()).unwrap()).await, 2, "the partial record is a torn tail");
}

/// The power goes after each possible number of bytes, between write and acknowledgement too:
/// what was acknowledged is there, nothing is there twice, and at most the rest is missing.
#[tokio::test]
async fn nothing_acknowledged_is_lost_wherever_the_power_goes() {
    for power in (0..9000).step_by(61) {
        let folder = Folder::new();
        let disk = Faulty::lazy();
        let log = open(&folder, folder.config("state"), &disk);
        disk.set(|faults| faults.power = Some(power));
        let mut acknowledged = 0;
        while let Ok(offset) = log.append(0, vec![batch(acknowledged)]).await {
            assert_eq!(offset, Offset(acknowledged.cast_unsigned()));
            acknowledged += 1;
        }
        drop(log);
        disk.set(|faults| faults.power = None);
        let log = open(&folder, folder.config("state"), &disk);
        let there = count(&log).await;
        assert!(there == acknowledged || there == acknowledged + 1, "power {power}: {there} of {acknowledged}");
        fill(&log, there..there + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_that_wait_share_one_write_and_one_fsync() {
    let folder = Folder::new();
    let disk = Faulty::default();
    let log = open(&folder, folder.one_segment(), &disk);
    let syncs = disk.get(|faults| faults.syncs);
    let appends = join_all((0..200).map(|n| log.append(0, vec![batch(n)]))).await;
    assert!(appends.into_iter().all(|append| append.is_ok()));
    let syncs = disk.get(|faults| faults.syncs) - syncs;
    assert!(syncs < 150, "{syncs} fsyncs for 200 appends at once");
}

#[tokio::test]
async fn a_segment_that_cannot_be_removed_once_leaves_no_hole() {
    for mends in [false, true] {
        let folder = Folder::new();
        let disk = Faulty::default();
        let log = open(&folder, folder.config("state"), &disk);
        fill(&log, 0..100).await;
        let before = folder.segments();
        disk.set(|faults| faults.remove_fails = true);
        for upto in [80, 90] {
            let error = log.truncate(0, Offset(upto)).await.unwrap_err();
            assert!(error.to_string().contains("cannot remove"), "{error}");
            assert_eq!(folder.segments(), before, "those behind it stay");
        }
        disk.set(|faults| faults.remove_fails = false);
        if mends {
            log.truncate(0, Offset(90)).await.unwrap();
            assert!(!folder.segments().contains(&before[0]), "it is tried again");
        }
        drop(log);
        let log = open(&folder, folder.config("state"), &disk);
        let (start, end) = log.bounds(0).await.unwrap();
        assert_eq!((start == Offset(0), end), (!mends, Offset(100)));
        let mut reader = log.read(0, start);
        for offset in start.0..end.0 {
            assert_eq!(reader.next().await.unwrap().unwrap().offset, Offset(offset));
        }
    }
}

#[tokio::test]
async fn a_segment_that_cannot_be_removed_is_counted_with_its_bytes() {
    let counters = Counters::default();
    let _here = metrics::set_default_local_recorder(&counters);
    let errors = || counters.get("steadfast_log_remove_errors_total");
    let (folder, disk) = (Folder::new(), Faulty::default());
    let log = open(&folder, folder.config("state"), &disk);
    fill(&log, 0..100).await;
    assert_eq!(errors(), Some(0), "it is there before it is needed");
    let counted = || log.shards[0].shared.state.lock().bytes();
    let on_disk = || folder.segments().iter().map(|path| path.metadata().unwrap().len()).sum::<u64>();
    disk.set(|faults| faults.remove_fails = true);
    for times in 1..=2 {
        log.truncate(0, Offset(90)).await.unwrap_err();
        assert_eq!((errors(), counted()), (Some(times), on_disk()));
    }
    disk.set(|faults| faults.remove_fails = false);
    log.truncate(0, Offset(90)).await.unwrap();
    assert_eq!((errors(), counted()), (Some(2), on_disk()));
}
