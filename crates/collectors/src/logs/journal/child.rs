//! The child that reads the journal.

use std::io;
#[cfg(test)]
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base::Clock;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::host::child::command;

/// Bytes of what a child says is wrong.
const PROBLEM: usize = 1_024;
/// How long a child may take to end that has closed its output.
const END: Duration = Duration::from_secs(2);

/// What is run.
#[derive(Clone, Debug)]
pub(super) enum Program {
    /// `journalctl`, where systems have it.
    System,
    #[cfg(test)]
    At(PathBuf),
}

/// A child that runs, and ends with this.
pub(super) struct Running {
    child: Child,
    pub output: ChildStdout,
    errors: Option<ChildStderr>,
    said: Vec<u8>,
}

/// Starts it.
pub(super) fn start(program: &Program, arguments: &[String]) -> io::Result<Running> {
    let command: Option<Command> = match program {
        Program::System => command("journalctl"),
        #[cfg(test)]
        Program::At(path) => Some(Command::new(path)),
    };
    let mut command = command.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it is not installed"))?;
    command.args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let output = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
    let errors = child.stderr.take();
    Ok(Running { child, output, errors, said: Vec::new() })
}

impl Running {
    /// Reads what it says, and what it complains of until then.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut complaint = [0; PROBLEM];
        loop {
            let Some(errors) = &mut self.errors else { return self.output.read(buffer).await };
            tokio::select! {
                biased;
                read = self.output.read(buffer) => return read,
                read = errors.read(&mut complaint) => match read {
                    Ok(read @ 1..) => self.note(complaint.get(..read).unwrap_or_default()),
                    _ => self.errors = None,
                },
            }
        }
    }

    /// Keeps the end of its complaints.
    fn note(&mut self, complaint: &[u8]) {
        self.said.extend_from_slice(complaint);
        self.said.drain(..self.said.len().saturating_sub(PROBLEM));
    }

    /// Why it has ended, whose output has.
    pub(super) async fn problem(mut self) -> String {
        let ended = async {
            if let Some(errors) = self.errors.take() {
                let mut rest = Vec::new();
                let _ = errors.take(PROBLEM as u64).read_to_end(&mut rest).await;
                self.note(&rest);
            }
            self.child.wait().await
        };
        let status = match Clock::system().timeout(END, ended).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        format!("journalctl has ended: {status}: {}", String::from_utf8_lossy(&self.said).trim())
    }
}
