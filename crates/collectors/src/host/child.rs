//! Children: programs of the system that are asked, with a limit on their time and answer.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base::{Clock, Limit};
use collect::CollectError;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Bytes of an answer.
const ANSWER: Limit = Limit::new("collector_child_answer_bytes", 256 << 20);

/// A child that has not ended then is ended.
const TIME: Duration = Duration::from_secs(120);

/// Where programs of the system are; the environment's search path is not trusted.
const PLACES: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

fn find(program: &str) -> Option<PathBuf> {
    PLACES.iter().map(|place| Path::new(place).join(program)).find(|path| path.is_file())
}

/// What runs a program, with nothing of our environment; nothing if the system does not have it.
pub(crate) fn command(program: &str) -> Option<Command> {
    let mut command = Command::new(find(program)?);
    command.env_clear().env("LC_ALL", "C").env("PATH", PLACES.join(":"));
    Some(command)
}

/// Whether the system has the program.
pub(crate) fn exists(program: &str) -> bool {
    find(program).is_some()
}

/// Runs a program and gives its answer.
///
/// # Errors
/// If it is not there, fails, takes too long or answers too much.
pub(crate) async fn run(program: &str, arguments: &[&str]) -> Result<String, CollectError> {
    run_within(program, arguments, TIME, ANSWER).await
}

/// The same from a thread for work that blocks.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_blocking(program: &str, arguments: &[&str]) -> Result<String, CollectError> {
    let failed = |error: tokio::runtime::TryCurrentError| failed(program, error);
    tokio::runtime::Handle::try_current().map_err(failed)?.block_on(run(program, arguments))
}

fn failed(program: &str, problem: impl std::fmt::Display) -> CollectError {
    CollectError::Source { what: program.to_owned(), problem: problem.to_string() }
}

async fn run_within(program: &str, arguments: &[&str], time: Duration, limit: Limit) -> Result<String, CollectError> {
    let mut command = command(program).ok_or_else(|| failed(program, "it is not installed"))?;
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let answer = async {
        let mut child = command.spawn()?;
        let mut answer = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(limit.max() + 1).read_to_end(&mut answer).await?;
        }
        limit.check(answer.len() as u64).map_err(std::io::Error::other)?;
        std::io::Result::Ok((answer, child.wait().await?))
    };
    let ended = Clock::system().timeout(time, answer).await.map_err(|elapsed| failed(program, elapsed))?;
    let (answer, status) = ended.map_err(|error| failed(program, error))?;
    if status.success() { Ok(String::from_utf8_lossy(&answer).into_owned()) } else { Err(failed(program, status)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_and_what_goes_wrong() {
        assert_eq!(run("echo", &["a b"]).await.unwrap(), "a b\n");
        let problem = |result: Result<String, CollectError>| result.unwrap_err().to_string();
        assert!(problem(run("no-such-program", &[]).await).contains("not installed"));
        assert!(problem(run("false", &[]).await).contains("exit status"));
        let limit = Limit::new("test", 100);
        assert!(problem(run_within("yes", &[], TIME, limit).await).contains("exceeds the limit"));
        assert!(problem(run_within("sleep", &["60"], Duration::from_millis(20), limit).await).contains("timed out"));
    }
}
