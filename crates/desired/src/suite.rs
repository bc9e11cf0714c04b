//! What every [`Source`] must do. A plugin's test gives a [`Stage`] and calls [`run`].

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::{DesiredError, Fetched, Source};

/// A place where something is declared, and which can be changed and broken.
#[async_trait]
pub trait Stage: Send {
    /// A new source on this place, as after a restart of the process. At the start of the suite
    /// at least one manifest is declared there.
    async fn source(&mut self) -> Box<dyn Source>;

    /// Changes what is declared.
    async fn change(&mut self);

    /// Makes a fetch fail.
    async fn damage(&mut self);

    /// Undoes [`Self::damage`] and changes what is declared.
    async fn mend(&mut self);
}

/// Runs the suite.
///
/// # Errors
/// Says which promise was broken, and how.
pub async fn run(stage: &mut dyn Stage) -> Result<(), String> {
    let mut source = stage.source().await;
    let first = newest(source.as_mut()).await?;
    full(&first)?;
    if first.values().all(|set| set.manifests.is_empty()) {
        return Err("the first fetch gives no manifest".to_owned());
    }
    nothing_when_nothing_changed(source.as_mut()).await?;
    same_after_restart(stage, &first).await?;

    stage.change().await;
    let second = newest(source.as_mut()).await?;
    full(&second)?;
    if !second.iter().any(|(scope, set)| first.get(scope).is_none_or(|before| before.revision != set.revision)) {
        return Err("a change gives no new revision".to_owned());
    }
    same_after_restart(stage, &second).await?;

    stage.damage().await;
    for _ in 0..2 {
        failure_gives_nothing(source.as_mut()).await?;
    }
    stage.mend().await;
    full(&newest(source.as_mut()).await?)?;
    nothing_when_nothing_changed(source.as_mut()).await
}

/// The newest set of each scope.
async fn newest(source: &mut dyn Source) -> Result<BTreeMap<String, Fetched>, String> {
    let mut sets = BTreeMap::new();
    // A source may give its revisions in parts.
    for _ in 0..100 {
        let part = source.fetch().await.map_err(|error| format!("{}: a fetch fails: {error}", source.name()))?;
        if part.is_empty() {
            return if sets.is_empty() { Err("a fetch gives nothing".to_owned()) } else { Ok(sets) };
        }
        for fetched in part {
            sets.insert(fetched.scope.clone(), fetched);
        }
    }
    Err("fetch never says that nothing changed".to_owned())
}

fn full(sets: &BTreeMap<String, Fetched>) -> Result<(), String> {
    for (scope, set) in sets {
        if set.revision.is_empty() {
            return Err(format!("{scope}: a revision without a name"));
        }
        let mut seen = BTreeSet::new();
        for manifest in &set.manifests {
            if manifest.id.scope() != scope {
                return Err(format!("{}: not of the scope {scope}", manifest.id));
            }
            if !seen.insert(&manifest.id) {
                return Err(format!("{}: twice in one set", manifest.id));
            }
            if !manifest.document.tree().is_object() {
                return Err(format!("{}: the document is no object", manifest.id));
            }
        }
    }
    Ok(())
}

async fn nothing_when_nothing_changed(source: &mut dyn Source) -> Result<(), String> {
    match source.fetch().await {
        Ok(sets) if sets.is_empty() => Ok(()),
        Ok(sets) => Err(format!("nothing changed, and a fetch gives {} sets", sets.len())),
        Err(error) => Err(format!("nothing changed, and a fetch fails: {error}")),
    }
}

/// The set depends on what is declared only, not on the order in which it was read.
async fn same_after_restart(stage: &mut dyn Stage, expected: &BTreeMap<String, Fetched>) -> Result<(), String> {
    let mut source = stage.source().await;
    let sets = newest(source.as_mut()).await?;
    for (scope, expected) in expected {
        let set = sets.get(scope).ok_or_else(|| format!("{scope}: not there after a restart"))?;
        if set.revision != expected.revision {
            return Err(format!("{scope}: revision {} is {} after a restart", expected.revision, set.revision));
        }
        if sorted(set) != sorted(expected) {
            return Err(format!("{scope}: revision {} has other manifests after a restart", set.revision));
        }
    }
    Ok(())
}

fn sorted(set: &Fetched) -> BTreeMap<&str, (String, Option<&str>, Option<u64>)> {
    let entry = |manifest: &crate::Manifest| manifest.document.fingerprint().to_string();
    set.manifests.iter().map(|m| (m.id.as_str(), (entry(m), m.file.as_deref(), m.line))).collect()
}

async fn failure_gives_nothing(source: &mut dyn Source) -> Result<(), String> {
    match source.fetch().await {
        Ok(sets) if sets.is_empty() => Err("a fetch of a damaged place says that nothing changed".to_owned()),
        Ok(_) => Err("a fetch of a damaged place gives a set".to_owned()),
        Err(DesiredError::Unavailable { .. } | DesiredError::Revision(_)) => Ok(()),
        Err(error) => Err(format!("a source knows neither log nor columns: {error}")),
    }
}
