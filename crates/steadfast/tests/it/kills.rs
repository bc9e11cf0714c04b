//! Kill -9 at any point: nothing that was acknowledged is lost or doubled, and no page.

use std::time::Duration;

use base::Rng;

use crate::host::Host;
use crate::provider::Provider;

/// Kills in a bounded run; `STEADFAST_KILLS` sets another number for a soak.
const KILLS: usize = 8;

/// Each episode is an edit that must be paged once and a revert that must resolve it once, while
/// the process is killed at random moments and started again.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_loses_and_doubles_nothing() {
    let kills: usize = std::env::var("STEADFAST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let seed = std::env::var("STEADFAST_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(42);
    println!("{kills} kills, STEADFAST_SEED={seed}");
    let rng = Rng::seeded(seed);
    let provider = Provider::start().await;
    let mut host = Host::new(10, &provider.receivers());
    host.capture();
    host.start();
    host.settled().await;

    let mut episodes = 0;
    let mut left = kills;
    while left > 0 {
        episodes += 1;
        host.write("file-1", &format!("episode {episodes}\n"));
        left -= torment(&mut host, &rng, left).await;
        host.until("a page", async || (provider.incidents().await.0 == episodes).then_some(())).await;
        host.write("file-1", "setting = 1\n");
        left -= torment(&mut host, &rng, left).await;
        host.until("a resolve", async || (provider.incidents().await == (episodes, episodes)).then_some(())).await;
    }
    host.settled().await;
    provider.assert_contract().await;
    assert_eq!(provider.incidents().await, (episodes, episodes), "no page is lost or double");

    let id = host.id("file-1");
    let rows =
        host.sql(&format!("SELECT verdict FROM drift_history WHERE id = '{id}' ORDER BY log_offset")).await.unwrap();
    let verdicts: Vec<&str> = rows.iter().map(|row| row[0].as_str().unwrap()).collect();
    let expected: Vec<&str> = (0..episodes).flat_map(|_| ["modified", "in_sync"]).collect();
    assert_eq!(verdicts, expected, "each change of a verdict is stored once, in order");
    let rows = host.sql("SELECT count(*), count(DISTINCT intent) FROM intents").await.unwrap();
    assert_eq!(rows[0][0], rows[0][1], "no intent is stored twice");
    assert_eq!(host.stop().await, 0);
}

/// Kills and starts the process a few times, after a moment of up to 300 ms each.
async fn torment(host: &mut Host, rng: &Rng, left: usize) -> usize {
    let times = (1 + rng.below(3) as usize).min(left);
    for _ in 0..times {
        host.clock.sleep(rng.jitter(Duration::from_millis(300))).await;
        host.kill();
        host.start();
    }
    times
}
