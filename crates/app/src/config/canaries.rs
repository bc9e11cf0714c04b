//! What a type cannot say of canaries, with its place in the file.

use canary::{CanaryConfig, Mistake};

use super::{Config, Problem, Role};
use crate::receivers;

/// The mistakes of `canaries`, and of the receivers that roll back.
pub(super) fn check(config: &Config, text: &str) -> Vec<Problem> {
    let mistakes = canary::check_all(&config.canaries).err().unwrap_or_default();
    let mut problems: Vec<Problem> = mistakes.iter().map(|mistake| problem(mistake, text)).collect();
    for canary in &config.canaries {
        let Some(receiver) = &canary.rollback else { continue };
        if !config.receivers.iter().any(|other| other.name == *receiver && receivers::rolls_back(other)) {
            let (line, column) = place(text, &canary.name, 0);
            let message =
                format!("canaries: {}.rollback: there is no receiver `{receiver}` with `rollback`", canary.name);
            problems.push(Problem::at(line, column, message));
        }
    }
    problems.extend(config.canaries.iter().filter_map(|canary| cluster(config, canary, text)));
    let named = |name: &str| config.canaries.iter().any(|canary| canary.rollback.as_deref() == Some(name));
    for receiver in config.receivers.iter().filter(|receiver| receivers::rolls_back(receiver)) {
        let name = &receiver.name;
        let (line, column) = place(text, name, 0);
        let mut say = |problem: &str| problems.push(Problem::at(line, column, format!("receivers.{name}: {problem}")));
        if !named(name) {
            say("rollback: no canary names it, so it is told nothing");
        }
        if config.receivers.iter().any(|other| other.fallback.as_ref() == Some(name)) {
            say("rollback: it rolls back, and cannot be a fallback for what people are told");
        }
    }
    problems
}

/// Rollouts are seen only where a cluster is watched, by this process or by another one whose configuration is not known here.
fn cluster(config: &Config, canary: &CanaryConfig, text: &str) -> Option<Problem> {
    let (key, wanted) = canary.cluster()?;
    if !config.has(Role::Watching) || config.kubernetes.as_slice().iter().any(|watched| watched.cluster == wanted) {
        return None;
    }
    let (line, column) = place(text, &canary.name, 0);
    let problem = format!("{}.{key}: `kubernetes` watches no cluster `{wanted}`", canary.name);
    Some(Problem::at(line, column, format!("canaries: {problem}")))
}

fn problem(mistake: &Mistake, text: &str) -> Problem {
    let (line, column) = place(text, &mistake.text, mistake.at);
    Problem::at(line, column, format!("canaries: {mistake}"))
}

/// Line and column of a text that the section has, and of a byte in it; where the section begins, if it is written
/// in a way that cannot be found.
fn place(text: &str, wanted: &str, at: usize) -> (usize, usize) {
    let section = text.lines().position(|line| line.starts_with("canaries:") || line.starts_with("receivers:"));
    let first = wanted.lines().next().unwrap_or_default();
    let mut lines = text.lines().enumerate().skip(section.unwrap_or(0)).filter(|_| !first.is_empty());
    let found = lines.find_map(|(n, line)| Some((n, find(line, first)?)));
    let Some((line, column)) = found else { return (section.map_or(0, |line| line + 1), 1) };
    // The lines of a text that is written as a block stand below each other.
    let before = wanted.get(..at).unwrap_or_default();
    let inside = before.rsplit('\n').next().unwrap_or_default().len();
    (line + 1 + before.matches('\n').count(), column + 1 + inside)
}

/// Where a line has a text as a whole word or value.
fn find(line: &str, text: &str) -> Option<usize> {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    line.match_indices(text).map(|(at, _)| at).find(|at| {
        let (before, after) = (line[..*at].chars().next_back(), line[at + text.len()..].chars().next());
        !inside(before) && !inside(after)
    })
}
