//! Points of series, out of memory and files, as the evaluation of PromQL asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::{Limit, Rng, Timestamp};
use model::SeriesId;
use model::rows::Sample;
use store::{Make, Point, Proceed, Store, StoreConfig, StoreError};

use super::support::*;

/// Names of more series than are in one set.
const SERIES: u64 = 700;

/// Bits of values by series and time.
type Values = BTreeMap<(u64, i64), u64>;

/// Sends samples, of which some take the place of others, and remembers them.
fn send(world: &World, rng: &Rng, values: &mut Values) {
    let rows: Vec<Sample> = (0..5_000)
        .map(|_| {
            let (of, secs) = (rng.below(SERIES), rng.below(600) as i64);
            let value = match rng.below(3) {
                0 => rng.below(1_000) as f64,
                1 => rng.below(1_000_000) as f64 / 1_000.0,
                _ => (rng.below(1_000) as f64).sqrt(),
            };
            values.insert((of, secs), value.to_bits());
            sample(&of.to_string(), secs, value)
        })
        .collect();
    world.append(batch(&rows));
}

async fn ask(store: &Store, of: &[u64], times: (i64, i64), limit: u64) -> Result<Vec<Vec<Point>>, StoreError> {
    ask_while(store, of, times, limit, Arc::new(|| true)).await
}

async fn ask_while(
    store: &Store,
    of: &[u64],
    (first, last): (i64, i64),
    limit: u64,
    proceed: Proceed,
) -> Result<Vec<Vec<Point>>, StoreError> {
    let ids: Vec<SeriesId> = of.iter().map(|of| series(&of.to_string())).collect();
    let table = store.snapshot().table("samples").unwrap();
    let limit = Limit::new("points", limit);
    let mut all = vec![Vec::new(); ids.len()];
    let times = (Timestamp::from_secs(first), Timestamp::from_secs(last));
    let make = Make::new(0, |place: usize, points| (place, points));
    let mut sets = table.points(ids.into_iter().zip(0..).collect(), times, &limit, &proceed, make)?;
    while let Some(set) = sets.next().await? {
        set.for_each(|(place, points)| all[place] = points);
    }
    Ok(all)
}

/// Asks for some series between some times, and compares.
async fn check(store: &Store, rng: &Rng, values: &Values) {
    let share = 1 + rng.below(40);
    let mut of: Vec<u64> = (0..SERIES + 5).filter(|_| rng.below(share) == 0).collect();
    of.reverse();
    let first = rng.below(700) as i64 - 50;
    let last = first + rng.below(700) as i64;
    let found = ask(store, &of, (first, last), u64::MAX).await.unwrap();
    for (of, points) in of.iter().zip(found) {
        let found: Vec<(i64, u64)> =
            points.iter().map(|point| (point.ts / 1_000_000_000, point.value.to_bits())).collect();
        let expected: Vec<(i64, u64)> =
            values.range((*of, first)..=(*of, last)).map(|((_, secs), bits)| (*secs, *bits)).collect();
        assert_eq!(found, expected, "series {of} from {first} to {last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_time_has_the_newest_value_wherever_it_lies() {
    let (world, rng) = (World::new().await, Rng::seeded(21));
    let config = StoreConfig { row_group_rows: 3_000, compaction_files: 3, compaction_inputs: 8, ..by_hand() };
    let running = world.start(config).await;
    let mut values = Values::new();
    for round in 0..10 {
        send(&world, &rng, &mut values);
        running.settle().await;
        if round % 3 != 2 {
            running.store.flush().await.unwrap();
        }
        check(&running.store, &rng, &values).await;
    }
    while running.store.compact().await.unwrap() {
        check(&running.store, &rng, &values).await;
    }
    for _ in 0..20 {
        check(&running.store, &rng, &values).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_counts_what_all_threads_read() {
    let (world, rng) = (World::new().await, Rng::seeded(22));
    let running = world.start(by_hand()).await;
    let mut values = Values::new();
    send(&world, &rng, &mut values);
    running.settle().await;
    running.store.flush().await.unwrap();
    let (all, count): (Vec<u64>, _) = ((0..SERIES).collect(), values.len() as u64);
    ask(&running.store, &all, (0, 600), count).await.unwrap();
    let refused = ask(&running.store, &all, (0, 600), count - 1).await;
    assert!(matches!(refused, Err(StoreError::TooLarge(_))), "{refused:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_more_is_read_once_nobody_waits() {
    let (world, rng) = (World::new().await, Rng::seeded(24));
    let running = world.start(by_hand()).await;
    let mut values = Values::new();
    for _ in 0..3 {
        send(&world, &rng, &mut values);
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    let all: Vec<u64> = (0..SERIES).collect();
    let asked = Arc::<AtomicUsize>::default();
    let counts = Arc::clone(&asked);
    let second: Proceed = Arc::new(move || counts.fetch_add(1, Ordering::Relaxed) == 0);
    let given_up = ask_while(&running.store, &all, (0, 600), u64::MAX, second).await;
    assert!(matches!(given_up, Err(StoreError::GivenUp)), "{given_up:?}");
    assert!(asked.load(Ordering::Relaxed) > 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_left_out_with_a_warning_and_the_rest_is_read() {
    let (world, rng) = (World::new().await, Rng::seeded(23));
    let running = world.start(by_hand()).await;
    let (mut first, mut second) = (Values::new(), Values::new());
    for values in [&mut first, &mut second] {
        send(&world, &rng, values);
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    running.stop().await;
    let mut files = world.objects.paths("data/samples").await;
    files.sort();
    let mut bytes = world.objects.bytes(&files[0]).await;
    // Within the pages, behind the magic number and before the indexes.
    bytes[10..3_000].fill(0xee);
    world.objects.overwrite(&files[0], bytes).await;
    let running = world.start(by_hand()).await;
    running.settle().await;
    let all: Vec<u64> = (0..SERIES).collect();
    let found = ask(&running.store, &all, (0, 600), u64::MAX).await.unwrap();
    let left: usize = found.iter().map(Vec::len).sum();
    assert!([first.len(), second.len()].contains(&left), "{left} of {} and {}", first.len(), second.len());
    let warnings = running.store.warnings();
    assert!(warnings.iter().any(|warning| warning.contains(&files[0])), "{warnings:?}");
    running.stop().await;
}
