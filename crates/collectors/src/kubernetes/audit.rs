//! The audit log of an API server: a file that grows and is replaced, and what the server posts.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use base::queue::Receiver;
use base::{Clock, Limit};
use kubernetes::audit::{Write, Writes};

use super::AuditConfig;

/// How often it is looked for more.
const EVERY: Duration = Duration::from_millis(100);
/// Bytes that are read at once.
const STEP: u64 = 4 << 20;
/// Of a file that is there already, so much of its end is read.
const BEFORE: u64 = 64 << 20;
/// Bytes of a line; of a longer one nothing is known.
const LINE: Limit = Limit::new("kubernetes_audit_line_bytes", 16 << 20);

/// Writes that are handed over at once, so that each is known before its object is looked at again.
const TOGETHER: usize = 16;

/// Writes that an API server has posted, body by body.
pub type Inbox = Receiver<Vec<Write>>;

/// Where the events come from, and what is known by them.
#[derive(Debug, Default)]
pub(super) struct Audit {
    file: Option<AuditLog>,
    inbox: Option<Inbox>,
    /// Read, and not handed over yet.
    next: VecDeque<Write>,
    /// What was known when the collector ended, for the next time that it runs.
    pub known: Option<Writes>,
}

impl Audit {
    pub(super) fn new(config: &AuditConfig, inbox: Option<Inbox>) -> Self {
        Self { file: config.file.clone().map(AuditLog::new), inbox, ..Self::default() }
    }

    /// What is known of writes; nothing if there is no log.
    pub(super) fn before(&mut self) -> Option<Writes> {
        if self.file.is_none() && self.inbox.is_none() {
            return None;
        }
        let mut writes = self.known.take().unwrap_or_default();
        if let Some(file) = &mut self.file {
            before(file, &mut writes);
        }
        Some(writes)
    }

    /// The next writes, a few of them, once there are some; never without a log. A call that is
    /// dropped loses none.
    pub(super) async fn writes(&mut self, clock: &Clock) -> Vec<Write> {
        while self.next.is_empty() {
            let more = tokio::select! {
                more = posted(&mut self.inbox) => more,
                more = written(&mut self.file, clock) => more,
            };
            self.next.extend(more);
        }
        let end = self.next.len().min(TOGETHER);
        self.next.drain(..end).collect()
    }
}

/// The next body's writes.
async fn posted(inbox: &mut Option<Inbox>) -> Vec<Write> {
    if let Some(open) = inbox
        && let Some(writes) = open.recv().await
    {
        return writes;
    }
    // Nobody will post any more.
    *inbox = None;
    std::future::pending().await
}

/// Follows the file.
#[derive(Debug)]
pub(super) struct AuditLog {
    path: PathBuf,
    open: Option<(File, u64)>,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
    /// The first line that is read may have begun before.
    torn: bool,
    /// Lines that could not be read.
    pub unreadable: u64,
}

impl AuditLog {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: None, rest: Vec::new(), torn: false, unreadable: 0 }
    }

    /// The writes since the last call, at most a step of them.
    ///
    /// # Errors
    /// Why the file cannot be read; one that is not there is only empty.
    pub(super) fn next(&mut self) -> Result<Vec<Write>, std::io::Error> {
        if !self.reopen()? {
            return Ok(Vec::new());
        }
        let Some((file, _)) = &mut self.open else { return Ok(Vec::new()) };
        let mut bytes = std::mem::take(&mut self.rest);
        file.by_ref().take(STEP).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.rest = bytes.split_off(end);
        if LINE.check(self.rest.len() as u64).is_err() {
            self.rest.clear();
            self.torn = true;
        }
        Ok(self.lines(&bytes))
    }

    fn lines(&mut self, bytes: &[u8]) -> Vec<Write> {
        let mut writes = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let torn = std::mem::take(&mut self.torn);
            match std::str::from_utf8(line).ok().map(Write::read) {
                Some(Ok(write)) => writes.extend(write),
                _ if torn => {}
                _ => {
                    self.unreadable += 1;
                    metrics::counter!("steadfast_kubernetes_audit_unreadable_total").increment(1);
                }
            }
        }
        writes
    }

    /// Opens the file that has the name now. Gives whether there is one.
    fn reopen(&mut self) -> Result<bool, std::io::Error> {
        let now = match std::fs::metadata(&self.path) {
            Ok(now) => now,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.open.is_some()),
            Err(error) => return Err(error),
        };
        if let Some((file, inode)) = &mut self.open {
            let at = file.stream_position()?;
            if *inode == now.ino() && now.len() >= at {
                return Ok(true);
            }
            // Of the one that was renamed the end is read first.
            if *inode != now.ino() && file.metadata()?.len() > at {
                return Ok(true);
            }
        }
        let first = self.open.is_none();
        let mut file = File::open(&self.path)?;
        let start = if first { now.len().saturating_sub(BEFORE) } else { 0 };
        file.seek(SeekFrom::Start(start))?;
        (self.torn, self.rest) = (start > 0, Vec::new());
        self.open = Some((file, now.ino()));
        Ok(true)
    }
}

/// Takes what the log holds already.
fn before(log: &mut AuditLog, writes: &mut Writes) {
    loop {
        match log.next() {
            Ok(step) if !step.is_empty() => step.into_iter().for_each(|write| writes.put(write)),
            _ => return,
        }
    }
}

/// The file's next writes.
async fn written(log: &mut Option<AuditLog>, clock: &Clock) -> Vec<Write> {
    let Some(log) = log else { return std::future::pending().await };
    loop {
        match log.next() {
            Ok(writes) if !writes.is_empty() => return writes,
            Ok(_) => {}
            Err(error) => {
                metrics::counter!("steadfast_kubernetes_audit_failures_total").increment(1);
                tracing::debug!(%error, "the audit log cannot be read");
            }
        }
        clock.sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    fn line(name: &str) -> String {
        let event = json!({"stage": "ResponseComplete", "verb": "create", "requestURI": "/x", "user": {"username": "u"},
            "objectRef": {"resource": "configmaps", "namespace": "shop", "name": name}, "responseStatus": {"code": 201},
            "stageTimestamp": "2026-11-26T05:00:10.400000Z"});
        format!("{event}\n")
    }

    #[test]
    fn the_file_is_followed_over_torn_lines_and_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let mut log = AuditLog::new(path.clone());
        let names = |log: &mut AuditLog| -> Vec<String> {
            log.next().unwrap().iter().map(|write| write.object.rsplit('/').next().unwrap().to_owned()).collect()
        };
        assert!(names(&mut log).is_empty(), "it is not there yet");
        let mut file = File::create(&path).unwrap();
        let (two, three) = (line("two"), line("three"));
        write!(file, "{}{}", line("one"), &two[..20]).unwrap();
        assert_eq!(names(&mut log), ["one"]);
        writeln!(file, "{}nonsense", &two[20..]).unwrap();
        assert_eq!((names(&mut log), log.unreadable), (vec!["two".to_owned()], 1));
        write!(file, "{three}").unwrap();
        std::fs::rename(&path, dir.path().join("audit-1.log")).unwrap();
        std::fs::write(&path, line("four")).unwrap();
        assert_eq!(names(&mut log), ["three"]);
        assert_eq!(names(&mut log), ["four"]);
        std::fs::write(&path, "").unwrap();
        std::fs::write(&path, line("a")).unwrap();
        assert!(names(&mut log).is_empty() || log.unreadable == 1);
    }

    #[tokio::test]
    async fn what_is_posted_comes_a_few_at_a_time_beside_what_the_file_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let (sender, inbox) = base::queue::bounded("test", 4);
        let mut audit = Audit::new(&AuditConfig { file: Some(path.clone()), webhook: None }, Some(inbox));
        std::fs::write(&path, line("earlier")).unwrap();
        assert!(audit.before().is_some());
        let body = |from: usize, to: usize| -> Vec<Write> {
            (from..to).map(|n| Write::read(&line(&n.to_string())).unwrap().unwrap()).collect()
        };
        sender.try_send(body(0, 20)).unwrap();
        let clock = Clock::system();
        assert_eq!(audit.writes(&clock).await, body(0, TOGETHER));
        assert_eq!(audit.writes(&clock).await, body(TOGETHER, 20));
        drop(sender);
        let mut file = File::options().append(true).open(&path).unwrap();
        write!(file, "{}", line("later")).unwrap();
        let writes = audit.writes(&clock).await;
        assert!(writes.len() == 1 && writes[0].object.ends_with("/later"), "{writes:?}");
    }
}
