//! The package databases of a host: what the files of its packages must be.

mod config;
mod listing;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Timestamp};
use desired::{DesiredError, Fetched, Source};
use package_db::rpm;
use secrecy::Patterns;

pub use config::PackagesConfig;

use crate::child::Child;
use crate::plugin::{self, BuildError, Plugin};
use listing::Listing;

/// The line of this plugin in `all()`.
pub const PLUGIN: Plugin = Plugin {
    name: "packages",
    doc: "What the package databases of this host (dpkg, rpm) say the files of packages must be, by digest: programs and \
          configuration files that were changed by hand are drift with nothing configured.",
    build: |value, context| {
        let config = plugin::config("packages", value)?;
        Ok(Box::new(Packages::new(config, &context.host, &context.clock)?))
    },
};

/// How often the databases are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long `rpm` may take.
const RPM_LIMIT: Duration = Duration::from_secs(120);
/// Bytes of its answer.
const RPM_BYTES: usize = 512 << 20;
/// How often databases that change while they are read are read again.
const TRIES: usize = 3;

/// A source for the host called `host`, if it is enabled and there is a database that it can read.
pub fn build(config: &PackagesConfig, host: &str, clock: &Clock) -> Option<Box<dyn Source>> {
    if !config.enabled || Database::at(&config.root).is_none() {
        return None;
    }
    match Packages::new(config.clone(), host, clock) {
        Ok(source) => Some(Box::new(source)),
        Err(error) => {
            tracing::error!(%error, "packages are not read");
            None
        }
    }
}

/// Which package manager a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Database {
    Dpkg,
    Rpm,
}

impl Database {
    fn at(root: &Path) -> Option<Self> {
        let there = |path: &str| root.join(path).exists();
        if there("var/lib/dpkg/status") {
            return Some(Self::Dpkg);
        }
        (there("var/lib/rpm") || there("usr/lib/sysimage/rpm")).then_some(Self::Rpm)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
        }
    }
}

/// The source.
pub struct Packages {
    root: PathBuf,
    host: String,
    exclude: Patterns,
    clock: Clock,
    /// What the databases were when they were last read well.
    stamp: Option<Stamp>,
    revision: Option<String>,
}

impl Packages {
    /// A source for the host called `host`.
    ///
    /// # Errors
    /// If the patterns are too large together.
    pub fn new(config: PackagesConfig, host: &str, clock: &Clock) -> Result<Self, BuildError> {
        let problem = |problem| BuildError::Value { plugin: "packages", key: "exclude", problem };
        let exclude = Patterns::new(&config.exclude).map_err(problem)?;
        let (host, clock) = (host.to_owned(), clock.clone());
        Ok(Self { root: config.root, host, exclude, clock, stamp: None, revision: None })
    }

    async fn read(&self, database: Database) -> Result<Fetched, DesiredError> {
        let answer = match database {
            Database::Dpkg => None,
            Database::Rpm => Some(self.ask_rpm().await?),
        };
        let (root, host, exclude) = (self.root.clone(), self.host.clone(), self.exclude.clone());
        let read = base::blocking(move || {
            let mut listing = Listing::new(&host, &exclude);
            match &answer {
                None => listing.dpkg(&root)?,
                Some(answer) => listing.rpm(&String::from_utf8_lossy(answer))?,
            }
            let changed = std::fs::metadata(root.join("var/lib/dpkg/status")).ok();
            Ok(Fetched {
                scope: format!("host/{host}"),
                revision: format!("{}-{}", database.name(), listing.revision()),
                author: None,
                committed: changed.map(|meta| Timestamp::from_secs(meta.mtime())),
                message: Some(format!("{}: {}", database.name(), listing.summary())),
                backfill: false,
                manifests: std::mem::take(&mut listing.manifests),
                managed: Vec::new(),
                refused: None,
            })
        });
        let unavailable = |(path, problem): (PathBuf, String)| DesiredError::Unavailable {
            what: path.display().to_string(),
            problem,
        };
        read.await
            .unwrap_or_else(|| Err((self.root.clone(), "reading was interrupted".to_owned())))
            .map_err(unavailable)
    }

    async fn ask_rpm(&self) -> Result<Vec<u8>, DesiredError> {
        let child = Child::new("rpm").args(["--root".into(), self.root.clone().into_os_string()]);
        let child = child.args(["-qa", "--qf", rpm::FILES]);
        let unavailable = |problem| DesiredError::Unavailable { what: "rpm -qa".to_owned(), problem };
        let answer = child.output(&self.clock, RPM_LIMIT, RPM_BYTES).await.map_err(unavailable)?;
        if answer.len() == RPM_BYTES {
            return Err(unavailable(format!("its answer has more than packages_rpm_bytes = {RPM_BYTES} bytes")));
        }
        Ok(answer)
    }
}

#[async_trait]
impl Source for Packages {
    fn name(&self) -> String {
        "packages".to_owned()
    }

    fn scopes(&self) -> Vec<String> {
        vec![format!("host/{}", self.host)]
    }

    async fn fetch(&mut self) -> Result<Vec<Fetched>, DesiredError> {
        let what = || self.root.join("var/lib/dpkg/status").display().to_string();
        let gone = || DesiredError::Unavailable { what: what(), problem: "there is no package database".to_owned() };
        let database = Database::at(&self.root).ok_or_else(gone)?;
        for _ in 0..TRIES {
            let stamp = Stamp::of(&self.root);
            if self.stamp.as_ref() == Some(&stamp) {
                return Ok(Vec::new());
            }
            let fetched = self.read(database).await?;
            // What was read in the middle of an upgrade is neither the old state nor the new one.
            if Stamp::of(&self.root) != stamp {
                continue;
            }
            self.stamp = Some(stamp);
            let same = self.revision.as_ref() == Some(&fetched.revision);
            self.revision = Some(fetched.revision.clone());
            return Ok(if same { Vec::new() } else { vec![fetched] });
        }
        Err(DesiredError::Unavailable { what: what(), problem: "it changes while it is read".to_owned() })
    }

    async fn changed(&mut self, at_most: Duration) {
        let looks = async {
            while self.stamp.as_ref() == Some(&Stamp::of(&self.root)) {
                self.clock.sleep(EVERY).await;
            }
            // An upgrade writes the status again and again: let it come to rest for a moment.
            self.clock.sleep(EVERY).await;
        };
        // Whether it changed or not, the next fetch finds out.
        let _ = self.clock.timeout(at_most, looks).await;
    }
}

/// When databases were last written: inode, size, and time of change in nanoseconds of each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp(Vec<Option<(u64, u64, i64)>>);

impl Stamp {
    const PATHS: &[&str] = &[
        "var/lib/dpkg/status",
        "var/lib/dpkg/info",
        "etc/dpkg/dpkg.cfg",
        "etc/dpkg/dpkg.cfg.d",
        "var/lib/rpm",
        "var/lib/rpm/rpmdb.sqlite",
        "var/lib/rpm/Packages",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
    ];

    fn of(root: &Path) -> Self {
        let one = |path: &&str| {
            let meta = std::fs::metadata(root.join(path)).ok()?;
            Some((meta.ino(), meta.size(), meta.ctime() * 1_000_000_000 + meta.ctime_nsec()))
        };
        Self(Self::PATHS.iter().map(one).collect())
    }
}
