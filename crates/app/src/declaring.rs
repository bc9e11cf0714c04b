//! Sources of what is declared.

use base::{Clock, DigestKey};
use collectors::host::Place;
use desired::Source;
use kubernetes::Clusters;
use sources::git::Git;
use sources::helm::Helm;
use sources::packages::Packages;
use sources::{BuildError, Context};

use crate::{AppError, Config, DesiredConfig, keys};

/// What every source is made with.
pub(crate) fn context(
    config: &Config,
    digest_key: &DigestKey,
    clusters: &Clusters,
    clock: &Clock,
) -> Result<Context, AppError> {
    let secrets = keys::secrets(digest_key.clone(), &config.host.files.secrets)?;
    let place = Place::new(config.host.name.as_deref(), None);
    let cache = config.data_dir.join("cache");
    let (clock, clusters) = (clock.clone(), clusters.clone());
    Ok(Context { clock, cache, secrets, clusters, host: place.host().to_owned() })
}

/// Each source of the configuration, or what is wrong with it.
pub(crate) fn sources(config: &DesiredConfig, context: &Context) -> Vec<Result<Box<dyn Source>, AppError>> {
    let mut sources = Vec::new();
    for git in config.git.as_slice() {
        sources.push(made(format!("desired.git.{}", git.name), Git::new(git.clone(), context)));
    }
    for helm in config.helm.as_slice() {
        sources.push(made(format!("desired.helm.{}", helm.cluster), Helm::new(helm.clone(), context)));
    }
    if config.packages.enabled {
        let packages = Packages::new(config.packages.clone(), &context.host, &context.clock);
        sources.push(made("desired.packages".to_owned(), packages));
    }
    sources
}

fn made<S: Source + 'static>(key: String, source: Result<S, BuildError>) -> Result<Box<dyn Source>, AppError> {
    match source {
        Ok(source) => Ok(Box::new(source)),
        Err(BuildError::Value { key: setting, problem, .. }) => {
            Err(AppError::part(format!("{key}.{setting}"), problem))
        }
        Err(error) => Err(AppError::part(key, error)),
    }
}
