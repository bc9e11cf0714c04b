//! Folders with a chart.

use std::ffi::OsString;
use std::fs;

use base::Clock;

use super::Rendered;
use super::chart::{Chart, split};
use super::config::{HelmConfig, RenderConfig};
use super::error::RenderError;
use super::place::Place;
use super::program::{Program, Stopped, find};
use super::scratch::{Scratch, unwritable};

/// A schema may have to be fetched; and who installs the chart checks its values. Helm has the flag
/// since 3.16.
const NO_SCHEMA: &str = "--skip-schema-validation";

/// Renders the chart.
pub(super) async fn render(
    place: &Place,
    scratch: &Scratch,
    config: &RenderConfig,
    clock: &Clock,
) -> Result<Vec<Rendered>, RenderError> {
    let chart = Chart::read(place)?;
    let missing = || {
        let wanted = "helm is not on PATH: install it, or set `helm.program`";
        RenderError::Unavailable(format!("{}: {wanted}", place.title()))
    };
    let path = config.helm.program.clone().or_else(|| find(&["helm"])).ok_or_else(missing)?;
    let args = arguments(place, scratch, &config.helm, &chart)?;
    let program = Program { path, place, scratch, clock, timeout: config.timeout };
    let with = |flags: &[&str]| ["template"].iter().chain(flags).map(OsString::from).chain(args.clone()).collect();
    let mut done = program.run(with(&[NO_SCHEMA])).await;
    if matches!(&done, Err(Stopped::Said(problem)) if problem.contains(&format!("unknown flag: {NO_SCHEMA}"))) {
        done = program.run(with(&[])).await;
    }
    match done {
        Ok(output) => Ok(split(&output, place)),
        Err(Stopped::Said(problem)) => Err(chart.named(place, problem)),
        Err(Stopped::Early(error)) => Err(error),
    }
}

/// The arguments of `helm template`. Later values count before earlier ones.
fn arguments(
    place: &Place,
    scratch: &Scratch,
    config: &HelmConfig,
    chart: &Chart,
) -> Result<Vec<OsString>, RenderError> {
    let mut args: Vec<OsString> = ["--include-crds", "--skip-tests", "--no-hooks"].map(OsString::from).into();
    if !config.namespace.is_empty() {
        args.push(format!("--namespace={}", config.namespace).into());
    }
    args.extend(config.kube_version.iter().map(|version| format!("--kube-version={version}").into()));
    args.extend(config.api_versions.iter().map(|version| format!("--api-versions={version}").into()));
    for file in &config.values {
        let bad = |problem: String| RenderError::bad(place.name(file), None, format!("`helm.values`: {problem}"));
        let path = place.resolve(file).map_err(bad)?;
        if !path.is_file() {
            return Err(bad("is no file".to_owned()));
        }
        args.push(values(&path.to_string_lossy()));
    }
    if !config.set.is_empty() {
        let path = scratch.path().join("set.json");
        let unwritten = |error| unwritable(&path, &error);
        let text = serde_json::to_vec(&config.set).map_err(|error| unwritten(error.into()))?;
        fs::write(&path, text).map_err(unwritten)?;
        args.push(values(&path.to_string_lossy()));
    }
    args.extend(["--".into(), config.release.clone().unwrap_or_else(|| chart.name.clone()).into()]);
    args.push(place.path().into_os_string());
    Ok(args)
}

/// A file of values: helm reads the flag as a line of CSV.
fn values(path: &str) -> OsString {
    if path.contains([',', '"']) {
        return format!("--values=\"{}\"", path.replace('"', "\"\"")).into();
    }
    format!("--values={path}").into()
}
