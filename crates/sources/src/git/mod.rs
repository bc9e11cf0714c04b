//! A Git repository with manifests of hosts and Kubernetes objects: each commit on a branch is a revision.

mod below;
mod config;
mod follow;
mod history;
mod mirror;
mod remote;
mod rendered;
mod tree;
mod watch;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::Clock;
use desired::{BadRevision, DesiredError, Fetched, Source};
use gix::ObjectId;
use kubernetes::schema::ApiKind;
use kubernetes::{Known, PROVIDER};
use tokio::sync::watch::Receiver;

pub use config::{Credentials, Follow, GitConfig, ObjectsConfig};

use crate::host_manifest::Secrets;
use crate::plugin::{self, BuildError, Context, Plugin};
use follow::Following;
use history::Pending;
use mirror::Mirror;
use remote::Remote;
use tree::{Files, Objects, Reader, Reading, Unread};
use watch::{Stamp, Watch};

/// The line of this plugin in `all()`.
pub const PLUGIN: Plugin = Plugin {
    name: "git",
    doc: "Host and Kubernetes manifests in a Git repository: a local path, file, https or ssh. Each commit on the branch is a revision \
          with its author and message. A commit that cannot be read is a finding with file and line, and the one before it stays.",
    build: |value, context| Ok(Box::new(Git::new(plugin::config("git", value)?, context)?)),
};

/// Manifests that one fetch gives at most, unless one commit alone has more; the rest comes next.
const MAX_MANIFESTS: usize = 100_000;

/// The source.
pub struct Git {
    config: GitConfig,
    mirror: Mirror,
    secrets: Secrets,
    clock: Clock,
    watch: Option<Watch>,
    /// What the local branch was when it was last fetched.
    stamp: Stamp,
    /// The newest commit that was handed over or refused.
    seen: Option<ObjectId>,
    /// The newest one that was handed over.
    good: Option<ObjectId>,
    /// Commits to hand over, oldest first.
    pending: VecDeque<Pending>,
    /// Set if the commit that was seen last cannot be read.
    bad: Option<BadRevision>,
    /// What the server does not say, without which nobody knows what the newest commit declares.
    unlearned: Option<String>,
    /// The server is still to be asked what it declares.
    learns: bool,
    /// All commits that were there at the start were handed over.
    begun: bool,
    scopes: BTreeSet<String>,
    /// What was read of the newest commit.
    files: Files,
    cluster: Option<Cluster>,
    /// Whose commit is read, if not the branch's.
    following: Option<Following>,
}

/// The cluster of Kubernetes manifests.
struct Cluster {
    shared: kubernetes::Cluster,
    /// What is known of its kinds; what was read with less is read anew.
    known: Receiver<Arc<Known>>,
}

impl Git {
    /// A source of this configuration.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn new(config: GitConfig, context: &Context) -> Result<Self, BuildError> {
        let wrong = |key| move |problem: String| BuildError::Value { plugin: "git", key, problem };
        let remote = Remote::parse(&config.url).map_err(wrong("url"))?;
        config.branch.as_deref().map_or(Ok(()), remote::branch).map_err(wrong("branch"))?;
        name(&config.name).map_err(wrong("name"))?;
        let path = config.path.as_deref().map_or(Ok(None), folder).map_err(wrong("path"))?;
        let key = blake3::hash(format!("{}\n{:?}", config.url, config.branch).as_bytes()).to_hex();
        let dir = context.cache.join(format!("{}-{}", config.name, &key[..12]));
        let watch = remote.local.clone().map(|path| Watch::new(path, config.branch.clone()));
        let cluster = config.kubernetes.as_ref().map(|objects| context.clusters.get(&objects.cluster));
        let cluster = cluster.map(|shared| Cluster { known: shared.known(), shared });
        let follow = config.kubernetes.as_ref().and_then(|objects| objects.follow.as_ref()).zip(cluster.as_ref());
        let follow = follow.map(|(follow, cluster)| Following::new(follow, &config.url, &cluster.shared));
        let following = follow.transpose().map_err(wrong("kubernetes.follow"))?;
        let config = GitConfig { path, ..config };
        let scopes = cluster.iter().map(|cluster| cluster.shared.scope()).chain(known(&dir)).collect();
        Ok(Self {
            scopes,
            cluster,
            following,
            mirror: Mirror::new(dir, remote, config.clone(), context.clock.clone()),
            secrets: context.secrets.clone(),
            clock: context.clock.clone(),
            stamp: Stamp::default(),
            seen: None,
            good: None,
            pending: VecDeque::new(),
            bad: None,
            unlearned: None,
            learns: false,
            begun: false,
            files: Files::new(),
            config,
            watch,
        })
    }

    /// What is known of kinds now. If that is news, the newest commit is read again.
    fn known(&mut self) -> Option<Arc<Known>> {
        let cluster = self.cluster.as_mut()?;
        if cluster.known.has_changed().unwrap_or_default() {
            self.files = Files::new();
            let again = self.good.filter(|_| self.pending.is_empty());
            self.pending.extend(again.map(|commit| Pending { commit, backfill: false, again: true }));
        }
        Some(Arc::clone(&cluster.known.borrow_and_update()))
    }

    /// Notes which commits are new.
    async fn look(&mut self) -> Result<(), DesiredError> {
        match &mut self.following {
            None => self.look_at_branch().await,
            Some(following) => match following.commit() {
                Ok(Some(hash)) => self.look_at(&hash).await,
                // Nothing is known of the tools before the cluster was looked at.
                Ok(None) => Ok(()),
                Err(error) => Err(self.mirror.unavailable(error.to_string())),
            },
        }
    }

    /// Notes the commit that a tool was asked to apply, if it is not the one that was read last. What lies between them
    /// nobody has asked for.
    async fn look_at(&mut self, hash: &str) -> Result<(), DesiredError> {
        let head = ObjectId::from_hex(hash.as_bytes());
        let head = head.map_err(|error| self.mirror.unavailable(format!("{hash}: {error}")))?;
        if self.seen == Some(head) {
            return Ok(());
        }
        self.mirror.fetch().await?;
        let has = |dir: &Path| open(dir).is_ok_and(|repository| repository.find_commit(head).is_ok());
        if !has(&self.mirror.dir) {
            self.mirror.fetch_commit(hash).await?;
        }
        self.pending = match self.seen {
            Some(_) => VecDeque::from([Pending { commit: head, backfill: false, again: false }]),
            None => self.since(Some(head)).await?,
        };
        Ok(())
    }

    /// Fetches the branch, and notes which commits are new.
    async fn look_at_branch(&mut self) -> Result<(), DesiredError> {
        // Taken before the fetch: a commit that comes during it is seen by the next.
        let stamp = self.watch.as_ref().map(Watch::stamp).unwrap_or_default();
        self.mirror.fetch().await?;
        self.pending = self.since(None).await?;
        self.stamp = stamp;
        Ok(())
    }

    /// The commits up to `to`, or to the branch's head, that were not seen.
    async fn since(&self, to: Option<ObjectId>) -> Result<VecDeque<Pending>, DesiredError> {
        let (dir, seen, history) = (self.mirror.dir.clone(), self.seen, self.config.history);
        let pending = base::blocking(move || {
            let repository = open(&dir)?;
            let to = to.map_or_else(|| head(&repository), Ok)?;
            history::since(&repository, to, seen, history)
        });
        let pending = pending.await.unwrap_or_else(|| Err("reading was interrupted".to_owned()));
        Ok(pending.map_err(|problem| self.damaged(problem))?.into())
    }

    /// Hands over what is pending, as much as should be in memory at once.
    async fn hand_over(&mut self) -> Result<Vec<Fetched>, DesiredError> {
        let (dir, config, secrets) = (self.mirror.dir.clone(), self.config.clone(), self.secrets.clone());
        let known = self.known();
        let watched = self.cluster.as_ref().is_some_and(|cluster| cluster.shared.watched());
        let (pending, scopes, clock) = (self.pending.clone(), self.scopes.clone(), self.clock.clone());
        // A call that is dropped loses them; they are read again.
        let files = std::mem::take(&mut self.files);
        let read = base::blocking(move || {
            let objects = config.kubernetes.as_ref().zip(known.as_deref());
            let (cache, clock) = (dir.as_path(), &clock);
            let objects = objects.map(|(config, known)| Objects { config, known, watched, cache, clock });
            let host = config.host.as_deref();
            let reading = Reading { secrets: &secrets, path: config.path.as_deref(), host, objects };
            read_all(&dir, reading, &pending, (scopes, files))
        });
        let read = read.await;
        let read = match read.unwrap_or_else(|| Err(Unread::Mirror("reading was interrupted".to_owned()))) {
            Ok(read) => read,
            Err(Unread::Mirror(problem)) => return Err(self.damaged(problem)),
            Err(Unread::Rendering(problem)) => return Err(self.mirror.unavailable(problem)),
            Err(Unread::Bad(bad)) => return Err((*bad).into()),
        };
        self.take(read)
    }

    /// Takes what was read of the pending commits.
    fn take(&mut self, read: Read) -> Result<Vec<Fetched>, DesiredError> {
        let last = read.done.checked_sub(1).and_then(|last| self.pending.get(last)).copied();
        if let Some(last) = last {
            // One that is read again for what was learned is older than one that was refused since.
            let refused = self
                .bad
                .as_ref()
                .is_some_and(|bad| ObjectId::from_hex(bad.revision.as_bytes()).is_ok_and(|bad| bad == last.commit));
            if !last.again || refused {
                self.seen = Some(last.commit);
                self.bad = None;
            }
            self.good = Some(last.commit);
        }
        self.pending.drain(..read.done);
        self.files = read.files;
        // Only what is read again once more is known is worth waiting for.
        (self.unlearned, self.learns) = (read.unlearned, read.learns && self.good.is_some());
        if let Some(cluster) = self.cluster.as_ref().filter(|_| read.done > 0) {
            cluster.shared.want(&format!("git.{}", self.config.name), read.kinds);
        }
        if read.scopes != self.scopes {
            remember(&self.mirror.dir, &read.scopes);
            self.scopes = read.scopes;
        }
        if let Some(bad) = &read.bad {
            self.seen = self.pending.pop_front().map(|pending| pending.commit);
            self.bad = Some(bad.clone());
        }
        let mut sets = read.sets;
        if let Some((bad, last)) = self.bad.as_ref().zip(last) {
            let revision = last.commit.to_string();
            let newest = sets.iter_mut().filter(|set| set.revision == revision);
            newest.for_each(|set| set.refused = Some(bad.clone()));
        }
        match read.bad {
            Some(bad) if sets.is_empty() => Err(bad.into()),
            _ => Ok(sets),
        }
    }

    /// Why nothing can be said of the cluster; nothing where hosts are declared beside it, of which all is known.
    fn unlearned_alone(&self) -> Option<String> {
        let alone = self.scopes.iter().all(|scope| scope.starts_with(PROVIDER));
        self.unlearned.clone().filter(|_| alone)
    }

    fn damaged(&self, problem: String) -> DesiredError {
        let dir = self.mirror.dir.display();
        self.mirror.unavailable(format!("our copy cannot be read: {problem} (it may be deleted: {dir})"))
    }
}

#[async_trait]
impl Source for Git {
    fn name(&self) -> String {
        format!("git.{}", self.config.name)
    }

    fn scopes(&self) -> Vec<String> {
        self.scopes.iter().cloned().collect()
    }

    fn learns_scopes(&self) -> bool {
        true
    }

    fn withheld(&self) -> Vec<(String, String)> {
        let of_cluster = self.scopes.iter().filter(|scope| scope.starts_with(PROVIDER));
        let problem = self.unlearned.iter();
        problem.flat_map(|problem| of_cluster.clone().map(move |scope| (scope.clone(), problem.clone()))).collect()
    }

    fn begins(&self) -> Vec<String> {
        let begins = |scope: &&String| !self.begun || (self.learns && scope.starts_with(PROVIDER));
        self.scopes.iter().filter(begins).cloned().collect()
    }

    fn poll(&self) -> Option<Duration> {
        self.config.poll
    }

    async fn fetch(&mut self) -> Result<Vec<Fetched>, DesiredError> {
        self.known();
        if self.pending.is_empty() {
            self.look().await?;
        }
        if !self.pending.is_empty() {
            let handed = self.hand_over().await;
            self.begun |= self.pending.is_empty();
            return handed;
        }
        match (&self.bad, self.unlearned_alone()) {
            (Some(bad), _) => Err(bad.clone().into()),
            (None, Some(problem)) => Err(self.mirror.unavailable(problem)),
            (None, None) => Ok(Vec::new()),
        }
    }

    async fn changed(&mut self, at_most: Duration) {
        if !self.pending.is_empty() {
            return;
        }
        let news = async {
            match &self.watch {
                _ if self.following.is_some() => std::future::pending().await,
                Some(watch) => watch.changed(&self.clock, &self.stamp).await,
                None => std::future::pending().await,
            }
        };
        let learned = async {
            match &self.cluster {
                // Only a copy takes it: `known` is to see it, too.
                Some(cluster) => _ = cluster.known.clone().changed().await,
                None => std::future::pending().await,
            }
        };
        let followed = async {
            match &self.following {
                Some(following) => following.changed().await,
                None => std::future::pending().await,
            }
        };
        let either = async {
            tokio::select! {
                () = news => {}
                () = learned => {}
                () = followed => {}
            }
        };
        _ = self.clock.timeout(at_most, either).await;
    }
}

/// What reading the pending commits gave.
struct Read {
    sets: Vec<Fetched>,
    /// How many commits were read well.
    done: usize,
    /// Why the one after them was not.
    bad: Option<BadRevision>,
    scopes: BTreeSet<String>,
    files: Files,
    /// Kinds of Kubernetes objects in the newest commit that was read well.
    kinds: BTreeSet<ApiKind>,
    /// What the server does not say of these.
    unlearned: Option<String>,
    /// Whether it is still to be asked of one of them.
    learns: bool,
}

fn read_all(
    dir: &Path,
    reading: Reading<'_>,
    pending: &VecDeque<Pending>,
    (mut scopes, files): (BTreeSet<String>, Files),
) -> Result<Read, Unread> {
    let repository = open(dir).map_err(Unread::Mirror)?;
    let mut reader = Reader::new(&repository, reading, files);
    let (mut sets, mut manifests, mut done) = (Vec::new(), 0, 0);
    for commit in pending {
        match reader.commit(*commit, &scopes) {
            Ok(read) => {
                manifests += read.iter().map(|set| set.manifests.len()).sum::<usize>();
                scopes.extend(read.iter().map(|set| set.scope.clone()));
                sets.extend(read);
            }
            // Nobody asked for it: it was there before we were.
            Err(Unread::Bad(bad)) if commit.backfill => {
                tracing::info!(error = %bad, "an earlier commit cannot be read, and is left out")
            }
            Err(Unread::Rendering(problem)) if commit.backfill => {
                tracing::warn!(commit = %commit.commit, problem, "an earlier commit cannot be rendered, and is left out")
            }
            Err(Unread::Bad(bad)) => {
                return Ok(Read::ended(reader, sets, done, Some(*bad), scopes));
            }
            Err(other) => return Err(other),
        }
        done += 1;
        if manifests >= MAX_MANIFESTS {
            break;
        }
    }
    Ok(Read::ended(reader, sets, done, None, scopes))
}

impl Read {
    fn ended(
        reader: Reader<'_>,
        sets: Vec<Fetched>,
        done: usize,
        bad: Option<BadRevision>,
        scopes: BTreeSet<String>,
    ) -> Self {
        let (kinds, unlearned, learns) = (reader.kinds(), reader.unlearned(), reader.learns());
        Self { sets, done, bad, scopes, files: reader.remember(), kinds, unlearned, learns }
    }
}

fn open(dir: &Path) -> Result<gix::Repository, String> {
    let mut repository = gix::open_opts(dir, gix::open::Options::isolated()).map_err(|error| error.to_string())?;
    repository.object_cache_size_if_unset(8 << 20);
    Ok(repository)
}

fn head(repository: &gix::Repository) -> Result<ObjectId, String> {
    let mut reference = repository.find_reference(mirror::HEAD).map_err(|error| error.to_string())?;
    Ok(reference.peel_to_id().map_err(|error| error.to_string())?.detach())
}

fn name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let fine = !name.is_empty() && name.len() <= 64 && name.chars().all(good);
    if fine { Ok(()) } else { Err(format!("`{}` must be letters, digits, - and _", name.escape_debug())) }
}

/// A folder in the repository, without slashes around it; nothing for its root.
fn folder(path: &str) -> Result<Option<String>, String> {
    let path = path.trim_matches('/');
    if path.is_empty() || path == "." {
        return Ok(None);
    }
    let odd = path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if odd { Err(format!("`{path}` must be a folder of the repository")) } else { Ok(Some(path.to_owned())) }
}

/// The scopes of the last run, so that a failure is reported for them before the first fetch.
fn known(dir: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(scopes_file(dir)).unwrap_or_default();
    text.lines().filter(|line| line.starts_with("host/") || line.starts_with("k8s/")).map(str::to_owned).collect()
}

fn remember(dir: &Path, scopes: &BTreeSet<String>) {
    let text: String = scopes.iter().map(|scope| format!("{scope}\n")).collect();
    if let Err(error) = std::fs::write(scopes_file(dir), text) {
        tracing::warn!(path = %scopes_file(dir).display(), %error, "cannot keep the names of scopes");
    }
}

fn scopes_file(dir: &Path) -> PathBuf {
    dir.join("steadfast.scopes")
}
