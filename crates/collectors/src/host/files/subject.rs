use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use base::{Clock, DigestKey, Shutdown};
use collect::{CollectError, Cx, Seen};
use model::escape_name;
use std::os::unix::ffi::OsStrExt;

use super::document::{Body, document};
use super::mounts;
use super::roots::{Root, Rules, within_too};
use super::walk::{Next, Walk};
use crate::host::actor::Actors;
use crate::host::content::{
    Binding, Cached, FileType, Links, Plan, Prefilter, Problem, Reader, SecretRules, Stat, is_open_to_all,
};
use crate::host::owners::Owners;
use crate::host::sweep::{Changes, Item, LOOKS, STEP, STEP_BYTES, Step, Subject, Watch};
use crate::host::{FilesConfig, Place};

/// The files under the roots.
pub(crate) struct Files {
    place: Place,
    rules: Vec<Rules>,
    secrets: SecretRules,
    roots: RwLock<Arc<Vec<Root>>>,
    prefilter: Mutex<Prefilter>,
    cache: Option<(PathBuf, Binding)>,
    watch: Arc<Watch>,
    clock: Clock,
    key: DigestKey,
    stop: Shutdown,
}

/// What a look at a path gave.
enum Look {
    Nothing,
    Saw(Item),
    /// A directory, to be listed.
    Into(Option<Item>),
}

impl Files {
    pub(crate) fn new(
        config: &FilesConfig,
        place: &Place,
        cx: &dyn Cx,
        watch: Arc<Watch>,
    ) -> Result<Self, CollectError> {
        let rules: Result<Vec<Rules>, _> = config.roots.iter().map(|root| Rules::new(root, place)).collect();
        let cache = place.cache("host.files").map(|path| (path, binding(config, cx.digest_key())));
        let prefilter = cache.as_ref().map_or_else(Prefilter::new, |(path, binding)| Prefilter::load(path, binding));
        Ok(Self {
            place: place.clone(),
            rules: rules?,
            secrets: SecretRules::new(&config.secrets, &config.shown)?,
            roots: RwLock::default(),
            prefilter: Mutex::new(prefilter),
            cache,
            watch,
            clock: cx.clock().clone(),
            key: cx.digest_key().clone(),
            stop: cx.shutdown().clone(),
        })
    }

    /// Keeps the prefilter for the next start.
    pub(crate) fn save(&self) {
        if let Some((path, binding)) = &self.cache
            && let Err(error) = lock(&self.prefilter).save(path, binding)
        {
            tracing::warn!(file = %path.display(), %error, "the cache is not written: after a restart files are read anew");
        }
    }

    fn roots(&self) -> Arc<Vec<Root>> {
        Arc::clone(&self.roots.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_roots(&self, roots: Vec<Root>) {
        *self.roots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roots);
    }

    /// The roots, with those that `changes` says have come.
    fn roots_after(&self, changes: &mut Changes) -> Arc<Vec<Root>> {
        let known = self.roots();
        let has_come = |rules: &Rules| rules.door().is_some_and(|(_, path)| changes.contains_key(&path));
        let expand =
            |(number, rules): (usize, &Rules)| rules.expand().into_iter().map(move |path| Root { path, rules: number });
        let come = self.rules.iter().enumerate().filter(|(_, rules)| has_come(rules)).flat_map(expand);
        let new: Vec<Root> = come.filter(|root| !known.iter().any(|known| known.path == root.path)).collect();
        if new.is_empty() {
            return known;
        }
        changes.extend(new.iter().map(|root| (root.path.clone(), true)));
        self.set_roots(known.iter().cloned().chain(new).collect());
        self.roots()
    }

    /// Looks at one path.
    fn look(&self, next: &Next, walk: &mut Walk, reader: &mut Reader<'_>, read: &mut u64, fresh: bool) -> Look {
        let (path, rules) = (&next.path, &self.rules[next.rules]);
        let shown = self.place.shown(path);
        if rules.excludes(&shown) {
            return Look::Nothing;
        }
        let Some(id) = self.place.id("file", "", &self.name(path)) else { return Look::Into(None) };
        let stat = match Stat::of(path).map_err(Problem::of) {
            Ok(stat) => stat,
            Err(Problem::Gone) => {
                let gone = Seen { id, document: None, text: None, actor: None };
                return Look::Saw(Item { seen: gone, unread: None });
            }
            Err(problem) => {
                walk.cannot_look(path, problem);
                return Look::Nothing;
            }
        };
        let directory = stat.kind == FileType::Directory;
        let mut item = None;
        if rules.includes(&shown, directory) {
            let (body, text, unread) = match self.body(path, &stat, rules, reader, read, fresh) {
                Ok(body) => body,
                Err(Problem::Gone | Problem::NotRegular | Problem::Stopped) => return Look::Nothing,
                Err(Problem::Busy) => (self.last_body(path), None, false),
                Err(problem) => {
                    walk.cannot_read(path, problem);
                    (Body::Unreadable(problem.to_string()), None, false)
                }
            };
            let owner = || walk.owners.user(stat.uid);
            let actor = walk.actors.as_ref().and_then(|actors| actors.hint(stat.uid, &owner()));
            let seen = Seen { id, document: Some(document(&stat, &walk.owners, body)), text, actor };
            item = Some(Item { seen, unread: unread.then(|| path.clone()) });
        }
        match item {
            item if directory => Look::Into(item),
            Some(item) => Look::Saw(item),
            None => Look::Nothing,
        }
    }

    /// What stands for the content, the text, and whether there is a text that was not read.
    fn body(
        &self,
        path: &Path,
        stat: &Stat,
        rules: &Rules,
        reader: &mut Reader<'_>,
        read: &mut u64,
        fresh: bool,
    ) -> Result<(Body, Option<String>, bool), Problem> {
        match stat.kind {
            FileType::File if stat.size > rules.max_bytes => return Ok((Body::Oversize(stat.size), None, false)),
            FileType::File => {}
            FileType::Symlink => {
                let target = std::fs::read_link(path).map_err(|_| Problem::Gone)?;
                return Ok((Body::Target(escape_name(target.as_os_str().as_bytes())), None, false));
            }
            _ => return Ok((Body::None, None, false)),
        }
        let key = Prefilter::key(path);
        let known = lock(&self.prefilter).unchanged(&key, stat);
        if let Some(known) = known.filter(|known| !(fresh && known.has_text)) {
            return Ok((Body::Digest(known.digest), None, known.has_text));
        }
        *read += stat.size;
        let is_open = || is_open_to_all(path, &self.place.path("/"));
        let plan = Plan::File(self.secrets.of(&self.place.shown(path), stat.mode, is_open), rules.text_bytes);
        let content = reader.read(path, Links::Refused, plan)?;
        let cached = Cached { digest: content.digest, has_text: content.text.is_some() };
        lock(&self.prefilter).put(key, &content.stat, cached, self.clock.now());
        Ok((Body::Digest(content.digest), content.text, false))
    }

    /// For a file that is being written: as it was when it was last read in one piece, for a while. Its next
    /// change makes an event, or the sweep finds it.
    fn last_body(&self, path: &Path) -> Body {
        metrics::counter!("steadfast_collector_busy_files_total").increment(1);
        let last = lock(&self.prefilter).while_busy(&Prefilter::key(path), self.clock.monotonic());
        last.map_or(Body::Unstable, |last| Body::Digest(last.digest))
    }

    fn actors(&self) -> Actors {
        Actors::now(&self.place.path("/run/utmp"))
    }

    /// The path as the host knows it, without its first slash.
    fn name(&self, path: &Path) -> String {
        let shown = self.place.shown(path);
        escape_name(shown.strip_prefix("/").unwrap_or(&shown).as_os_str().as_bytes())
    }

    /// The innermost root that a path is in.
    fn root_of<'a>(&self, path: &Path, roots: &'a [Root]) -> Option<&'a Root> {
        roots.iter().filter(|root| path.starts_with(&root.path)).max_by_key(|root| root.path.as_os_str().len())
    }

    /// Whether a directory above the path is excluded.
    fn is_below_excluded(&self, path: &Path, root: &Root) -> bool {
        let mut above = path.ancestors().skip(1).take_while(|above| above.starts_with(&root.path));
        above.any(|above| self.rules[root.rules].excludes(&self.place.shown(above)))
    }
}

impl Subject for Files {
    type Walk = Walk;

    fn everything(&self, first: bool) -> Result<Walk, CollectError> {
        let mut taken = HashSet::new();
        let expand =
            |(number, rules): (usize, &Rules)| rules.expand().into_iter().map(move |path| Root { path, rules: number });
        let roots: Vec<Root> =
            self.rules.iter().enumerate().flat_map(expand).filter(|root| taken.insert(root.path.clone())).collect();
        let starts: Vec<Next> =
            roots.iter().map(|root| Next { path: root.path.clone(), rules: root.rules, deep: true }).collect();
        // First the places where a root that is not there, or goes, will be seen to come.
        self.rules.iter().filter_map(Rules::door).for_each(|(parent, _)| self.watch.add(&parent));
        self.set_roots(roots);
        Ok(Walk::new(starts, Owners::load(&self.place)?, (!first).then(|| self.actors())))
    }

    fn some(&self, mut changes: Changes) -> Result<Walk, CollectError> {
        let roots = self.roots_after(&mut changes);
        let next = |(path, deep): (PathBuf, bool)| {
            let root = self.root_of(&path, &roots)?;
            let rules = root.rules;
            (!self.is_below_excluded(&path, root)).then_some(Next { path, rules, deep })
        };
        let starts: Vec<Next> = changes.into_iter().filter_map(next).collect();
        // Beside a root things may change often.
        let (owners, actors) =
            if starts.is_empty() { Default::default() } else { (Owners::load(&self.place)?, Some(self.actors())) };
        Ok(Walk::new(starts, owners, actors))
    }

    fn step(&self, walk: &mut Walk) -> Result<Step, CollectError> {
        let roots = self.roots();
        let inner: HashSet<&Path> = roots.iter().map(|root| root.path.as_path()).collect();
        let mut reader = Reader::new(&self.key, &self.stop);
        let (mut step, mut read, mut looks) = (Step::default(), 0, 0);
        while step.items.len() < STEP && looks < LOOKS && read < STEP_BYTES && !self.stop.started() {
            let Some(next) = walk.next() else {
                step.done = true;
                break;
            };
            looks += 1;
            match self.look(&next, walk, &mut reader, &mut read, false) {
                Look::Nothing => {}
                Look::Saw(item) => step.items.push(item),
                Look::Into(item) => {
                    step.items.extend(item);
                    self.enter(next, walk, &inner)?;
                }
            }
        }
        Ok(step)
    }

    fn texts(&self, paths: Vec<PathBuf>) -> Result<Vec<Item>, CollectError> {
        let roots = self.roots();
        let mut walk = Walk::new([], Owners::load(&self.place)?, None);
        let mut reader = Reader::new(&self.key, &self.stop);
        let next = |path: PathBuf| {
            self.root_of(&path, &roots).map(|root| root.rules).map(|rules| Next { path, rules, deep: false })
        };
        let looks = paths.into_iter().filter_map(next);
        let items = looks.filter_map(|next| match self.look(&next, &mut walk, &mut reader, &mut 0, true) {
            Look::Saw(item) => Some(item),
            _ => None,
        });
        Ok(items.collect())
    }

    fn unseen(&self, walk: &Walk) -> Vec<String> {
        let glob = |path: &PathBuf| format!("/{}", globset::escape(&self.name(path)));
        walk.unlisted.iter().flat_map(|path| within_too(&glob(path))).collect()
    }

    fn swept(&self, walk: Walk) -> Option<String> {
        lock(&self.prefilter).end_pass();
        self.save();
        let first = walk.first_unreadable?;
        let hint = if rustix::process::geteuid().is_root() { "" } else { "; as root they would be" };
        Some(format!("{} files are not readable{hint} (the first: {first})", walk.unreadable))
    }

    fn things(&self) -> &'static str {
        "files"
    }
}

impl Files {
    /// A directory: watches it, then lists it, so that nothing that is made in between is missed.
    fn enter(&self, next: Next, walk: &mut Walk, roots: &HashSet<&Path>) -> Result<(), CollectError> {
        let start = roots.contains(next.path.as_path());
        let own = !start || self.root_of(&next.path, &self.roots()).is_some_and(|root| root.rules == next.rules);
        if !next.deep || !own || mounts::is_view(&next.path) {
            return Ok(());
        }
        self.watch.add(&next.path);
        walk.enter(next.path, next.rules)
    }
}

/// Changes with everything that decides what is cached: which digest, and whether there is a text.
fn binding(config: &FilesConfig, key: &DigestKey) -> Binding {
    let rules: Vec<_> = config.roots.iter().map(|root| (&root.path, root.text_bytes)).collect();
    let text = format!("1 {:?} {:?} {rules:?} {}", config.secrets, config.shown, key.digest(b"host.files"));
    let mut binding = [0; 16];
    binding.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    binding
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
