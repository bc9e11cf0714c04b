//! A record from a disk or a broker that others can write to.

use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Once};

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{Int32Type, Int64Type};
use base::Timestamp;
use bus::codec::{CodecError, decode, encode};
use model::rows::Tick;
use model::{Batch, Offset, RecordId, Stream};

pub fn seeds() -> Vec<Vec<u8>> {
    let tick = Tick { time: Timestamp::from_secs(9) };
    let words: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    let columns: [(&str, ArrayRef); 4] = [
        ("a", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
        ("b", Arc::new(StringArray::from(vec![Some("x"), None, Some("zz")]))),
        ("c", Arc::new(words)),
        ("d", Arc::new(lists)),
    ];
    let id = Some(RecordId { producer: "drift".to_owned(), shard: 3, offset: Offset(77), index: 5 });
    let data = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let batches = [
        Batch::of("host/a", std::slice::from_ref(&tick)).expect("a batch"),
        Batch { stream: Stream::Samples, key: "host/web-1".to_owned(), id, data },
    ];
    batches.iter().map(|batch| encode(batch).expect("a record")).collect()
}

/// Arrow panics on some bytes, which the codec catches; nothing else may.
fn let_arrow_panic() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let ends = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            let ours = |file: &str| file.contains("crates/") || file.starts_with("src/");
            let caught = info.location().is_some_and(|at| !ours(at.file()));
            if !caught {
                ends(info);
            }
        }));
    });
}

pub fn run(data: &[u8]) {
    let_arrow_panic();
    match decode(&Buffer::from(data)) {
        Ok(batch) => {
            let bytes = encode(&batch).unwrap_or_else(|error| panic!("{error}: {batch:?}"));
            let again = decode(&Buffer::from_vec(bytes)).unwrap_or_else(|error| panic!("{error}: {batch:?}"));
            assert_eq!((again.stream, &again.key, &again.id), (batch.stream, &batch.key, &batch.id));
            assert_eq!(again.data.schema(), batch.data.schema());
            assert_eq!(again.data.num_rows(), batch.data.num_rows());
        }
        Err(CodecError::Version(version)) => assert_ne!(version, 1),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
