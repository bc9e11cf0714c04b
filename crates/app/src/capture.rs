use std::path::Path;

use base::{Clock, Rng, Shutdown};
use model::{Document, ResourceId};

use crate::{AppError, Config, keys};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Resources.
    pub resources: usize,
    /// Files.
    pub files: usize,
}

/// Kinds that are not captured: what the package databases say of files is declared by them
/// already, and an instance is no two times the same.
const LEFT_OUT: &[&str] = &["package_file", "instance"];

/// Writes what is live on this host as desired state below `dir`, as host manifests. Looks at the
/// host once; no running Steadfast is needed.
///
/// # Errors
/// If a collector cannot look, or a file cannot be written.
pub async fn capture(config: &Config, dir: &Path, mut progress: impl FnMut(&str)) -> Result<Captured, AppError> {
    let (clock, rng, shutdown) = (Clock::system(), Rng::system(), Shutdown::new());
    keys::data_dir(&config.data_dir)?;
    let key = keys::digest_key(&config.data_dir)?;
    let mut resources: Vec<(ResourceId, Document, Option<String>)> = Vec::new();
    for mut collector in collectors::host::build(&config.host, None) {
        if collector.covers().iter().all(|cover| LEFT_OUT.contains(&cover.kind.as_str())) {
            continue;
        }
        progress(collector.name());
        let seen = collect::once(collector.as_mut(), &clock, &rng, &key, &shutdown).await?;
        let wanted = seen.into_iter().filter(|seen| !LEFT_OUT.contains(&seen.id.kind()));
        resources.extend(wanted.filter_map(|seen| seen.document.map(|document| (seen.id, document, seen.text))));
    }
    let files = sources::host_manifest::write(dir, &resources).map_err(|error| AppError::file(dir, error))?;
    Ok(Captured { resources: resources.len(), files: files.len() })
}
