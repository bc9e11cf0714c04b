//! Folders with a kustomization.

use std::path::Path;

use base::Clock;

use super::config::RenderConfig;
use super::error::RenderError;
use super::place::Place;
use super::program::{Program, Stopped, find};
use super::references::{self, Kustomization};
use super::scratch::Scratch;
use super::{KUSTOMIZATIONS, Rendered};

/// Renders the folder.
pub(super) async fn render(
    place: &Place,
    scratch: &Scratch,
    config: &RenderConfig,
    clock: &Clock,
) -> Result<Vec<Rendered>, RenderError> {
    let read = references::check(place)?;
    let missing = || {
        let wanted = "neither kustomize nor kubectl is on PATH: install one, or set `kustomize.program`";
        RenderError::Unavailable(format!("{}: {wanted}", place.title()))
    };
    let path = config.kustomize.program.clone().or_else(|| find(&["kustomize", "kubectl"])).ok_or_else(missing)?;
    let command = if is_kubectl(&path) { "kustomize" } else { "build" };
    let args = [command.into(), "--load-restrictor=LoadRestrictionsRootOnly".into(), place.path().into_os_string()];
    let program = Program { path, place, scratch, clock, timeout: config.timeout };
    let text = program.run(args.into()).await.map_err(|stopped| match stopped {
        Stopped::Early(error) => error,
        Stopped::Said(problem) => named(place, &read, problem),
    })?;
    Ok(vec![Rendered { file: own(place), text }])
}

fn is_kubectl(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kubectl"))
}

/// The folder's own kustomization.
fn own(place: &Place) -> String {
    let there = |name: &&&str| place.path().join(name).is_file();
    place.name(KUSTOMIZATIONS.iter().find(there).unwrap_or(&KUSTOMIZATIONS[0]))
}

/// An error with the file that it is about, so far as kustomize says: it names a key that it does
/// not know, but not the file.
fn named(place: &Place, read: &[Kustomization], problem: String) -> RenderError {
    let key = problem.split_once("unknown field \"").and_then(|(_, rest)| rest.split('"').next());
    let found = key.and_then(|key| read.iter().find_map(|file| Some((file, file.line_of(key)?))));
    match found {
        Some((file, line)) => RenderError::bad(&file.name, line, problem),
        None => RenderError::bad(own(place), None, problem),
    }
}
