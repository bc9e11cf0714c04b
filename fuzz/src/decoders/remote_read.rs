//! Remote read: requests, and the answers that are written for them.

use base::Limit;
use wire::pb::{Reader, View};
use wire::remote_read::{Answer, Form, ReadRequest};

use crate::{protobuf, seeds};

/// Bytes of an answer.
const LIMIT: Limit = Limit::new("fuzz_answer_bytes", 1 << 12);

pub fn seeds() -> Vec<Vec<u8>> {
    let request = |bytes: &[u8]| bytes.to_vec();
    let mut seeds = vec![
        request(b"\x0a\x17\x08\x01\x10\x88\x27\x1a\x0e\x12\x08__name__\x1a\x02up\x10\x00"),
        request(b"\x0a\x0d\x08\x01\x10\x02\x1a\x07\x08\x02\x12\x01a\x1a\x00\x12\x02\x01\x00"),
    ];
    seeds.push(seeds::file("wire/tests/bodies/remote_write_v1.bin"));
    seeds
}

pub fn run(data: &[u8]) {
    let Ok(tree) = protobuf::read(Reader::new(data, ReadRequest::message()), ReadRequest::message()) else { return };
    let request = ReadRequest::read(data).expect("what is read by its schema is read by its view");
    let forms = request.forms().expect("all of it was read");
    assert!(!forms.is_empty() || request.accepted_response_types.count().unwrap() > 0);
    assert!(forms.iter().filter(|form| **form == Form::Chunks).count() <= 1);
    let again = protobuf::write(&tree, ReadRequest::message());
    let again = ReadRequest::read(&again).expect("what was written is read");
    assert_eq!(again.forms().unwrap(), forms);
    assert_eq!(shown(&again), shown(&request));
    answer(&request);
}

fn shown(request: &ReadRequest<'_>) -> String {
    let queries = request.queries.iter().map(|query| {
        let query = query.unwrap();
        let matchers: Vec<_> = query.matchers.iter().map(Result::unwrap).collect();
        format!("{} {} {matchers:?}", query.start_timestamp_ms, query.end_timestamp_ms)
    });
    queries.collect::<Vec<_>>().join("\n")
}

/// An answer of what was asked: it ends at its limit, and is a message if it does not.
fn answer(request: &ReadRequest<'_>) {
    let mut answer = Answer::new(LIMIT);
    let done = answer.result(|answer| {
        for query in request.queries.iter().map_while(Result::ok) {
            let labels = || query.matchers.iter().map_while(Result::ok).map(|matcher| (matcher.name, matcher.value));
            let floats = (0..3).map(|n| (query.start_timestamp_ms.wrapping_add(n), n as f64));
            answer.series(labels(), floats, std::iter::empty())?;
        }
        Ok::<_, base::Exceeded>(())
    });
    if done.is_ok() {
        let bytes = answer.finish().expect("within the limit");
        let size = snap::raw::decompress_len(&bytes).expect("a block");
        // The labels of the last series come on top.
        assert!(size as u64 <= LIMIT.max() + 4 * 4096, "{size}");
    }
}
