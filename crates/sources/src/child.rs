use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base::{Clock, Exceeded, Limit};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
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
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    memory: Option<u64>,
}

/// Why a child gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It could not be started.
    #[error("cannot run {program}: {error}")]
    Start { program: String, error: io::Error },
    /// Its time was over.
    #[error("{program} did not end within {} s", limit.as_secs_f64())]
    Late { program: String, limit: Duration },
    /// It wrote more than it may.
    #[error("the output of {program} is too large: {exceeded}")]
    Large { program: String, exceeded: Exceeded },
    /// It ended with an error; `said` is what it wrote to its standard error.
    #[error("{program} ended with {status}")]
    Ended { program: String, status: ExitStatus, said: String },
    /// The system does not say how it ended.
    #[error("cannot wait for {program}: {error}")]
    Lost { program: String, error: io::Error },
}

/// What becomes of output that is too long.
#[derive(Clone, Copy)]
enum Room {
    /// It is cut after so many bytes, and the child runs on.
    Cut(usize),
    /// It ends the child.
    Upto(Limit),
}

impl Child {
    /// A program with what git and ssh need of our environment.
    pub(crate) fn new(program: impl Into<PathBuf>) -> Self {
        Self::keeping(KEPT, program)
    }

    /// A program with these variables of our environment and no others.
    pub(crate) fn keeping(kept: &[&str], program: impl Into<PathBuf>) -> Self {
        let kept = kept.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
        let mut env: Vec<(OsString, OsString)> = kept.collect();
        env.push(("LC_ALL".into(), "C".into()));
        Self { program: program.into(), args: Vec::new(), env, memory: None }
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How many bytes of memory of its own it, and each process that it starts, may have.
    pub(crate) fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
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
        self.finish(clock, limit, Room::Cut(max)).await.map_err(|failure| {
            let told = if let Failure::Ended { said, .. } = &failure { meant(said) } else { None };
            told.unwrap_or_else(|| failure.to_string())
        })
    }

    /// Runs it and gives its whole standard output; when it writes more than `max` lets through, it
    /// and what it started are killed.
    ///
    /// # Errors
    /// [`Failure`], with its standard error as it wrote it.
    pub(crate) async fn whole(self, clock: &Clock, limit: Duration, max: Limit) -> Result<Vec<u8>, Failure> {
        self.finish(clock, limit, Room::Upto(max)).await
    }

    async fn finish(self, clock: &Clock, limit: Duration, room: Room) -> Result<Vec<u8>, Failure> {
        let program = self.program.display().to_string();
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| Failure::Start { program: program.clone(), error })?;
        let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        bound_memory(group.0, self.memory);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let done = async {
            let (output, said) = tokio::try_join!(bounded(stdout, room), bounded(stderr, Room::Cut(MAX_OUTPUT)))?;
            Ok((child.wait().await, output, String::from_utf8_lossy(&said).into_owned()))
        };
        let done = clock.timeout(limit, done).await.map_err(|_| Failure::Late { program: program.clone(), limit })?;
        let (status, output, said) = done.map_err(|exceeded| Failure::Large { program: program.clone(), exceeded })?;
        // It has ended, and its number may be another's by now.
        group.0 = None;
        match status {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(Failure::Ended { program, status, said }),
            Err(error) => Err(Failure::Lost { program, error }),
        }
    }
}

/// Limits the memory of a child that has just been started: what it had time to take before is less.
fn bound_memory(child: Option<Pid>, bytes: Option<u64>) {
    let (Some(_), Some(_)) = (child, bytes) else { return };
    if let Err(error) = prlimit(child, Resource::Data, Rlimit { current: bytes, maximum: bytes }) {
        // It may have ended in this moment; its time is bounded all the same.
        tracing::debug!(%error, "cannot limit the memory of a child");
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

/// What a child writes, as far as there is room; it is read to its end.
async fn bounded(from: Option<impl AsyncRead + Unpin>, room: Room) -> Result<Vec<u8>, Exceeded> {
    let (mut kept, mut part) = (Vec::new(), [0; 8192]);
    let Some(mut from) = from else { return Ok(kept) };
    while let Ok(count @ 1..) = from.read(&mut part).await {
        let count = match room {
            Room::Cut(max) => max.saturating_sub(kept.len()).min(count),
            Room::Upto(limit) => limit.check((kept.len() + count) as u64).map(|()| count)?,
        };
        kept.extend_from_slice(&part[..count]);
    }
    Ok(kept)
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

    #[tokio::test]
    async fn what_is_not_kept_is_not_there_and_what_it_said_is_whole() {
        let child = Child::keeping(&[], "/bin/sh").args(["-c", "echo \"$HOME\"; echo 'remote: x' >&2; exit 3"]);
        let failure = child.whole(&Clock::system(), Duration::from_secs(30), Limit::new("x", 9)).await.unwrap_err();
        assert!(matches!(&failure, Failure::Ended { said, .. } if said == "remote: x\n"), "{failure:?}");
        let child = Child::keeping(&[], "/bin/sh").args(["-c", "echo \"$HOME\""]);
        assert_eq!(child.whole(&Clock::system(), Duration::from_secs(30), Limit::new("x", 9)).await.unwrap(), b"\n");
    }

    #[tokio::test]
    async fn a_child_that_writes_without_end_is_killed_at_the_limit() {
        let child = Child::keeping(&[], "/usr/bin/yes");
        let failure = child.whole(&Clock::system(), Duration::from_secs(60), Limit::new("some", 1 << 20)).await;
        let said = failure.unwrap_err().to_string();
        assert!(said.contains("/usr/bin/yes is too large") && said.contains("some = 1048576"), "{said}");
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        // The limit is there a moment after the start: the child asks for memory after that.
        let script =
            "while test \"$(ulimit -d)\" = unlimited; do :; done; head -c 50000000 /dev/zero | tail -c 40000000";
        let child = Child::new("sh").args(["-c", script]).memory(8 << 20);
        let error = child.run(&Clock::system(), Duration::from_secs(30)).await.unwrap_err();
        assert!(!error.contains("did not end"), "{error}");
    }
}
