//! What every collector must pass.

use std::time::Duration;

use base::{Clock, DigestKey, Rng, Shutdown};

use crate::gather::Gather;
use crate::{Collector, Seen};

/// A full pass of a collector in a test takes no longer.
const PASS: Duration = Duration::from_secs(60);

/// A collector that is told to end has ended after this time.
const END: Duration = Duration::from_secs(3);

/// Checks a collector, made anew by `make` for each run over a source that does not change:
///
/// - its name and scope are well formed, and all it sees is in its scope;
/// - it hands over each resource in one shape, and two runs see the same;
/// - told to end, before it starts or while it watches, it ends within seconds;
/// - none of `hidden` (secrets that the source holds) is in what it hands over or says.
///
/// # Errors
/// What it does not keep.
pub async fn check(mut make: impl FnMut() -> Box<dyn Collector>, hidden: &[&str]) -> Result<(), String> {
    let first = pass(make().as_mut(), hidden).await?;
    let second = pass(make().as_mut(), hidden).await?;
    same(&first, &second)?;
    ends(make().as_mut(), true).await?;
    ends(make().as_mut(), false).await
}

fn gather(shutdown: &Shutdown) -> Gather {
    Gather::new(&Clock::system(), &Rng::seeded(1), &DigestKey::from_bytes([7; 32]), shutdown.clone())
}

async fn pass(collector: &mut dyn Collector, hidden: &[&str]) -> Result<Vec<Seen>, String> {
    let (name, scope) = (collector.name(), collector.scope().to_owned());
    if name.split('.').count() != 2 || scope.split('/').filter(|part| !part.is_empty()).count() != 2 {
        return Err(format!("`{name}` is not provider.what, or `{scope}` is not provider/scope"));
    }
    let mut gather = gather(&Shutdown::new());
    let ended = Clock::system().timeout(PASS, collector.run(&mut gather)).await.map_err(|_| "it never completes")?;
    if !gather.completed {
        return Err(format!("it ended before it was complete: {ended:?}"));
    }
    if let Some(id) = gather.conflicts.first() {
        return Err(format!("{id} came with two documents"));
    }
    let secret = |text: &str| hidden.iter().any(|hidden| text.contains(hidden));
    if gather.messages.iter().any(|message| secret(message)) {
        return Err("a message holds a secret".to_owned());
    }
    for seen in gather.seen.values() {
        if seen.id.scope() != scope {
            return Err(format!("{} is not in the scope {scope}", seen.id));
        }
        let texts = [seen.document.as_ref().map(model::Document::to_json), seen.text.clone(), seen.actor.clone()];
        if texts.iter().flatten().any(|text| secret(text)) {
            return Err(format!("{} holds a secret", seen.id));
        }
    }
    Ok(gather.seen.into_values().collect())
}

fn same(first: &[Seen], second: &[Seen]) -> Result<(), String> {
    let differs = first.iter().zip(second).find(|(a, b)| (&a.id, &a.document) != (&b.id, &b.document));
    match differs {
        Some((a, b)) => Err(format!("two runs differ: {a:?} and {b:?}")),
        None if first.len() != second.len() => {
            Err(format!("two runs see {} and {} resources", first.len(), second.len()))
        }
        None => Ok(()),
    }
}

async fn ends(collector: &mut dyn Collector, at_once: bool) -> Result<(), String> {
    let (clock, shutdown) = (Clock::system(), Shutdown::new());
    let mut gather = gather(&shutdown);
    gather.until_complete = false;
    if at_once {
        shutdown.start();
    }
    let told = async {
        clock.sleep(Duration::from_millis(50)).await;
        shutdown.start();
        clock.sleep(END).await;
    };
    tokio::select! {
        _ = collector.run(&mut gather) => {}
        () = told => return Err(format!("it does not end within {} s", END.as_secs())),
    }
    if shutdown.started() { Ok(()) } else { Err("it ended though nothing told it to".to_owned()) }
}
