//! Folders of a revision that a program turns into Kubernetes objects: kustomizations and charts.
//!
//! A repository is hostile input, and what it may make these programs do is bounded: they get no
//! environment, no program to call and no network, and a kustomization that asks for one of these
//! is refused before it is run. Time, output and memory have limits.

mod chart;
mod checkout;
mod config;
mod error;
mod helm;
mod kustomize;
mod place;
mod program;
mod references;
mod remote;
mod scratch;

use std::path::Path;

use base::Clock;

pub(crate) use checkout::Checkout;
pub use config::{HelmConfig, KustomizeConfig, RenderConfig};
pub(crate) use error::{Flaw, RenderError};
use place::Place;
pub(crate) use scratch::Scratch;

/// What kustomize calls its files (`api/konfig/general.go`).
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What turns a folder into objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renderer {
    /// `kustomize build`.
    Kustomize,
    /// `helm template`.
    Helm,
}

/// Objects as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Where they are from, from the repository's root: a template, or the folder's kustomization.
    pub(crate) file: String,
    /// One or many documents. Its lines are not those of `file`.
    pub(crate) text: String,
}

impl Renderer {
    /// What the files in a folder call for; nothing if they are manifests as they are. Argo CD and
    /// Flux go by the same names; a chart with a kustomization is for kustomize.
    pub(crate) fn detect(names: &[impl AsRef<str>]) -> Option<Self> {
        let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_ref()));
        if has(&KUSTOMIZATIONS) { Some(Self::Kustomize) } else { has(&[chart::CHART]).then_some(Self::Helm) }
    }
}

/// Renders `folder` (empty for the root) of the checkout at `root`. `cache` is the source's folder
/// for what may be lost. Reads and writes files as it goes: for a thread that may block.
///
/// # Errors
/// [`RenderError`].
pub(crate) async fn render(
    renderer: Renderer,
    root: &Path,
    folder: &str,
    cache: &Path,
    config: &RenderConfig,
    clock: &Clock,
) -> Result<Vec<Rendered>, RenderError> {
    let place = Place::new(root, folder)?;
    let scratch = Scratch::new(cache, "run")?;
    match renderer {
        Renderer::Kustomize => kustomize::render(&place, &scratch, config, clock).await,
        Renderer::Helm => helm::render(&place, &scratch, config, clock).await,
    }
}

#[cfg(test)]
mod tests;
