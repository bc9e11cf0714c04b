use futures::StreamExt;
use model::rows::LogLine;
use model::{Batch, Offset, Row};

use super::{Failure, Fixture, check, number, numbered, soon, take};
use crate::{BusError, Records};

pub(super) async fn truncated_records_are_gone(fixture: &dyn Fixture) -> Result<(), Failure> {
    const COUNT: u64 = 300;
    let log = fixture.open("truncate", 1).await?;
    for n in 0..COUNT {
        let batches = if n % 2 == 0 {
            vec![numbered("key", n.cast_signed())?]
        } else {
            vec![numbered(&"k".repeat(400), n.cast_signed())?]
        };
        log.append(0, batches).await?;
    }
    log.truncate(0, Offset(200)).await?;
    let (start, end) = log.bounds(0).await?;
    check(start > Offset(0) && start <= Offset(200) && end == Offset(COUNT), || format!("bounds {start}, {end}"))?;
    match failure(log.read(0, Offset(0))).await? {
        BusError::Truncated { asked: Offset(0), start: from, .. } if from == start => {}
        other => return Err(Failure::new(format!("a read of truncated records gave: {other}"))),
    }
    let records = take(log.as_ref(), 0, start, COUNT - start.0).await?;
    check(number(&records[0])? == start.0.cast_signed(), || "the start has moved, but not its batch".to_owned())?;
    // Again, and less than before: nothing changes.
    log.truncate(0, Offset(5)).await?;
    check(log.bounds(0).await? == (start, end), || "a second truncate has moved the start".to_owned())?;
    // More than there is: the log goes on where it was.
    log.truncate(0, Offset(COUNT + 100)).await?;
    let offset = log.append(0, vec![numbered("key", 1)?]).await?;
    check(offset == Offset(COUNT), || format!("after a truncate of everything, the next offset is {offset}"))?;
    fixture.close(log).await?;
    let log = fixture.open("truncate", 1).await?;
    let (_, end) = log.bounds(0).await?;
    check(end == Offset(COUNT + 1), || format!("opened again, the log ends at {end}"))?;
    fixture.close(log).await
}

pub(super) async fn an_empty_log_has_bounds(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("empty", 1).await?;
    let bounds = log.bounds(0).await?;
    check(bounds == (Offset(0), Offset(0)), || format!("bounds {bounds:?}"))?;
    log.truncate(0, Offset(0)).await?;
    let first = log.append(0, vec![numbered("key", 0)?]).await?;
    check(first == Offset(0), || format!("the first record has offset {first}"))?;
    let bounds = log.bounds(0).await?;
    check(bounds == (Offset(0), Offset(1)), || format!("with one record: bounds {bounds:?}"))?;
    fixture.close(log).await
}

pub(super) async fn an_offset_never_given_is_an_error(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("ahead", 1).await?;
    log.append(0, vec![numbered("key", 0)?]).await?;
    match failure(log.read(0, Offset(9))).await? {
        BusError::Ahead { asked: Offset(9), end: Offset(1), .. } => fixture.close(log).await,
        other => Err(Failure::new(format!("a read from offset 9 of 1 gave: {other}"))),
    }
}

pub(super) async fn refused_by_name(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("large", 1).await?;
    let large = large(fixture.max_batch_bytes())?;
    match soon("an append", log.append(0, vec![numbered("key", 0)?, large])).await? {
        Err(BusError::TooLarge { source, .. }) if source.name == "bus.max_batch_bytes" => {}
        other => return Err(Failure::new(format!("a batch over the limit gave: {other:?}"))),
    }
    match soon("an append", log.append(0, Vec::new())).await? {
        Err(BusError::Refused { .. }) => {}
        other => return Err(Failure::new(format!("an append of nothing gave: {other:?}"))),
    }
    let bounds = log.bounds(0).await?;
    check(bounds.1 == Offset(0), || "something of a refused append is on the log".to_owned())?;
    log.append(0, vec![numbered("key", 0)?]).await?;
    fixture.close(log).await
}

/// A batch that is somewhat larger than `limit`.
fn large(limit: u64) -> Result<Batch, Failure> {
    use arrow::array::{RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};
    let text = "x".repeat(usize::try_from(limit).map_err(Failure::new)?);
    let schema = std::sync::Arc::new(Schema::new(vec![Field::new("body", DataType::Utf8, false)]));
    let data = RecordBatch::try_new(schema, vec![std::sync::Arc::new(StringArray::from(vec![text]))]);
    Ok(Batch { stream: LogLine::STREAM, key: "key".to_owned(), id: None, data: data.map_err(Failure::new)? })
}

pub(super) async fn no_such_shard(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("noshard", 2).await?;
    let answers = [
        log.append(2, vec![numbered("key", 0)?]).await.err(),
        log.bounds(2).await.err(),
        log.truncate(2, Offset(0)).await.err(),
        Some(failure(log.read(2, Offset(0))).await?),
    ];
    for answer in answers {
        check(matches!(answer, Some(BusError::Refused { .. })), || format!("shard 2 of 2 gave {answer:?}"))?;
    }
    fixture.close(log).await
}

/// The error that a stream begins with; it must end after it.
async fn failure(mut records: Records) -> Result<BusError, Failure> {
    match soon("an error", records.next()).await? {
        Some(Err(error)) => {
            let end = soon("the end after an error", records.next()).await?;
            check(end.is_none(), || format!("after `{error}` the records went on"))?;
            Ok(error)
        }
        Some(Ok(record)) => Err(Failure::new(format!("offset {} came instead of an error", record.offset))),
        None => Err(Failure::new("the records ended instead of an error")),
    }
}
