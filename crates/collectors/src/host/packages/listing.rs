use std::path::Path;

use base::Limit;
use collect::CollectError;

use package_db::dpkg::{self, Diversions, Package, PathFilters};
use package_db::rpm;

use crate::host::content::Algorithm;
use crate::host::pattern::{Patterns, too_large};
use crate::host::{Place, child, input};

/// Files of all packages.
const FILES: Limit = Limit::new("collector_package_files", 4_000_000);

/// Bytes of their names.
const NAMES: Limit = Limit::new("collector_package_file_names_bytes", 1 << 30);

/// A file that a package brought, as it is read from a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) package: &'a str,
    /// Its name, without the first slash.
    pub(crate) path: &'a str,
    /// Where it is: elsewhere if it was diverted.
    pub(crate) real: &'a str,
    pub(crate) algorithm: Algorithm,
}

/// What is looked at first: configuration, then programs, then the rest.
fn class(path: &str) -> u8 {
    let program = ["bin/", "sbin/", "usr/bin/", "usr/sbin/"].iter().any(|start| path.starts_with(start));
    match path {
        _ if path.starts_with("etc/") => 0,
        _ if program => 1,
        _ => 2,
    }
}

/// The files of all packages, by class and then path: about 80 bytes each.
#[derive(Default)]
pub(crate) struct Listing {
    packages: Vec<Box<str>>,
    names: String,
    files: Vec<File>,
}

struct File {
    package: u32,
    path: (u32, u16),
    /// Only of a diverted file.
    real: Option<Box<str>>,
    algorithm: Algorithm,
}

impl Listing {
    /// Reads the databases of the host; `exclude` is for absolute paths.
    ///
    /// # Errors
    /// If a database is there and cannot be read.
    pub(crate) fn read(place: &Place, exclude: &Patterns) -> Result<Self, CollectError> {
        let mut listing = Self::default();
        listing.read_dpkg(place, exclude)?;
        listing.read_rpm(place, exclude)?;
        listing.settle();
        Ok(listing)
    }

    fn read_dpkg(&mut self, place: &Place, exclude: &Patterns) -> Result<(), CollectError> {
        let status_path = place.path("/var/lib/dpkg/status");
        let Some(status) = there(&status_path)? else { return Ok(()) };
        let settings = dpkg::settings(&place.path("/etc/dpkg"));
        let settings: Vec<Option<String>> = settings.iter().map(|path| there(path)).collect::<Result<_, _>>()?;
        let settings: Vec<String> = settings.into_iter().flatten().collect();
        let filters = PathFilters::parse(settings.iter().map(String::as_str)).map_err(too_large)?;
        let diversions = Diversions::parse(&there(&place.path("/var/lib/dpkg/diversions"))?.unwrap_or_default());
        let add = |listing: &mut Self, package: &str, path: &str| {
            let excluded = filters.excludes(path) || exclude.matches(format!("/{path}"));
            let line = Line { package, path, real: diversions.real(package, path), algorithm: Algorithm::Md5 };
            if excluded { Ok(()) } else { listing.push(line) }
        };
        for package in dpkg::packages(&status).filter(Package::is_installed) {
            package.conffiles.iter().try_for_each(|(path, _)| add(self, package.name, path))?;
        }
        let info = place.path("/var/lib/dpkg/info");
        let entries = std::fs::read_dir(&info).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        for entry in entries.map_err(|error| input::failed(&info, error))? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(package) = dpkg::package_of(&name) else { continue };
            let sums = input::text(&entry.path()).map_err(|error| input::failed(&entry.path(), error))?;
            sums.lines().filter_map(dpkg::md5sum).try_for_each(|(path, _)| add(self, package, path))?;
        }
        Ok(())
    }

    fn read_rpm(&mut self, place: &Place, exclude: &Patterns) -> Result<(), CollectError> {
        if !place.is_live() || !place.path("/var/lib/rpm").exists() || !child::exists("rpm") {
            return Ok(());
        }
        let answer = child::run_blocking("rpm", &["-qa", "--qf", rpm::FILES])?;
        let files = answer.lines().filter_map(rpm::file).filter(|file| !exclude.matches(format!("/{}", file.path)));
        files.into_iter().try_for_each(|file| {
            let algorithm = if file.algorithm == "md5" { Algorithm::Md5 } else { Algorithm::Sha256 };
            self.push(Line { package: file.package, path: file.path, real: file.path, algorithm })
        })
    }

    fn push(&mut self, line: Line<'_>) -> Result<(), CollectError> {
        let problem =
            |error: base::Exceeded| CollectError::Source { what: "packages".to_owned(), problem: error.to_string() };
        FILES.check(self.files.len() as u64 + 1).map_err(problem)?;
        NAMES.check((self.names.len() + line.path.len()) as u64).map_err(problem)?;
        let Ok(length) = u16::try_from(line.path.len()) else { return Ok(()) };
        if self.packages.last().is_none_or(|last| **last != *line.package) {
            self.packages.push(line.package.into());
        }
        let path = (self.names.len() as u32, length);
        self.names.push_str(line.path);
        let real = (line.real != line.path).then(|| line.real.into());
        self.files.push(File { package: self.packages.len() as u32 - 1, path, real, algorithm: line.algorithm });
        Ok(())
    }

    /// Sorts, and drops what two databases or two architectures of a package name twice.
    fn settle(&mut self) {
        let (names, packages) = (&self.names, &self.packages);
        let key = |file: &File| {
            let path = slice(names, file.path);
            (class(path), path, &*packages[file.package as usize])
        };
        self.files.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        self.files.dedup_by(|a, b| key(a) == key(b));
        self.files.shrink_to_fit();
        self.names.shrink_to_fit();
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// File `n`; the first are those of class 0.
    pub(crate) fn get(&self, n: usize) -> Option<Line<'_>> {
        let file = self.files.get(n)?;
        let path = slice(&self.names, file.path);
        let package = &self.packages[file.package as usize];
        Some(Line { package, path, real: file.real.as_deref().unwrap_or(path), algorithm: file.algorithm })
    }

    /// The files (of several packages, perhaps) with this name.
    pub(crate) fn named(&self, path: &str) -> std::ops::Range<usize> {
        let wanted = (class(path), path);
        let key = |file: &File| {
            let path = slice(&self.names, file.path);
            (class(path), path)
        };
        let start = self.files.partition_point(|file| key(file) < wanted);
        let count = self.files[start..].iter().take_while(|file| key(file) == wanted).count();
        start..start + count
    }

    /// The files that were diverted, which are not where their names say.
    pub(crate) fn diverted(&self) -> impl Iterator<Item = usize> {
        self.files.iter().enumerate().filter(|(_, file)| file.real.is_some()).map(|(n, _)| n)
    }
}

/// The text of a file; nothing if there is none.
fn there(path: &Path) -> Result<Option<String>, CollectError> {
    input::text_if_there(path).map_err(|error| input::failed(path, error))
}

fn slice(names: &str, (start, length): (u32, u16)) -> &str {
    names.get(start as usize..start as usize + usize::from(length)).unwrap_or_default()
}
