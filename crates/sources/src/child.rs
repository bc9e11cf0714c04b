use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use base::Clock;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// Bytes of a child's standard error that are kept; the rest is read and thrown away.
const MAX_OUTPUT: usize = 64 << 10;

/// Variables of our own environment that git and ssh need.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// A program that is run with a clean environment, without a terminal, for a bounded time.
pub(crate) struct Child {
    program: &'static str,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Child {
    pub(crate) fn new(program: &'static str) -> Self {
        let kept = KEPT.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
        let mut env: Vec<(OsString, OsString)> = kept.collect();
        env.push(("LC_ALL".into(), "C".into()));
        Self { program, args: Vec::new(), env }
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs it. When `limit` has passed or the call is dropped, it and what it started are killed.
    ///
    /// # Errors
    /// What it said on its standard error, or why it did not run.
    pub(crate) async fn run(self, clock: &Clock, limit: Duration) -> Result<(), String> {
        self.output(clock, limit, 0).await.map(|_| ())
    }

    /// The same, and gives at most `max` bytes of its standard output.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) async fn output(self, clock: &Clock, limit: Duration, max: usize) -> Result<Vec<u8>, String> {
        let mut command = Command::new(self.program);
        command.args(&self.args).env_clear().envs(self.env);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("cannot run {}: {error}", self.program))?;
        let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let done = async {
            let (output, said) = tokio::join!(bounded(stdout, max), bounded(stderr, MAX_OUTPUT));
            (child.wait().await, output, String::from_utf8_lossy(&said).into_owned())
        };
        let (status, output, said) = clock
            .timeout(limit, done)
            .await
            .map_err(|_| format!("{} did not end within {} s", self.program, limit.as_secs_f64()))?;
        // It has ended, and its number may be another's by now.
        group.0 = None;
        match status {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(meant(&said).unwrap_or_else(|| format!("{} ended with {status}", self.program))),
            Err(error) => Err(format!("cannot wait for {}: {error}", self.program)),
        }
    }
}

/// The process group of a child that runs; killed when it is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may have ended in this moment, which is as good.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// The first `max` bytes of what a child writes; it is read to its end.
async fn bounded(from: Option<impl AsyncRead + Unpin>, max: usize) -> Vec<u8> {
    let (mut kept, mut part) = (Vec::new(), [0; 8192]);
    let Some(mut from) = from else { return kept };
    while let Ok(count @ 1..) = from.read(&mut part).await {
        let room = max.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&part[..room]);
    }
    kept
}

/// The lines of git's or ssh's output that say what is wrong, without what a remote lets it print,
/// and with whatever stands where a URL has a password cut.
fn meant(said: &str) -> Option<String> {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("remote:"));
    let noise = ["Please make sure you have the correct access rights", "and the repository exists."];
    let told: Vec<&str> = lines.filter(|line| !noise.iter().any(|noise| line.starts_with(noise))).collect();
    let short: String = told.join("; ").chars().filter(|c| !c.is_control()).take(500).collect();
    (!short.is_empty()).then(|| without_passwords(&short))
}

/// `https://user:secret@host` as `https://***@host`.
fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || "/'\"".contains(c)).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                out.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_cut_from_what_git_says() {
        let said =
            "remote: x\nfatal: unable to access 'https://me:hunter2@h/x/': no\nfatal: 'ssh://h/y' and https://t0ken@h";
        let meant = meant(said).unwrap();
        assert_eq!(meant, "fatal: unable to access 'https://***@h/x/': no; fatal: 'ssh://h/y' and https://***@h");
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_is_killed_with_what_it_started() {
        let clock = Clock::system();
        let child = Child::new("sh").args(["-c", "sleep 1000 & wait"]);
        let error = child.run(&clock, Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(error, "sh did not end within 0.1 s");
    }

    #[tokio::test]
    async fn output_is_bounded_and_the_environment_clean() {
        let clock = Clock::system();
        let noisy = Child::new("sh").args(["-c", "yes broken | head -c 3000000 >&2; exit 3"]);
        assert!(noisy.run(&clock, Duration::from_secs(30)).await.unwrap_err().len() <= 500);
        let clean = Child::new("sh").args(["-c", "test -z \"$CARGO_MANIFEST_DIR\""]);
        assert_eq!(clean.run(&clock, Duration::from_secs(30)).await, Ok(()));
    }
}
