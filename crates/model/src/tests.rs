use base::Timestamp;

use crate::rows::{Live, Scope, SetChunk, SetMember, SetSide};
use crate::{Batch, Dedup, Fingerprint, Key, ModelError, Offset, Record, RecordId, Row, ScopeState, Stream};

fn live(name: &str) -> Live {
    let id: crate::ResourceId = format!("host/web-1/file//{name}").parse().unwrap();
    Live {
        time: Timestamp::from_secs(1),
        scope: id.scope().to_owned(),
        source: "host.files".to_owned(),
        key: id.key(),
        kind: id.kind().to_owned(),
        id,
        present: true,
        fingerprint: Fingerprint([7; 16]),
        document: Some("{}".to_owned()),
        text: None,
        actor: None,
    }
}

#[test]
fn rows_become_columns_and_rows_again() {
    let rows = vec![live("a"), live("b")];
    assert_eq!(Live::decode(&Live::encode(&rows).unwrap()).unwrap(), rows);
}

#[test]
fn every_stream_has_its_own_name_and_a_schema() {
    for stream in Stream::ALL {
        assert_eq!(Stream::named(stream.as_str()), Some(*stream));
        assert!(!stream.schema().fields().is_empty());
    }
}

#[test]
fn a_word_that_is_none_names_the_column_and_the_words() {
    let scope = Scope {
        time: Timestamp::ZERO,
        scope: "host/a".to_owned(),
        source: "s".to_owned(),
        state: ScopeState::Ok,
        message: None,
        resources: 0,
        stale_after: Timestamp::ZERO,
        covers: None,
    };
    let batch = Scope::encode(&[scope]).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[3] = std::sync::Arc::new(arrow::array::StringArray::from(vec!["fine"]));
    let wrong = arrow::array::RecordBatch::try_new(batch.schema(), columns).unwrap();
    let error = Scope::decode(&wrong).unwrap_err();
    assert!(matches!(error, ModelError::Column { column: "state", .. }), "{error}");
    assert!(error.to_string().contains("scanning, ok, stale, failed"), "{error}");
}

#[test]
fn a_set_in_chunks_covers_every_key_once() {
    let member = |n: u128| SetMember { key: Key((n << 100).to_be_bytes()), fingerprint: Fingerprint::ABSENT };
    let count = SetChunk::MAX as u128 + 10;
    let chunks = SetChunk::full("host/a", "s", SetSide::Live, "", (0..count).rev().map(member).collect()).unwrap();
    let chunks: Vec<_> = chunks.iter().map(|batch| SetChunk::from_batch(&batch.data).unwrap()).collect();
    assert_eq!(chunks.len(), 2);
    assert_eq!((chunks[0].first, chunks[1].last), (Key([0; 16]), Key([0xff; 16])));
    assert_eq!(u128::from_be_bytes(chunks[0].last.0) + 1, u128::from_be_bytes(chunks[1].first.0));
    assert_eq!(chunks.iter().map(|chunk| chunk.members.num_rows()).sum::<usize>(), count as usize);
}

#[test]
fn an_output_that_is_appended_again_is_not_admitted_again() {
    let record = |offset, input, index| Record {
        shard: 0,
        offset: Offset(offset),
        time: Timestamp::ZERO,
        batch: Batch {
            id: Some(RecordId { producer: "drift".to_owned(), shard: 0, offset: Offset(input), index }),
            ..Batch::of("host/a", &[live("a")]).unwrap()
        },
    };
    let mut dedup = Dedup::default();
    let seen: Vec<bool> = [(10, 4, 0), (11, 4, 1), (12, 4, 0), (13, 4, 1), (14, 5, 0)]
        .map(|(o, i, n)| dedup.admit(&record(o, i, n)))
        .to_vec();
    assert_eq!(seen, [true, true, false, false, true]);
}
