use std::path::PathBuf;

use crate::known::Entry;
use crate::{BadRevision, Fetched, HostConfig, Manifest};

/// Sorts the manifests by key, gives their entries, and cuts texts that are too long.
///
/// # Errors
/// If a manifest belongs to another scope, is declared twice or exceeds a limit; names its place.
pub(crate) fn check(fetched: &mut Fetched, config: &HostConfig) -> Result<Vec<Entry>, Box<BadRevision>> {
    if let Err(exceeded) = config.max_manifests.check(fetched.manifests.len() as u64) {
        return Err(Box::new(BadRevision {
            problem: format!("scope {}: manifests: {exceeded}", fetched.scope),
            ..bad(fetched)
        }));
    }
    let mut pairs: Vec<(Entry, Manifest)> =
        std::mem::take(&mut fetched.manifests).into_iter().map(|manifest| (Entry::of(&manifest), manifest)).collect();
    // Also by place, so that it does not depend on the order which of two is called the second.
    pairs.sort_unstable_by(|(a, left), (b, right)| {
        a.key.cmp(&b.key).then_with(|| (&left.file, left.line).cmp(&(&right.file, right.line)))
    });
    if let Some((first, second)) =
        pairs.windows(2).find(|two| two[0].0.key == two[1].0.key).map(|two| (&two[0].1, &two[1].1))
    {
        let problem = format!("{} is declared twice: {} and {}", first.id, place(first), place(second));
        return Err(at(fetched, second, problem));
    }
    for (_, manifest) in &mut pairs {
        if manifest.id.scope() != fetched.scope {
            let problem = format!("{} is not in the scope {}", manifest.id, fetched.scope);
            return Err(at(fetched, manifest, problem));
        }
        limit(manifest, config).map_err(|problem| at(fetched, manifest, problem))?;
    }
    let entries = pairs.iter().map(|(entry, _)| *entry).collect();
    fetched.manifests = pairs.into_iter().map(|(_, manifest)| manifest).collect();
    Ok(entries)
}

fn limit(manifest: &mut Manifest, config: &HostConfig) -> Result<(), String> {
    let size = manifest.document.to_json().len() as u64;
    config.max_document.check(size).map_err(|exceeded| format!("the document of {}: {exceeded}", manifest.id))?;
    if manifest.text.as_ref().is_some_and(|text| config.max_text.check(text.len() as u64).is_err()) {
        tracing::debug!(id = %manifest.id, "the declared text is too long to be kept: no line diff");
        manifest.text = None;
    }
    Ok(())
}

fn place(manifest: &Manifest) -> String {
    match (&manifest.file, manifest.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        (None, _) => "an unnamed place".to_owned(),
    }
}

fn bad(fetched: &Fetched) -> BadRevision {
    BadRevision {
        revision: fetched.revision.clone(),
        author: fetched.author.clone(),
        committed: fetched.committed,
        message: fetched.message.clone(),
        ..BadRevision::default()
    }
}

fn at(fetched: &Fetched, manifest: &Manifest, problem: String) -> Box<BadRevision> {
    let file = manifest.file.as_ref().map(PathBuf::from).unwrap_or_default();
    Box::new(BadRevision { file, line: manifest.line, problem, ..bad(fetched) })
}
