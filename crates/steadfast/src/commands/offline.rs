use std::error::Error;
use std::path::Path;

use app::{Config, Report};

use super::print;
use crate::args::Output;
use crate::judgement;
use crate::render::{self, Style};
use crate::{FAILED, FINE, FOUND};

pub(super) async fn check_config(file: &Path) -> Result<u8, Box<dyn Error>> {
    let app::Checked { mistakes, absent, .. } = app::check_file(file).await?;
    absent.iter().for_each(|line| eprintln!("not here, so that `up` would not start here: {line}"));
    if !mistakes.is_empty() {
        return Err(mistakes.join("\n").into());
    }
    let but = if absent.is_empty() { "" } else { ", but for secrets that are not here" };
    print(&format!("{}: fine{but}\n", file.display()));
    Ok(FINE)
}

/// The configuration of a file, if a start would refuse nothing of it.
pub(super) async fn checked(file: &Path) -> Result<Config, Box<dyn Error>> {
    let app::Checked { config, mut mistakes, absent } = app::check_file(file).await?;
    mistakes.extend(absent);
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes.join("\n").into()) }
}

pub(super) async fn capture(config: &Config, dir: &Path) -> Result<u8, Box<dyn Error>> {
    let captured = app::capture(config, dir, |collector| eprintln!("looking: {collector}")).await?;
    for path in &captured.removed {
        print(&format!("removed, what it declared is gone: {}\n", path.display()));
    }
    for path in &captured.kept {
        print(&format!("left alone, it has edits that are not committed: {}\n", path.display()));
    }
    for id in &captured.left_out {
        print(&format!("left out, it holds a secret: {id}\n"));
    }
    for kind in &captured.unseen {
        print(&format!("could not be looked at: {kind}\n"));
    }
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

pub(super) fn diff(files: &app::Files<'_>, output: Output) -> Result<u8, Box<dyn Error>> {
    show(&app::diff(files)?, output)
}

/// Prints a judgement; the exit code says whether the canary fails.
pub(super) fn judge(file: &Path, name: Option<&str>, output: Output) -> Result<u8, Box<dyn Error>> {
    let result = app::judge(file, name)?;
    match output {
        Output::Text => print(&judgement::text(&result, Style::stdout())),
        Output::Json => print(&format!("{}\n", serde_json::to_string_pretty(&result)?)),
    }
    Ok(if result.failed() { FOUND } else { FINE })
}

/// Prints a report; the exit code says whether there is drift, or that it cannot be said whether there is.
pub(super) fn show(report: &Report, output: Output) -> Result<u8, Box<dyn Error>> {
    // Beside the answer, which a program reads: there it is a part of it.
    eprint!("{}", render::unread(report));
    match output {
        Output::Text => {
            print(&render::report(report, Style::stdout()));
            print(&render::left_out(report, "on the page, and in the table `drift` of `steadfast sql`"));
        }
        Output::Json => print(&format!("{}\n", serde_json::to_string_pretty(report)?)),
    }
    Ok(match report.has_drift() {
        true => FOUND,
        false if report.unread.is_empty() => FINE,
        false => FAILED,
    })
}
