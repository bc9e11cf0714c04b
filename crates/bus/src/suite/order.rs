use futures::future::{join_all, try_join_all};
use futures::{FutureExt, StreamExt};
use model::Offset;

use super::{Failure, Fixture, check, next, number, numbered, soon, take};

pub(super) async fn reads_back_in_order(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("order", 1).await?;
    let mut expected = 0;
    for size in [1, 5, 2, 30, 1] {
        let batches = (expected..expected + size).map(|n| numbered("key", n)).collect::<Result<_, _>>()?;
        expected += size;
        let last = soon("an append", log.append(0, batches)).await??;
        check(last == Offset((expected - 1).cast_unsigned()), || format!("the last of {expected} has offset {last}"))?;
    }
    for (n, record) in (0..).zip(take(log.as_ref(), 0, Offset(0), expected.cast_unsigned()).await?) {
        check(number(&record)? == n, || format!("offset {} is not batch {n}", record.offset))?;
    }
    fixture.close(log).await
}

/// 16 writers; each append is 3 records, which must come together, and each writer's in its order.
pub(super) async fn concurrent_appends_stay_whole(fixture: &dyn Fixture) -> Result<(), Failure> {
    const WRITERS: i64 = 16;
    const APPENDS: i64 = 20;
    let log = fixture.open("writers", 1).await?;
    let writers = (0..WRITERS).map(|writer| {
        let log = &log;
        async move {
            let mut last = None;
            for append in 0..APPENDS {
                let batches =
                    (0..3).map(|n| numbered(&writer.to_string(), append * 3 + n)).collect::<Result<_, _>>()?;
                let offset = log.append(0, batches).await?;
                check(Some(offset) > last, || format!("offset {offset} came after {last:?}"))?;
                last = Some(offset);
            }
            Ok::<_, Failure>(())
        }
    });
    soon("the writers", try_join_all(writers)).await??;
    let records = take(log.as_ref(), 0, Offset(0), (WRITERS * APPENDS * 3).cast_unsigned()).await?;
    let mut expected = vec![0; WRITERS as usize];
    for three in records.chunks(3) {
        for record in three {
            let key = &record.batch.key;
            check(*key == three[0].batch.key, || format!("offset {} is inside another append", record.offset))?;
            let seen = key.parse().ok().and_then(|writer: usize| expected.get_mut(writer));
            let seen = seen.ok_or_else(|| Failure::new(format!("an unknown key {key}")))?;
            check(number(record)? == *seen, || format!("writer {key}: {seen} was expected at {}", record.offset))?;
            *seen += 1;
        }
    }
    fixture.close(log).await
}

pub(super) async fn a_reader_waits_at_the_end(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("wait", 1).await?;
    log.append(0, vec![numbered("key", 0)?]).await?;
    let mut records = log.read(0, Offset(0));
    next(&mut records).await?;
    for n in 1..20 {
        check(records.next().now_or_never().is_none(), || "the reader did not wait at the end".to_owned())?;
        let append = async { Ok::<_, Failure>(log.append(0, vec![numbered("key", n)?]).await?) };
        let (record, offset) = futures::join!(next(&mut records), append);
        let (record, offset) = (record?, offset?);
        check(record.offset == offset && number(&record)? == n, || {
            format!("batch {n} did not come after it was waited for")
        })?;
    }
    drop(records);
    fixture.close(log).await
}

pub(super) async fn a_reader_starts_anywhere(fixture: &dyn Fixture) -> Result<(), Failure> {
    const COUNT: i64 = 400;
    let log = fixture.open("middle", 1).await?;
    for from in (0..COUNT).step_by(40) {
        let batches = (from..from + 40).map(|n| numbered("key", n)).collect::<Result<_, _>>()?;
        log.append(0, batches).await?;
    }
    let starts = [0, 1, 39, 40, 41, 199, 255, COUNT - 1].map(|from: i64| {
        let log = &log;
        async move {
            let records = take(log.as_ref(), 0, Offset(from.cast_unsigned()), (COUNT - from).cast_unsigned()).await?;
            check(number(&records[0])? == from, || format!("a reader from {from} got another batch"))
        }
    });
    for result in join_all(starts).await {
        result?;
    }
    fixture.close(log).await
}

pub(super) async fn shards_are_independent(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("shards", 3).await?;
    check(log.shards() == 3, || format!("3 shards were asked for, it has {}", log.shards()))?;
    for n in 0..30 {
        let shard = (n % 2) as u32;
        log.append(shard, vec![numbered("key", n)?]).await?;
    }
    for shard in 0..2 {
        for (n, record) in (0..).zip(take(log.as_ref(), shard, Offset(0), 15).await?) {
            check(number(&record)? == n * 2 + i64::from(shard), || format!("shard {shard} has a batch of another"))?;
        }
    }
    let bounds = log.bounds(2).await?;
    check(bounds == (Offset(0), Offset(0)), || format!("an untouched shard has bounds {bounds:?}"))?;
    fixture.close(log).await
}
