//! A folder that a program turns into objects.

use std::path::Path;

use base::Clock;
use gix::Tree;

use super::config::ObjectsConfig;
use crate::render::{Checkout, RenderError, Rendered, Renderer, Scratch, render};

/// Renders the folder `path` of a revision, if its files call for that. Blocks.
///
/// # Errors
/// [`RenderError`].
pub(crate) fn rendered(
    root: &Tree<'_>,
    folder: &Tree<'_>,
    path: &str,
    config: &ObjectsConfig,
    (cache, clock): (&Path, &Clock),
) -> Result<Option<Vec<Rendered>>, RenderError> {
    let names = folder.iter().filter_map(Result::ok).filter(|entry| entry.mode().is_blob());
    let names: Vec<String> = names.map(|entry| entry.filename().to_string()).collect();
    let Some(renderer) = Renderer::detect(&names) else { return Ok(None) };
    // What a process before us left, or a call that was dropped.
    Scratch::sweep(cache)?;
    let checkout = Checkout::write(root, cache)?;
    let mut settings = config.render.clone();
    if settings.helm.namespace.is_empty() {
        settings.helm.namespace.clone_from(&config.namespace);
    }
    let rendering = render(renderer, checkout.root(), path, cache, &settings, clock);
    tokio::runtime::Handle::current().block_on(rendering).map(Some)
}
