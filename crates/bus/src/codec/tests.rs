use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, DictionaryArray, Int64Array, StringArray};
use arrow::array::{NullArray, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use arrow::ipc::CompressionType;
use base::Timestamp;
use model::rows::Tick;
use proptest::prelude::*;

use super::*;

fn sample() -> Batch {
    let metadata = HashMap::from([("dialect".to_owned(), "µ".to_owned())]);
    let schema = Schema::new_with_metadata(
        vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Utf8, true)],
        metadata,
    );
    let columns: Vec<arrow::array::ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1, 2, 3])), Arc::new(StringArray::from(vec![Some("x"), None, Some("zz")]))];
    Batch {
        stream: Stream::Samples,
        key: "host/web-1".to_owned(),
        id: Some(RecordId { producer: "drift".to_owned(), shard: 3, offset: Offset(77), index: 5 }),
        data: RecordBatch::try_new(Arc::new(schema), columns).unwrap(),
    }
}

fn same(a: &Batch, b: &Batch) -> bool {
    a.stream == b.stream && a.key == b.key && a.id == b.id && a.data == b.data
}

#[test]
fn a_batch_comes_back_with_its_id_key_and_schema_metadata() {
    let batch = sample();
    let back = decode(&Buffer::from_vec(encode(&batch).unwrap())).unwrap();
    assert!(same(&batch, &back));
    assert_eq!(batch.data.schema(), back.data.schema());
}

#[test]
fn rows_of_the_model_come_back() {
    let tick = Tick { time: Timestamp::from_secs(9) };
    let batch = Batch::of("host/a", std::slice::from_ref(&tick)).unwrap();
    let back = decode(&Buffer::from_vec(encode(&batch).unwrap())).unwrap();
    assert!(same(&batch, &back));
}

#[test]
fn a_slice_writes_only_its_own_rows_and_a_dictionary_survives() {
    let mut batch = sample();
    let whole = encode(&batch).unwrap().len();
    batch.data = batch.data.slice(1, 1);
    let body = encode(&batch).unwrap();
    assert!(body.len() <= whole);
    assert_eq!(decode(&Buffer::from_vec(body)).unwrap().data, batch.data);

    let words: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    batch.data = RecordBatch::try_from_iter([("w", Arc::new(words) as arrow::array::ArrayRef)]).unwrap();
    assert_eq!(decode(&Buffer::from_vec(encode(&batch).unwrap())).unwrap().data, batch.data);
}

#[test]
fn an_aligned_body_is_decoded_without_a_copy() {
    let body = Buffer::from(encode(&sample()).unwrap().as_slice()); // arrow allocates at 64 bytes or more
    let back = decode(&body).unwrap();
    let column = back.data.column(0).as_primitive::<Int64Type>().to_data();
    let (start, end) = (body.as_ptr() as usize, body.as_ptr() as usize + body.len());
    assert!((start..end).contains(&(column.buffers()[0].as_ptr() as usize)));
}

#[test]
fn what_cannot_be_read_says_why() {
    let body = encode(&sample()).unwrap();
    let mut newer = body.clone();
    newer[0] = 2;
    assert!(matches!(decode(&Buffer::from_vec(newer)), Err(CodecError::Version(2))));
    let mut unknown = body.clone();
    unknown[HEAD] = b'x';
    assert!(matches!(decode(&Buffer::from_vec(unknown)), Err(CodecError::Stream(name)) if name == "xamples"));
    for length in 0..body.len() {
        assert!(decode(&Buffer::from(&body[..length])).is_err(), "cut to {length}");
    }
    let mut long = sample();
    long.key = "k".repeat(16 * 1024 + 1);
    assert!(encode(&long).unwrap_err().to_string().contains("bus.key_bytes"));
}

/// The record of a batch whose Arrow part another writer made.
fn written(batch: &Batch, options: IpcWriteOptions) -> Vec<u8> {
    let plain = encode(batch).unwrap();
    let start = plain.len() - u32::from_le_bytes(*plain[28..].first_chunk().unwrap()) as usize;
    let mut writer =
        StreamWriter::try_new_with_options(plain[..start].to_vec(), batch.data.schema_ref(), options).unwrap();
    writer.write(&batch.data).unwrap();
    let mut body = writer.into_inner().unwrap();
    let length = u32::try_from(body.len() - start).unwrap();
    body[28..HEAD].copy_from_slice(&length.to_le_bytes());
    body
}

#[test]
fn what_is_compressed_is_refused_before_memory_is_taken_for_it() {
    let options = || IpcWriteOptions::try_new(8, false, MetadataVersion::V5).unwrap();
    assert!(decode(&Buffer::from_vec(written(&sample(), options()))).is_ok());
    for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let body = written(&sample(), options().try_with_compression(Some(codec)).unwrap());
        let error = decode(&Buffer::from_vec(body)).unwrap_err();
        assert!(matches!(error, CodecError::Malformed("its Arrow part is compressed")), "{error}");
    }
}

#[test]
fn rows_that_take_no_bytes_are_refused() {
    let mut batch = sample();
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Null, true)]));
    let rows = |count: usize| {
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(Arc::clone(&schema), vec![Arc::new(NullArray::new(count))], &options).unwrap()
    };
    batch.data = rows(3);
    assert_eq!(decode(&Buffer::from_vec(encode(&batch).unwrap())).unwrap().data.num_rows(), 3);
    batch.data = rows(1 << 40);
    let error = decode(&Buffer::from_vec(encode(&batch).unwrap())).unwrap_err();
    assert!(matches!(error, CodecError::Malformed("it has more rows than bits")), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn changed_bytes_never_panic(at in 0usize..4096, with in any::<u8>(), again in 0usize..4096, and in any::<u8>()) {
        let mut body = encode(&sample()).unwrap();
        let length = body.len();
        body[at % length] = with;
        body[again % length] = and;
        let _ = decode(&Buffer::from_vec(body));
    }
}
