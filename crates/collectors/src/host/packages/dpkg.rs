//! dpkg's databases: `/var/lib/dpkg/status`, `info/*.md5sums`, `diversions`, and the paths that
//! `/etc/dpkg/dpkg.cfg` excludes. See deb-md5sums(5), deb-conffiles(5), dpkg-divert(1), dpkg(1).

use std::collections::HashMap;

use collect::CollectError;
use globset::{Glob, GlobBuilder};

use crate::host::pattern::{Patterns, too_large};

/// A package of the status file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    /// The last word of `Status`: `installed`, `config-files`, `half-configured`.
    pub(crate) status: String,
    /// Paths without the first slash, for which the package expects a digest.
    pub(crate) conffiles: Vec<String>,
}

/// The packages of a status file. A stanza without a name is left out.
pub(crate) fn status(text: &str) -> Vec<Package> {
    text.split("\n\n").map(stanza).filter(|package| !package.name.is_empty()).collect()
}

fn stanza(text: &str) -> Package {
    let mut package = Package::default();
    let mut field = "";
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if field == "Conffiles" {
                package.conffiles.extend(conffile(line));
            }
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        field = name;
        let value = value.trim();
        match name {
            "Package" => value.clone_into(&mut package.name),
            "Version" => value.clone_into(&mut package.version),
            "Architecture" => value.clone_into(&mut package.architecture),
            "Status" => package.status = value.rsplit(' ').next().unwrap_or_default().to_owned(),
            _ => {}
        }
    }
    package
}

/// ` /etc/x 900150983cd24fb0d6963f7d28e17f72`; an obsolete one, or one to be removed, is no longer expected.
fn conffile(line: &str) -> Option<String> {
    let mut words = line.trim().rsplitn(2, ' ');
    let (digest, path) = (words.next()?, words.next()?);
    is_md5(digest).then(|| path.trim_start_matches('/').to_owned())
}

/// The paths of an `md5sums` file, without a first slash.
pub(crate) fn md5sums(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (digest, path) = line.split_once("  ")?;
        let path = path.trim_start_matches("./").trim_start_matches('/');
        (is_md5(digest) && !path.is_empty()).then_some(path)
    })
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The package that a file in `info/` is of: `libc6` for `libc6:amd64.md5sums`.
pub(crate) fn package_of(file: &str) -> Option<&str> {
    let name = file.strip_suffix(".md5sums")?;
    name.split(':').next().filter(|name| !name.is_empty())
}

/// Where files of packages really are: path -> (path in use, the package that keeps the first).
#[derive(Debug, Default)]
pub(crate) struct Diversions(HashMap<String, (String, String)>);

impl Diversions {
    /// Reads the `diversions` file: three lines each.
    pub(crate) fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let path = |text: &str| text.trim_start_matches('/').to_owned();
        Self(lines.chunks_exact(3).map(|lines| (path(lines[0]), (path(lines[1]), lines[2].to_owned()))).collect())
    }

    /// Where `package`'s file `path` is.
    pub(crate) fn real<'a>(&'a self, package: &str, path: &'a str) -> &'a str {
        match self.0.get(path) {
            Some((to, by)) if by != package => to,
            _ => path,
        }
    }
}

/// The paths that dpkg was told not to unpack (slimmed images do that).
pub(crate) struct PathFilters {
    patterns: Patterns,
    excludes: Vec<bool>,
}

impl PathFilters {
    /// From the texts of `dpkg.cfg` and `dpkg.cfg.d/*`, in this order. The last pattern that matches decides.
    ///
    /// # Errors
    /// If the patterns are too large.
    pub(crate) fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, CollectError> {
        let lines = texts.into_iter().flat_map(str::lines).filter_map(filter);
        let (globs, excludes): (Vec<Glob>, Vec<bool>) = lines.unzip();
        Ok(Self { patterns: Patterns::of(globs).map_err(too_large)?, excludes })
    }

    /// Whether dpkg does not unpack a path (without its first slash).
    pub(crate) fn excludes(&self, path: &str) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let last = self.patterns.last_match(std::path::Path::new(&format!("/{path}")));
        last.is_some_and(|last| self.excludes.get(last).copied().unwrap_or_default())
    }
}

/// `path-exclude=/usr/share/doc/*`, with or without dashes before it; `*` crosses slashes.
fn filter(line: &str) -> Option<(Glob, bool)> {
    let line = line.trim().trim_start_matches("--");
    let (name, pattern) = line.split_once('=').or_else(|| line.split_once(' '))?;
    let exclude = match name.trim() {
        "path-exclude" => true,
        "path-include" => false,
        _ => return None,
    };
    let pattern = pattern.trim().trim_matches(['"', '\'']);
    GlobBuilder::new(pattern).literal_separator(false).build().ok().map(|glob| (glob, exclude))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\n\
        Conffiles:\n /etc/nginx/nginx.conf 900150983cd24fb0d6963f7d28e17f72\n /etc/with space 900150983cd24fb0d6963f7d28e17f72\n \
        /etc/old 900150983cd24fb0d6963f7d28e17f72 obsolete\n /etc/new newconffile\nDescription: web\n server: fast\n .\n more\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\nbroken\n";

    #[test]
    fn the_status_file_gives_packages_and_their_conffiles() {
        let packages = status(STATUS);
        assert_eq!(packages.len(), 2);
        assert_eq!((packages[0].name.as_str(), packages[0].version.as_str()), ("nginx", "1.22.1-9"));
        assert_eq!(packages[0].conffiles, ["etc/nginx/nginx.conf", "etc/with space"]);
        assert_eq!(packages[1].status, "config-files");
    }

    #[test]
    fn md5sums_give_paths_and_other_lines_none() {
        let text = "900150983cd24fb0d6963f7d28e17f72  usr/bin/ls\n900150983cd24fb0d6963f7d28e17f72  ./a b\nnone  x\n\u{fffd}\n";
        assert_eq!(md5sums(text).collect::<Vec<_>>(), ["usr/bin/ls", "a b"]);
        assert_eq!(
            [package_of("libc6:amd64.md5sums"), package_of("x.list"), package_of("a.md5sums")],
            [Some("libc6"), None, Some("a")]
        );
    }

    #[test]
    fn a_diverted_file_is_elsewhere_but_for_who_diverted_it() {
        let diversions = Diversions::parse("/bin/sh\n/bin/sh.distrib\ndash\n/lone\n");
        assert_eq!(
            (diversions.real("bash", "bin/sh"), diversions.real("dash", "bin/sh")),
            ("bin/sh.distrib", "bin/sh")
        );
        assert_eq!(diversions.real("bash", "lone"), "lone");
    }

    #[test]
    fn the_last_filter_that_matches_decides() {
        let filters = PathFilters::parse([
            "# c\npath-exclude=/usr/share/doc/*\n--path-include /usr/share/doc/*/copyright\nforce-unsafe-io\n",
        ]);
        let filters = filters.unwrap();
        assert!(filters.excludes("usr/share/doc/a/b/c"));
        assert!(!filters.excludes("usr/share/doc/a/copyright") && !filters.excludes("usr/bin/ls"));
        assert!(!PathFilters::parse([""]).unwrap().excludes("usr/share/doc/a"));
    }
}
