use std::convert::Infallible;
use std::time::Duration;

use base::{Limit, Timestamp};
use model::rows::Scope;
use model::{Batch, ScopeState};
use tokio::sync::Mutex;

use crate::append::Appender;
use crate::{CollectError, Cover};

/// How often a collector that lives says so.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// How long after its last word a scope is taken for unknown: three missed heartbeats and a little.
pub const STALE_AFTER: Duration = Duration::from_secs(100);

/// Progress is appended no more often than this.
const PROGRESS: Duration = Duration::from_secs(1);

/// Names that cannot be seen, told one by one; where there are more, nothing is called missing.
const UNSEEN: Limit = Limit::new("collect_unseen_names", 200);

/// Bytes of a message that are kept.
const MESSAGE_BYTES: usize = 2048;

/// Says on the log how a collector is. One report at a time, so that a late heartbeat never
/// undoes what was said after it.
pub(crate) struct Reporter {
    scope: String,
    appender: Appender,
    status: Mutex<Status>,
}

struct Status {
    state: ScopeState,
    message: Option<String>,
    resources: usize,
    covers: Vec<Cover>,
    /// Names that cannot be seen now.
    unseen: Vec<String>,
    appended: Option<Duration>,
    /// The last good word holds until then: a failure does not make it longer.
    good_until: Option<Timestamp>,
}

impl Reporter {
    pub(crate) fn new(scope: &str, covers: &[Cover], appender: Appender) -> Self {
        let status = Status {
            state: ScopeState::Scanning,
            message: None,
            resources: 0,
            covers: covers.to_vec(),
            unseen: Vec::new(),
            appended: None,
            good_until: None,
        };
        Self { scope: scope.to_owned(), appender, status: Mutex::new(status) }
    }

    /// What it cannot look at now; said at once if that has changed.
    pub(crate) async fn cannot_see(&self, mut names: Vec<String>) -> Result<(), CollectError> {
        if UNSEEN.check(names.len() as u64).is_err() {
            names = vec!["/**".to_owned()];
        }
        let mut status = self.status.lock().await;
        if status.unseen == names {
            return Ok(());
        }
        status.unseen = names;
        self.say(&mut status).await
    }

    /// What it covers from now on.
    pub(crate) async fn cover(&self, covers: Vec<Cover>) -> Result<(), CollectError> {
        let mut status = self.status.lock().await;
        if status.covers == covers {
            return Ok(());
        }
        status.covers = covers;
        self.say(&mut status).await
    }

    /// Its first word.
    pub(crate) async fn started(&self) -> Result<(), CollectError> {
        self.say(&mut *self.status.lock().await).await
    }

    /// A full scan is over.
    pub(crate) async fn complete(&self, resources: usize) -> Result<(), CollectError> {
        let mut status = self.status.lock().await;
        (status.state, status.message, status.resources) = (ScopeState::Ok, None, resources);
        self.say(&mut status).await
    }

    /// It ended though nobody asked for it.
    pub(crate) async fn failed(&self, message: String) -> Result<(), CollectError> {
        let mut status = self.status.lock().await;
        (status.state, status.message) = (ScopeState::Failed, Some(cut(message)));
        self.say(&mut status).await
    }

    /// How far it is. A scope that has failed stays failed, with the reason, until a scan is complete.
    pub(crate) async fn progress(&self, message: String, resources: usize) -> Result<(), CollectError> {
        let mut status = self.status.lock().await;
        if status.state == ScopeState::Failed {
            return Ok(());
        }
        (status.message, status.resources) = (Some(cut(message)), resources);
        let now = self.appender.clock.monotonic();
        if status.appended.is_some_and(|last| now.saturating_sub(last) < PROGRESS) && status.state != ScopeState::Ok {
            return Ok(());
        }
        self.say(&mut status).await
    }

    /// Repeats the status for as long as it is polled.
    pub(crate) async fn heartbeats(&self) -> Infallible {
        loop {
            self.appender.clock.sleep(HEARTBEAT).await;
            let said = self.say(&mut *self.status.lock().await).await;
            if let Err(error) = said {
                tracing::warn!(collector = self.appender.source, %error, "a heartbeat is not on the log");
            }
        }
    }

    async fn say(&self, status: &mut Status) -> Result<(), CollectError> {
        let good = status.state != ScopeState::Failed;
        let stale_after = |now: Timestamp| match status.good_until {
            Some(until) if !good => until,
            None if !good => now,
            _ => now.plus(STALE_AFTER),
        };
        let row = || {
            let now = self.appender.clock.now();
            Scope {
                time: now,
                scope: self.scope.clone(),
                source: self.appender.source.to_owned(),
                state: status.state,
                message: status.message.clone(),
                resources: status.resources as i64,
                stale_after: stale_after(now),
                covers: status.covers(),
            }
        };
        self.appender.append(|| Ok(vec![Batch::of(self.scope.as_str(), &[row()])?])).await?;
        status.appended = Some(self.appender.clock.monotonic());
        if good {
            status.good_until = Some(self.appender.clock.now().plus(STALE_AFTER));
        }
        Ok(())
    }
}

impl Status {
    /// The covers with what cannot be seen now.
    fn covers(&self) -> Option<String> {
        let mut covers = self.covers.clone();
        covers.iter_mut().for_each(|cover| cover.except.extend(self.unseen.iter().cloned()));
        serde_json::to_string(&covers).ok()
    }
}

fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        let end = (0..=MESSAGE_BYTES).rev().find(|&n| message.is_char_boundary(n)).unwrap_or(0);
        message.truncate(end);
    }
    message
}
