use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use base::Limit;
use desired::Manifest;
use model::{Document, Key, ResourceId, escape_name};
use package_db::dpkg::{self, Package, PathFilters};
use package_db::rpm;
use secrecy::Patterns;
use serde_json::json;

/// Files of all packages of a host.
const MAX_FILES: Limit = Limit::new("packages_files", 4_000_000);
/// Bytes of one file of a database.
const MAX_DATABASE: Limit = Limit::new("packages_database_bytes", 512 << 20);

/// What packages declare of their files, each file once.
pub(crate) struct Listing<'a> {
    host: &'a str,
    exclude: &'a Patterns,
    seen: HashSet<Key>,
    packages: BTreeSet<String>,
    /// Lines that are none.
    odd: usize,
    pub(crate) manifests: Vec<Manifest>,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(host: &'a str, exclude: &'a Patterns) -> Self {
        Self { host, exclude, seen: HashSet::new(), packages: BTreeSet::new(), odd: 0, manifests: Vec::new() }
    }

    /// Reads dpkg's databases below `root`.
    ///
    /// # Errors
    /// If one that is there cannot be read, or is larger than a limit; names it.
    pub(crate) fn dpkg(&mut self, root: &Path) -> Result<(), (PathBuf, String)> {
        let filters = filters(&root.join("etc/dpkg"))?;
        let status_path = root.join("var/lib/dpkg/status");
        let status = text(&status_path)?;
        let name = "/var/lib/dpkg/status";
        let mut installed = BTreeSet::new();
        for package in dpkg::packages(&status).filter(Package::is_installed) {
            installed.insert(package.name);
            // They come first: if a digest is in both places, that of the conffile is the newer one.
            for (path, digest) in package.conffiles {
                self.unless(&filters, package.name, path, &format!("md5:{digest}"), (name, None))?;
            }
        }
        let info = root.join("var/lib/dpkg/info");
        let io = |error: std::io::Error| (info.clone(), error.to_string());
        let names = std::fs::read_dir(&info).map_err(io)?.map(|entry| entry.map(|entry| entry.file_name()));
        let mut names = names.collect::<Result<Vec<_>, _>>().map_err(io)?;
        names.sort_unstable();
        for file in names.iter().filter_map(|name| name.to_str()) {
            let Some(package) = dpkg::package_of(file).filter(|package| installed.contains(package)) else { continue };
            let sums = text(&info.join(file))?;
            let name = format!("/var/lib/dpkg/info/{file}");
            for (n, line) in sums.lines().enumerate() {
                match dpkg::md5sum(line) {
                    Some((path, digest)) => {
                        let place = (name.as_str(), Some(n as u64 + 1));
                        self.unless(&filters, package, path, &format!("md5:{digest}"), place)?;
                    }
                    None => self.odd += usize::from(!line.is_empty()),
                }
            }
        }
        self.packages.extend(installed.into_iter().map(str::to_owned));
        Ok(())
    }

    /// Reads what `rpm` answered to [`rpm::FILES`].
    ///
    /// # Errors
    /// If there are more files than a limit.
    pub(crate) fn rpm(&mut self, answer: &str) -> Result<(), (PathBuf, String)> {
        for rpm::File { package, path, algorithm, digest } in answer.lines().filter_map(rpm::file) {
            self.packages.insert(package.to_owned());
            self.add(package, path, &format!("{algorithm}:{digest}"), ("rpm", None))?;
        }
        Ok(())
    }

    fn unless(
        &mut self,
        filters: &PathFilters,
        package: &str,
        path: &str,
        digest: &str,
        place: (&str, Option<u64>),
    ) -> Result<(), (PathBuf, String)> {
        if filters.excludes(path) { Ok(()) } else { self.add(package, path, digest, place) }
    }

    fn add(
        &mut self,
        package: &str,
        path: &str,
        digest: &str,
        (file, line): (&str, Option<u64>),
    ) -> Result<(), (PathBuf, String)> {
        if self.exclude.matches(format!("/{path}")) {
            return Ok(());
        }
        let id = ResourceId::new("host", self.host, "package_file", package, &escape_name(path.as_bytes()));
        let Ok(id) = id else {
            self.odd += 1;
            return Ok(());
        };
        // Two architectures of a package share files.
        if self.seen.insert(id.key()) {
            MAX_FILES.check(self.seen.len() as u64).map_err(|exceeded| (PathBuf::from(file), exceeded.to_string()))?;
            let document = Document::new(json!({ "digest": digest.to_ascii_lowercase() }));
            self.manifests.push(Manifest { id, document, text: None, file: Some(file.to_owned()), line });
        }
        Ok(())
    }

    /// `412 packages, 35120 files`.
    pub(crate) fn summary(&self) -> String {
        let odd = if self.odd > 0 { format!(", {} lines cannot be read", self.odd) } else { String::new() };
        format!("{} packages, {} files{odd}", self.packages.len(), self.manifests.len())
    }

    /// Changes exactly when the set does.
    pub(crate) fn revision(&self) -> String {
        let prints = self.manifests.iter().map(|manifest| (manifest.id.key(), manifest.document.fingerprint()));
        let mut prints: Vec<_> = prints.collect();
        prints.sort_unstable();
        let mut hasher = blake3::Hasher::new();
        prints.iter().for_each(|(key, print)| _ = hasher.update(&key.0).update(&print.0));
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

/// What dpkg does not unpack, by its settings in `folder`.
fn filters(folder: &Path) -> Result<PathFilters, (PathBuf, String)> {
    let texts = dpkg::settings(folder).iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
    PathFilters::parse(texts.iter().map(String::as_str)).map_err(|problem| (folder.to_owned(), problem))
}

/// A database's text; bytes that are not UTF-8 are replaced.
fn text(path: &Path) -> Result<String, (PathBuf, String)> {
    let problem = |problem: String| (path.to_owned(), problem);
    let size = std::fs::metadata(path).map_err(|error| problem(error.to_string()))?.len();
    MAX_DATABASE.check(size).map_err(|exceeded| problem(exceeded.to_string()))?;
    let bytes = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
