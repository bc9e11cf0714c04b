use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, DigestKey, Shutdown};
use collect::{CollectError, Collector, Cover, Cx, Seen};
use model::{Document, ResourceId, escape_name};
use serde_json::{Value, json};

use super::listing::{Line, Listing};
use crate::host::actor::Actors;
use crate::host::content::{Binding, Cached, FileType, Links, Plan, Prefilter, Problem, Reader, Stat};
use crate::host::owners::Owners;
use crate::host::pattern::{Patterns, patterns};
use crate::host::sweep::{Changes, Item, LOOKS, STEP, STEP_BYTES, Step, Subject, Timing, Watch, drive, open};
use crate::host::{HostConfig, PackagesConfig, Place};

/// Places of packages' files, as far as a prefix can say them. Parts of `/usr/share` are not looked at.
const PLACES: &[&str] = &[
    "etc/",
    "bin/",
    "sbin/",
    "lib/",
    "lib32/",
    "lib64/",
    "boot/",
    "opt/",
    "srv/",
    "var/",
    "usr/bin/",
    "usr/sbin/",
    "usr/lib/",
    "usr/lib64/",
    "usr/libexec/",
    "usr/include/",
    "usr/games/",
    "usr/local/",
];

/// From the first event to the look; longer than for single files, for upgrades change many.
const DEBOUNCE: Duration = Duration::from_millis(20);

pub(crate) fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let config = config.packages.clone();
    config.enabled.then(|| Box::new(PackageFilesCollector { config, place: place.clone() }) as Box<dyn Collector>)
}

struct PackageFilesCollector {
    config: PackagesConfig,
    place: Place,
}

#[async_trait]
impl Collector for PackageFilesCollector {
    fn name(&self) -> &'static str {
        super::FILES.name
    }

    fn scope(&self) -> &str {
        self.place.scope()
    }

    fn covers(&self) -> Vec<Cover> {
        let except: Vec<String> = self.config.exclude.iter().map(|pattern| pattern.glob().to_owned()).collect();
        let cover = |place: &&str| Cover { except: except.clone(), ..Cover::below("package_file", place) };
        PLACES.iter().map(cover).collect()
    }

    async fn run(&mut self, cx: &mut dyn Cx) -> Result<(), CollectError> {
        let (watch, events) = open(self.config.watches);
        let watch = Arc::new(watch);
        let files = Arc::new(PackageFiles::new(&self.config, &self.place, cx, Arc::clone(&watch))?);
        let timing = Timing { sweep: self.config.sweep, debounce: DEBOUNCE };
        let ended = drive(cx, Arc::clone(&files), watch, events, timing).await;
        base::blocking(move || files.save()).await;
        ended
    }
}

struct PackageFiles {
    place: Place,
    exclude: Patterns,
    listing: RwLock<Arc<Listing>>,
    prefilter: Mutex<Prefilter>,
    cache: Option<(PathBuf, Binding)>,
    watch: Arc<Watch>,
    clock: Clock,
    key: DigestKey,
    stop: Shutdown,
}

/// Files by number, and where we are among them.
struct Walk {
    listing: Arc<Listing>,
    /// Which files; all if nothing.
    chosen: Option<Vec<usize>>,
    at: usize,
    owners: Owners,
    actors: Option<Actors>,
    unreadable: u64,
}

impl PackageFiles {
    fn new(config: &PackagesConfig, place: &Place, cx: &dyn Cx, watch: Arc<Watch>) -> Result<Self, CollectError> {
        let mut binding = [0; 16];
        binding.copy_from_slice(&blake3::hash(b"host.packages 1").as_bytes()[..16]);
        let cache = place.cache("host.packages").map(|path| (path, binding));
        let prefilter = cache.as_ref().map_or_else(Prefilter::new, |(path, binding)| Prefilter::load(path, binding));
        Ok(Self {
            place: place.clone(),
            exclude: patterns(&config.exclude)?,
            listing: RwLock::default(),
            prefilter: Mutex::new(prefilter),
            cache,
            watch,
            clock: cx.clock().clone(),
            key: cx.digest_key().clone(),
            stop: cx.shutdown().clone(),
        })
    }

    fn save(&self) {
        if let Some((path, binding)) = &self.cache
            && let Err(error) = lock(&self.prefilter).save(path, binding)
        {
            tracing::warn!(file = %path.display(), %error, "the cache is not written: after a restart files are read anew");
        }
    }

    fn listing(&self) -> Arc<Listing> {
        Arc::clone(&self.listing.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn walk(&self, chosen: Option<Vec<usize>>, actors: bool) -> Result<Walk, CollectError> {
        let actors = actors.then(|| Actors::now(&self.place.path("/run/utmp")));
        let owners = Owners::load(&self.place)?;
        Ok(Walk { listing: self.listing(), chosen, at: 0, owners, actors, unreadable: 0 })
    }

    /// Looks at one file; nothing if it is to be left out this time.
    fn look(&self, line: Line<'_>, walk: &mut Walk, reader: &mut Reader<'_>, read: &mut u64) -> Option<Seen> {
        let path = self.place.path(line.real);
        let id = self.place.id("package_file", line.package, &escape_name(line.path.as_bytes()))?;
        let gone = Seen { id: id.clone(), document: None, text: None, actor: None };
        let stat = match Stat::of(&path).map_err(Problem::of) {
            Ok(stat) => stat,
            Err(Problem::Gone) => return Some(gone),
            Err(problem) => return Some(unreadable(id, problem, walk)),
        };
        let digest = match stat.kind {
            FileType::File => match self.digest(&path, &stat, line, reader, read) {
                Ok(digest) => digest,
                Err(Problem::Gone) => return Some(gone),
                Err(problem @ Problem::Unreadable(_)) => return Some(unreadable(id, problem, walk)),
                // It will be seen again: as it was for a while, if it was read before.
                Err(Problem::Busy) => match self.while_busy(&path) {
                    Some(last) => last,
                    // It is there, so it must not be taken for missing.
                    None => return Some(gap(id, "unstable", true.into())),
                },
                Err(_) => lock(&self.prefilter).last(&Prefilter::key(&path))?.digest.to_string(),
            },
            FileType::Symlink => {
                let target = std::fs::read_link(&path).unwrap_or_default();
                format!("symlink:{}", escape_name(std::os::unix::ffi::OsStrExt::as_bytes(target.as_os_str())))
            }
            other => other.as_str().to_owned(),
        };
        let actor = walk.actors.as_ref().and_then(|actors| actors.hint(stat.uid, &walk.owners.user(stat.uid)));
        Some(Seen { id, document: Some(Document::new(json!({ "digest": digest }))), text: None, actor })
    }

    fn while_busy(&self, path: &Path) -> Option<String> {
        let last = lock(&self.prefilter).while_busy(&Prefilter::key(path), self.clock.monotonic());
        last.map(|last| last.digest.to_string())
    }

    fn digest(
        &self,
        path: &Path,
        stat: &Stat,
        line: Line<'_>,
        reader: &mut Reader<'_>,
        read: &mut u64,
    ) -> Result<String, Problem> {
        let key = Prefilter::key(path);
        let known = lock(&self.prefilter).unchanged(&key, stat);
        if let Some(known) = known.filter(|known| known.digest.algorithm == line.algorithm) {
            return Ok(known.digest.to_string());
        }
        *read += stat.size;
        let content = reader.read(path, Links::OnTheWay, Plan::Package(line.algorithm))?;
        let cached = Cached { digest: content.digest, has_text: false };
        lock(&self.prefilter).put(key, &content.stat, cached, self.clock.now());
        Ok(content.digest.to_string())
    }

    /// Watches the directories of the files (in their order, so that the limit leaves out the least
    /// important), and dpkg's own.
    fn watch_all(&self, listing: &Listing) {
        self.watch.add(&self.place.path("/var/lib/dpkg"));
        let mut seen = HashSet::new();
        for line in (0..listing.len()).filter_map(|n| listing.get(n)) {
            let directory = Path::new(line.real).parent().unwrap_or(Path::new(""));
            if seen.insert(directory.to_owned()) {
                self.watch.add(&self.place.path(&directory.to_string_lossy()));
            }
        }
    }

    /// The numbers of the files that are at `path`.
    fn at(&self, path: &Path, listing: &Listing, diverted: &HashMap<PathBuf, usize>) -> Vec<usize> {
        let shown = self.place.shown(path);
        let name = shown.to_string_lossy();
        listing.named(name.trim_start_matches('/')).chain(diverted.get(path).copied()).collect()
    }
}

/// A file whose content could not be seen.
fn gap(id: ResourceId, member: &str, why: Value) -> Seen {
    Seen { id, document: Some(Document::new(json!({ member: why }))), text: None, actor: None }
}

fn unreadable(id: ResourceId, problem: Problem, walk: &mut Walk) -> Seen {
    walk.unreadable += 1;
    gap(id, "unreadable", problem.to_string().into())
}

impl Subject for PackageFiles {
    type Walk = Walk;

    fn everything(&self, first: bool) -> Result<Walk, CollectError> {
        let listing = Arc::new(Listing::read(&self.place, &self.exclude)?);
        *self.listing.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&listing);
        self.watch_all(&listing);
        self.walk(None, !first)
    }

    fn some(&self, changes: Changes) -> Result<Walk, CollectError> {
        let status = self.place.path("/var/lib/dpkg/status");
        if changes.contains_key(&status)
            && let Ok(listing) = Listing::read(&self.place, &self.exclude)
        {
            // What the new packages brought is looked at now; what is gone with old ones, by the sweep.
            self.watch_all(&listing);
            *self.listing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(listing);
            return self.walk(None, true);
        }
        let listing = self.listing();
        let diverted: HashMap<PathBuf, usize> =
            listing.diverted().filter_map(|n| listing.get(n).map(|line| (self.place.path(line.real), n))).collect();
        let numbers: BTreeSet<usize> = changes.keys().flat_map(|path| self.at(path, &listing, &diverted)).collect();
        self.walk(Some(numbers.into_iter().collect()), true)
    }

    fn step(&self, walk: &mut Walk) -> Result<Step, CollectError> {
        let listing = Arc::clone(&walk.listing);
        let mut reader = Reader::new(&self.key, &self.stop);
        let (mut step, mut read, mut looks) = (Step::default(), 0, 0);
        while step.items.len() < STEP && looks < LOOKS && read < STEP_BYTES && !self.stop.started() {
            let number = walk.chosen.as_ref().map_or(Some(walk.at), |chosen| chosen.get(walk.at).copied());
            let Some(line) = number.and_then(|number| listing.get(number)) else {
                step.done = true;
                break;
            };
            walk.at += 1;
            looks += 1;
            let seen = self.look(line, walk, &mut reader, &mut read);
            step.items.extend(seen.map(|seen| Item { seen, unread: None }));
        }
        Ok(step)
    }

    fn texts(&self, _: Vec<PathBuf>) -> Result<Vec<Item>, CollectError> {
        Ok(Vec::new())
    }

    fn swept(&self, walk: Walk) -> Option<String> {
        lock(&self.prefilter).end_pass();
        self.save();
        let hint = if rustix::process::geteuid().is_root() { "" } else { ": as root they would be" };
        (walk.unreadable > 0).then(|| format!("{} files of packages are not readable{hint}", walk.unreadable))
    }

    fn things(&self) -> &'static str {
        "files of packages"
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
