//! Any order of appends, flushes, compactions and restarts gives what a simple model gives.

use std::collections::BTreeMap;

use model::rows::{Live, Sample};
use proptest::prelude::*;
use store::StoreConfig;

use super::support::*;

#[derive(Clone, Debug)]
enum Step {
    Live(u8, bool),
    Intent(u8),
    Sample(u8, u8),
    Flush,
    Compact,
    Collect,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8, any::<bool>()).prop_map(|(key, present)| Step::Live(key, present)),
        3 => (0..4_u8).prop_map(Step::Intent),
        4 => (0..3_u8, 0..4_u8).prop_map(|(series, ts)| Step::Sample(series, ts)),
        3 => Just(Step::Flush),
        2 => Just(Step::Compact),
        1 => Just(Step::Collect),
        1 => Just(Step::Restart),
    ]
}

#[derive(Default)]
struct Model {
    live: BTreeMap<model::Key, Option<String>>,
    intents: Vec<i64>,
    samples: BTreeMap<(model::Key, i64), f64>,
}

async fn play(steps: Vec<Step>) {
    let world = World::new().await;
    let config = || StoreConfig { compaction_files: 2, keep_versions: 2, target_file_bytes: 1, ..by_hand() };
    let mut running = world.start(config()).await;
    let mut expected = Model::default();
    for (n, step) in steps.into_iter().enumerate() {
        let at = n as i64;
        match step {
            Step::Live(k, present) => {
                let document = present.then(|| at.to_string());
                world.append(batch(&[live(&format!("r{k}"), at, document.as_deref())]));
                expected.live.insert(key(&format!("r{k}")), document);
            }
            Step::Intent(k) => {
                world.append(batch(&[intent(&format!("i{k}"), at)]));
                expected.intents.push(at);
            }
            Step::Sample(s, t) => {
                let name = format!("s{s}");
                let ts = i64::from(t) * 50_000;
                world.append(batch(&[sample(&name, ts, at as f64)]));
                expected.samples.insert((series(&name), ts), at as f64);
            }
            Step::Flush => {
                running.settle().await;
                running.store.flush().await.unwrap();
                world.truncate(&running.store).await;
            }
            Step::Compact => {
                running.store.compact().await.unwrap();
            }
            Step::Collect => {
                running.store.collect().await.unwrap();
            }
            Step::Restart => {
                running.stop().await;
                running = world.start(config()).await;
            }
        }
    }
    running.settle().await;
    check(&running, &expected).await;
    running.stop().await;
}

async fn check(running: &Running, expected: &Model) {
    let live: BTreeMap<_, _> =
        rows::<Live>(&running.store, "resources").await.into_iter().map(|row| (row.key, row.document)).collect();
    let present = expected.live.iter().filter(|(_, document)| document.is_some());
    assert_eq!(live, present.map(|(key, document)| (*key, document.clone())).collect());
    assert_eq!(sequences(&running.store).await, expected.intents);
    let samples = rows::<Sample>(&running.store, "samples").await;
    assert_eq!(samples.len(), expected.samples.len());
    let samples: BTreeMap<_, _> =
        samples.into_iter().map(|row| ((row.series_id, row.ts.nanos() / 1_000_000_000), row.value)).collect();
    assert_eq!(samples, expected.samples);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_steps_gives_what_the_model_gives(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}
