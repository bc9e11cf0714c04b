use std::path::{Path, PathBuf};

use base::Limit;
use collect::CollectError;

use super::dpkg::{self, Diversions, PathFilters};
use super::rpm;
use crate::host::content::Algorithm;
use crate::host::pattern::Patterns;
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
        if !status_path.exists() {
            return Ok(());
        }
        let configs = dpkg_configs(place);
        let filters = PathFilters::parse(configs.iter().map(String::as_str))?;
        let diversions = Diversions::parse(&input::text(&place.path("/var/lib/dpkg/diversions")).unwrap_or_default());
        let status = input::text(&status_path).map_err(|error| input::failed(&status_path, error))?;
        let add = |listing: &mut Self, package: &str, path: &str| {
            let excluded = filters.excludes(path) || exclude.matches(format!("/{path}"));
            let line = Line { package, path, real: diversions.real(package, path), algorithm: Algorithm::Md5 };
            if excluded { Ok(()) } else { listing.push(line) }
        };
        for package in dpkg::status(&status).iter().filter(|package| package.status == "installed") {
            package.conffiles.iter().try_for_each(|path| add(self, &package.name, path))?;
        }
        let info = place.path("/var/lib/dpkg/info");
        for entry in std::fs::read_dir(&info).map_err(|error| input::failed(&info, error))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(package) = dpkg::package_of(&name) else { continue };
            let sums = input::text(&entry.path()).map_err(|error| input::failed(&entry.path(), error))?;
            dpkg::md5sums(&sums).try_for_each(|path| add(self, package, path))?;
        }
        Ok(())
    }

    fn read_rpm(&mut self, place: &Place, exclude: &Patterns) -> Result<(), CollectError> {
        if !place.is_live() || !place.path("/var/lib/rpm").exists() || !child::exists("rpm") {
            return Ok(());
        }
        let answer = child::run_blocking("rpm", &["-qa", "--qf", rpm::FILES])?;
        let lines = answer.lines().filter_map(rpm::file).filter(|line| !exclude.matches(format!("/{}", line.path)));
        lines.into_iter().try_for_each(|line| self.push(line))
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

fn slice(names: &str, (start, length): (u32, u16)) -> &str {
    names.get(start as usize..start as usize + usize::from(length)).unwrap_or_default()
}

/// The texts of `dpkg.cfg` and `dpkg.cfg.d/*`, in the order in which dpkg reads them.
fn dpkg_configs(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("/etc/dpkg/dpkg.cfg.d")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_config(path)).collect();
    paths.sort_unstable();
    let main = place.path("/etc/dpkg/dpkg.cfg");
    paths.iter().chain([&main]).filter_map(|path| input::text(path).ok()).collect()
}

/// dpkg reads names of letters, digits, `-` and `_` only.
fn is_config(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
