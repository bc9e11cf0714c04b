use std::fs;

use futures::StreamExt;
use model::Offset;

use super::faulty::Faulty;
use super::{Folder, batch, count, fill, open, soon};
use crate::embedded::frame::HEADER;
use crate::{BusError, Log};

/// Where the frames of a file start, and its end.
fn starts(bytes: &[u8]) -> Vec<usize> {
    let mut at = HEADER as usize;
    let mut found = vec![at];
    while at < bytes.len() {
        let body = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        at += 32 + body.next_multiple_of(8);
        found.push(at);
    }
    found
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_is_cut_and_the_log_goes_on() {
    let (folder, disk) = (Folder::new(), Faulty::lazy());
    let log = open(&folder, folder.one_segment(), &disk);
    fill(&log, 0..3).await;
    log.append(0, (3..5).map(batch).collect()).await.unwrap();
    drop(log);
    let path = folder.segments()[0].clone();
    let whole = fs::read(&path).unwrap();
    let starts = starts(&whole);
    for length in starts[2]..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let log = open(&folder, folder.one_segment(), &disk);
        let kept = starts.iter().filter(|start| **start <= length).count() as i64 - 1;
        assert_eq!(count(&log).await, kept, "cut to {length} bytes");
        fill(&log, kept..kept + 1).await;
        drop(log);
        let log = open(&folder, folder.one_segment(), &disk);
        assert_eq!(count(&log).await, kept + 1, "after a cut to {length} bytes and an append");
    }
}

#[tokio::test]
async fn a_tail_of_zeros_or_of_a_page_that_was_not_written_is_cut() {
    let folder = Folder::new();
    let log = folder.open(folder.one_segment()).unwrap();
    fill(&log, 0..2).await;
    log.append(0, (2..6).map(batch).collect()).await.unwrap();
    drop(log);
    let path = folder.segments()[0].clone();
    let whole = fs::read(&path).unwrap();
    let starts = starts(&whole);

    let mut zeros = whole[..starts[3]].to_vec();
    zeros.resize(whole.len() + 5000, 0);
    fs::write(&path, &zeros).unwrap();
    assert_eq!(count(&folder.open(folder.one_segment()).unwrap()).await, 3);

    // The group was not synced: its first part may be missing while the rest is there.
    let mut hole = whole.clone();
    hole[starts[2] + 8..starts[3]].fill(0);
    fs::write(&path, &hole).unwrap();
    assert_eq!(count(&folder.open(folder.one_segment()).unwrap()).await, 2);
}

#[tokio::test]
async fn damage_to_what_was_acknowledged_is_named_and_nothing_is_cut() {
    let folder = Folder::new();
    let log = folder.open(folder.one_segment()).unwrap();
    fill(&log, 0..6).await;
    drop(log);
    let path = folder.segments()[0].clone();
    let whole = fs::read(&path).unwrap();
    let starts = starts(&whole);
    // In the body, in the length (which then leads astray), and in the mark.
    for at in [starts[2] + 60, starts[2] + 5, starts[2]] {
        let mut bad = whole.clone();
        bad[at] ^= 0x10;
        fs::write(&path, &bad).unwrap();
        match folder.open(folder.one_segment()).err() {
            Some(BusError::Corrupt { file, position, problem, .. }) => {
                assert_eq!((file, position), (path.display().to_string(), starts[2] as u64));
                assert!(problem.contains("offset 2 is damaged"), "{problem}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), bad);
    }
}

#[tokio::test]
async fn damage_in_an_earlier_segment_is_found_when_it_is_read() {
    let folder = Folder::new();
    let config = || crate::EmbeddedConfig { tail_bytes: 0, ..folder.config("state") };
    let log = folder.open(config()).unwrap();
    fill(&log, 0..60).await;
    drop(log);
    let path = folder.segments()[1].clone();
    let whole = fs::read(&path).unwrap();
    let at = starts(&whole)[2];
    let mut bad = whole.clone();
    bad[at + 40] ^= 1;
    fs::write(&path, &bad).unwrap();

    let log = folder.open(config()).unwrap();
    let mut records = log.read(0, Offset(0));
    let mut good = 0;
    let error = loop {
        match soon(records.next()).await.unwrap() {
            Ok(record) => assert_eq!(record.offset, Offset(good)),
            Err(error) => break error,
        }
        good += 1;
    };
    let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(good, first + 2, "what is before the damage is given out");
    assert!(
        matches!(&error, BusError::Corrupt { file, position, .. }
        if *file == path.display().to_string() && *position == at as u64),
        "{error}"
    );
    assert!(records.next().await.is_none());
}

#[tokio::test]
async fn a_segment_that_was_removed_or_cut_is_a_gap_not_a_silence() {
    for damage in [
        |path: &std::path::Path| fs::remove_file(path).unwrap(),
        |path: &std::path::Path| {
            let whole = fs::read(path).unwrap();
            fs::write(path, &whole[..starts(&whole)[1]]).unwrap();
        },
    ] {
        let folder = Folder::new();
        let config = || crate::EmbeddedConfig { tail_bytes: 0, ..folder.config("state") };
        let log = folder.open(config()).unwrap();
        fill(&log, 0..60).await;
        drop(log);
        damage(&folder.segments()[1]);
        let log = folder.open(config()).unwrap();
        let records: Vec<_> = soon(log.read(0, Offset(0)).collect()).await;
        assert!(matches!(records.last(), Some(Err(BusError::Corrupt { .. }))), "{:?}", records.last());
        assert!(records.len() < 60);
    }
}

#[tokio::test]
async fn a_segment_without_a_header_is_removed_and_a_foreign_one_is_named() {
    let folder = Folder::new();
    let log = folder.open(folder.config("state")).unwrap();
    fill(&log, 0..20).await;
    drop(log);
    let dir = folder.dir.path().join("state/0000");
    let unborn = dir.join("00000000000000000020.seg");
    for content in [Vec::new(), vec![0; 30], b"STDFL".to_vec()] {
        fs::write(&unborn, content).unwrap();
        let log = folder.open(folder.config("state")).unwrap();
        assert_eq!(count(&log).await, 20);
        assert!(!unborn.exists());
    }
    fs::write(&unborn, vec![b'x'; 4096]).unwrap();
    let error = folder.open(folder.config("state")).err().unwrap().to_string();
    assert!(error.contains("00000000000000000020.seg at byte 0: this is not a log segment"), "{error}");
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.open(folder.config("state")).unwrap());
    let path = folder.segments()[0].clone();
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 9;
    let crc = crc32fast::hash(&bytes[..40]);
    bytes[40..44].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = folder.open(folder.config("state")).err().unwrap().to_string();
    assert!(error.contains("segment format 9 is unknown, this program reads 1"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
