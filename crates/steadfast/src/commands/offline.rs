use std::error::Error;
use std::path::Path;

use app::{Config, Report};

use super::print;
use crate::args::Output;
use crate::render::{self, Style};
use crate::{FINE, FOUND};

pub(super) fn check_config(file: &Path) -> Result<u8, Box<dyn Error>> {
    Config::load(file)?;
    print(&format!("{}: fine\n", file.display()));
    Ok(FINE)
}

pub(super) async fn capture(config: &Config, dir: &Path) -> Result<u8, Box<dyn Error>> {
    let captured = app::capture(config, dir, |collector| eprintln!("looking: {collector}")).await?;
    print(&format!(
        "{} resources in {} files below {}\nreview them, then: git -C {} add -A && git -C {} commit -m 'As it is'\n",
        captured.resources,
        captured.files,
        dir.display(),
        dir.display(),
        dir.display(),
    ));
    Ok(FINE)
}

pub(super) fn diff(desired: &Path, live: &Path, previous: Option<&Path>, output: Output) -> Result<u8, Box<dyn Error>> {
    let report = app::diff(desired, live, previous)?;
    show(&report, output)
}

/// Prints a report; the exit code says whether there is drift.
pub(super) fn show(report: &Report, output: Output) -> Result<u8, Box<dyn Error>> {
    match output {
        Output::Text => print(&render::report(report, Style::stdout())),
        Output::Json => print(&format!("{}\n", serde_json::to_string_pretty(report)?)),
    }
    Ok(if report.has_drift() { FOUND } else { FINE })
}
