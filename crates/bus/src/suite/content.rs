use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use model::{Batch, Offset, RecordId};

use super::{Failure, Fixture, check, number, numbered, take};

/// Keys, ids, the schema with its metadata, and empty batches.
pub(super) async fn content_survives(fixture: &dyn Fixture) -> Result<(), Failure> {
    let log = fixture.open("content", 1).await?;
    let mut plain = numbered("host/wéb-1", 7)?;
    let metadata = HashMap::from([("unit".to_owned(), "µs".to_owned())]);
    let schema = Arc::new(plain.data.schema().as_ref().clone().with_metadata(metadata));
    plain.data = plain.data.with_schema(schema).map_err(Failure::new)?;
    let id = RecordId { producer: "drift".to_owned(), shard: 2, offset: Offset(u64::MAX - 1), index: 9 };
    let with_id = Batch { id: Some(id), ..plain.clone() };
    let empty = Batch { data: plain.data.slice(0, 0), key: String::new(), ..plain.clone() };
    let sent = [plain, with_id, empty];
    log.append(0, sent.to_vec()).await?;
    // Once from what is near at hand, once from where it is kept.
    compare(&sent, &take(log.as_ref(), 0, Offset(0), 3).await?)?;
    fixture.close(log).await?;
    let log = fixture.open("content", 1).await?;
    compare(&sent, &take(log.as_ref(), 0, Offset(0), 3).await?)?;
    fixture.close(log).await
}

fn compare(sent: &[Batch], records: &[model::Record]) -> Result<(), Failure> {
    for (sent, record) in sent.iter().zip(records) {
        let got = &record.batch;
        let same = sent.stream == got.stream && sent.key == got.key && sent.id == got.id && sent.data == got.data;
        check(same && sent.data.schema() == got.data.schema(), || format!("sent {sent:?}, got {got:?}"))?;
    }
    Ok(())
}

pub(super) async fn times_never_go_back(fixture: &dyn Fixture) -> Result<(), Failure> {
    fixture.set_clock(Timestamp::from_secs(1_800_000_000));
    let log = fixture.open("times", 1).await?;
    log.append(0, vec![numbered("key", 0)?, numbered("key", 1)?]).await?;
    fixture.set_clock(Timestamp::from_secs(1_700_000_000));
    log.append(0, vec![numbered("key", 2)?]).await?;
    fixture.close(log).await?;
    let log = fixture.open("times", 1).await?;
    log.append(0, vec![numbered("key", 3)?]).await?;
    let mut last = Timestamp::from_nanos(1);
    for record in take(log.as_ref(), 0, Offset(0), 4).await? {
        check(record.time >= last, || format!("offset {}: time {} follows {last}", record.offset, record.time))?;
        last = record.time;
    }
    fixture.close(log).await
}

pub(super) async fn opened_again_has_everything(fixture: &dyn Fixture) -> Result<(), Failure> {
    for round in 0..4 {
        let log = fixture.open("again", 2).await?;
        let bounds = log.bounds(1).await?;
        check(bounds == (Offset(0), Offset(round * 60)), || format!("round {round} begins with bounds {bounds:?}"))?;
        for n in 0..3 {
            let from = (round * 60 + n * 20).cast_signed();
            log.append(1, (from..from + 20).map(|n| numbered("key", n)).collect::<Result<_, _>>()?).await?;
        }
        for (n, record) in (0..).zip(take(log.as_ref(), 1, Offset(0), (round + 1) * 60).await?) {
            check(number(&record)? == n, || format!("round {round}: offset {n} is another batch"))?;
        }
        fixture.close(log).await?;
    }
    Ok(())
}
