//! dpkg's databases: `/var/lib/dpkg/status`, `info/*.md5sums`, `diversions`, and the paths that
//! `/etc/dpkg/dpkg.cfg` excludes. See deb-md5sums(5), deb-conffiles(5), dpkg-divert(1), dpkg(1).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder};
use secrecy::Patterns;

use crate::is_hex;

/// A package of the status file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    /// Without the architecture.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its architecture.
    pub architecture: &'a str,
    /// The last word of `Status`: `installed`, `config-files`, `half-configured`.
    pub status: &'a str,
    /// Paths without the first slash, and their digests as the package brought them.
    pub conffiles: Vec<(&'a str, &'a str)>,
}

impl Package<'_> {
    /// Whether its files are there. One on hold is as much so as any.
    pub fn is_installed(&self) -> bool {
        self.status == "installed"
    }
}

/// The packages of a status file. A stanza without a name is left out.
pub fn packages(status: &str) -> impl Iterator<Item = Package<'_>> {
    status.split("\n\n").map(stanza).filter(|package| !package.name.is_empty())
}

fn stanza(text: &str) -> Package<'_> {
    let (mut package, mut field) = (Package::default(), "");
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
            "Package" => package.name = value,
            "Version" => package.version = value,
            "Architecture" => package.architecture = value,
            "Status" => package.status = value.rsplit(' ').next().unwrap_or_default(),
            _ => {}
        }
    }
    package
}

/// ` /etc/x 900150983cd24fb0d6963f7d28e17f72`. One that is `obsolete` or `remove-on-upgrade` is no
/// longer the package's, and `newconffile` has not been unpacked.
fn conffile(line: &str) -> Option<(&str, &str)> {
    let (path, digest) = line.trim().rsplit_once(' ')?;
    let path = path.trim().trim_start_matches('/');
    (is_hex(digest, 32) && !path.is_empty()).then_some((path, digest))
}

/// A line of an `md5sums` file: a path without its first slash, and its digest.
pub fn md5sum(line: &str) -> Option<(&str, &str)> {
    let (digest, path) = line.split_once("  ")?;
    let path = path.trim_start_matches("./").trim_start_matches('/');
    (is_hex(digest, 32) && !path.is_empty()).then_some((path, digest))
}

/// The package that a file in `info/` is of: `libc6` for `libc6:amd64.md5sums`.
pub fn package_of(file: &str) -> Option<&str> {
    let name = file.strip_suffix(".md5sums")?;
    name.split(':').next().filter(|name| !name.is_empty())
}

/// Where files of packages really are: path -> (path in use, the package that keeps the first).
#[derive(Debug, Default)]
pub struct Diversions(HashMap<String, (String, String)>);

impl Diversions {
    /// Reads the `diversions` file: three lines each.
    pub fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let path = |text: &str| text.trim_start_matches('/').to_owned();
        Self(lines.chunks_exact(3).map(|lines| (path(lines[0]), (path(lines[1]), lines[2].to_owned()))).collect())
    }

    /// Where `package`'s file `path` is.
    pub fn real<'a>(&'a self, package: &str, path: &'a str) -> &'a str {
        match self.0.get(path) {
            Some((to, by)) if by != package => to,
            _ => path,
        }
    }
}

/// The files that dpkg reads its settings from, in its order: those of `dpkg.cfg.d` in `folder`
/// (`/etc/dpkg`) by name, then `dpkg.cfg`, which so has the last word.
pub fn settings(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("dpkg.cfg.d")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_settings(path)).collect();
    paths.sort_unstable();
    paths.push(folder.join("dpkg.cfg"));
    paths.retain(|path| path.is_file());
    paths
}

/// dpkg reads names of letters, digits, `-` and `_` only.
fn is_settings(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The paths that dpkg was told not to unpack (slim images do that).
#[derive(Debug)]
pub struct PathFilters {
    patterns: Patterns,
    excludes: Vec<bool>,
}

impl PathFilters {
    /// From the texts of [`settings()`], in this order. What is no filter is left out.
    ///
    /// # Errors
    /// If the patterns are too large.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let lines = texts.into_iter().flat_map(str::lines).filter_map(filter);
        let (globs, excludes): (Vec<Glob>, Vec<bool>) = lines.unzip();
        Ok(Self { patterns: Patterns::of(globs)?, excludes })
    }

    /// Whether dpkg does not unpack a path (without its first slash). The last filter that matches decides.
    pub fn excludes(&self, path: &str) -> bool {
        if self.excludes.is_empty() {
            return false;
        }
        let last = self.patterns.last_match(Path::new(&format!("/{path}")));
        last.and_then(|last| self.excludes.get(last)).copied().unwrap_or_default()
    }
}

/// `path-exclude=/usr/share/doc/*`, with or without dashes before it. As in fnmatch(3) without
/// `FNM_PATHNAME`, `*` crosses slashes.
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

    const SUM: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn the_status_file_gives_packages_and_the_conffiles_that_are_still_theirs() {
        let text = format!(
            "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\nConffiles:\n \
             /etc/nginx.conf {SUM}\n /etc/with space {SUM}\n /etc/old {SUM} obsolete\n /etc/new newconffile\n \
             /etc/bye {SUM} remove-on-upgrade\nDescription: web\n a: b {SUM}\n .\n more\n\n\
             Package: gone\nStatus: deinstall ok config-files\n\nPackage: half\nStatus: install ok half-installed\n\n\
             broken\n\nStatus: install ok installed\n\nPackage: held\nStatus: hold ok installed\n"
        );
        let packages: Vec<Package<'_>> = packages(&text).collect();
        assert_eq!(
            packages[0],
            Package {
                name: "nginx",
                version: "1.22.1-9",
                architecture: "amd64",
                status: "installed",
                conffiles: vec![("etc/nginx.conf", SUM), ("etc/with space", SUM)],
            }
        );
        let states: Vec<(&str, &str, bool)> =
            packages[1..].iter().map(|package| (package.name, package.status, package.is_installed())).collect();
        assert_eq!(
            states,
            [("gone", "config-files", false), ("half", "half-installed", false), ("held", "installed", true)]
        );
    }

    #[test]
    fn lines_of_md5sums_are_read_and_others_are_not() {
        assert_eq!(md5sum(&format!("{SUM}  usr/bin/a b")), Some(("usr/bin/a b", SUM)));
        assert_eq!(md5sum(&format!("{SUM}  ./usr/x")), Some(("usr/x", SUM)));
        for bad in ["", "x  usr/bin/a", SUM, "\u{fffd}", &format!("{SUM} *usr/bin/a"), &format!("{SUM}  /")] {
            assert_eq!(md5sum(bad), None, "{bad}");
        }
        assert_eq!(
            [package_of("libc6:amd64.md5sums"), package_of("a.list"), package_of(".md5sums")],
            [Some("libc6"), None, None]
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
        let text = "# c\npath-exclude=/usr/share/doc/*\n--path-include /usr/share/doc/*/copyright\npath-exclude=[\n";
        let filters = PathFilters::parse([text, "force-unsafe-io\n"]).unwrap();
        assert!(filters.excludes("usr/share/doc/a/b/c"));
        assert!(!filters.excludes("usr/share/doc/a/copyright") && !filters.excludes("usr/bin/ls"));
        assert!(!PathFilters::parse([""]).unwrap().excludes("usr/share/doc/a"));
    }

    #[test]
    fn settings_come_in_the_order_of_dpkg() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dpkg.cfg.d")).unwrap();
        for name in ["dpkg.cfg", "dpkg.cfg.d/b_2", "dpkg.cfg.d/a-1", "dpkg.cfg.d/old.dpkg-old", "dpkg.cfg.d/x~"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(settings(dir.path()), ["dpkg.cfg.d/a-1", "dpkg.cfg.d/b_2", "dpkg.cfg"].map(|n| dir.path().join(n)));
        assert_eq!(settings(&dir.path().join("none")), [] as [PathBuf; 0]);
    }
}
