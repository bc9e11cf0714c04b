//! dpkg's databases: `/var/lib/dpkg/status`, `info/*.md5sums`, and the paths that
//! `/etc/dpkg/dpkg.cfg` excludes. See deb-md5sums(5), deb-conffiles(5), dpkg(1).
//!
//! A file is named as its package names it. Where it really is, if another package diverted it
//! (dpkg-divert(1)), is for the collector to look up.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A package that is installed, of the status file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package<'a> {
    /// Without the architecture.
    pub(crate) name: &'a str,
    /// Paths without the first slash, and their digests as the package brought them.
    pub(crate) conffiles: Vec<(&'a str, &'a str)>,
}

/// The packages of a status file that are `install ok installed`.
pub(crate) fn installed(status: &str) -> impl Iterator<Item = Package<'_>> {
    status.split("\n\n").filter_map(stanza)
}

fn stanza(text: &str) -> Option<Package<'_>> {
    let (mut package, mut installed, mut field) = (Package::default(), false, "");
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if field == "Conffiles" {
                package.conffiles.extend(conffile(line));
            }
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        field = name;
        match name {
            "Package" => package.name = value.trim(),
            "Status" => installed = value.split_whitespace().eq(["install", "ok", "installed"]),
            _ => {}
        }
    }
    (installed && !package.name.is_empty()).then_some(package)
}

/// ` /etc/x 900150983cd24fb0d6963f7d28e17f72`. One that is `obsolete` or `remove-on-upgrade` is no
/// longer the package's, and `newconffile` has not been unpacked.
fn conffile(line: &str) -> Option<(&str, &str)> {
    let (path, digest) = line.trim().rsplit_once(' ')?;
    let path = path.trim().trim_start_matches('/');
    (is_md5(digest) && !path.is_empty()).then_some((path, digest))
}

/// A line of an `md5sums` file: a path without its first slash, and its digest.
pub(crate) fn md5sum(line: &str) -> Option<(&str, &str)> {
    let (digest, path) = line.split_once("  ")?;
    let path = path.trim_start_matches("./").trim_start_matches('/');
    (is_md5(digest) && !path.is_empty()).then_some((path, digest))
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The package that a file in `info/` is of: `libc6` for `libc6:amd64.md5sums`.
pub(crate) fn package_of(file: &str) -> Option<&str> {
    let name = file.strip_suffix(".md5sums")?;
    name.split(':').next().filter(|name| !name.is_empty())
}

/// The paths that dpkg was told not to unpack (slim images do that).
#[derive(Debug, Default)]
pub(crate) struct PathFilters {
    patterns: GlobSet,
    excludes: Vec<bool>,
}

impl PathFilters {
    /// From the text of `dpkg.cfg` and `dpkg.cfg.d/*`, in this order. What is no filter is left out.
    pub(crate) fn parse(text: &str) -> Self {
        let (mut builder, mut excludes) = (GlobSetBuilder::new(), Vec::new());
        for (pattern, exclude) in text.lines().filter_map(filter) {
            // As in fnmatch(3) without FNM_PATHNAME, `*` crosses slashes.
            if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(false).build() {
                builder.add(glob);
                excludes.push(exclude);
            }
        }
        builder.build().map(|patterns| Self { patterns, excludes }).unwrap_or_default()
    }

    /// Whether dpkg does not unpack `path` (with its first slash). The last filter that matches decides.
    pub(crate) fn excludes(&self, path: &str) -> bool {
        if self.excludes.is_empty() {
            return false;
        }
        let last = self.patterns.matches(path).into_iter().max();
        last.and_then(|last| self.excludes.get(last)).copied().unwrap_or_default()
    }
}

/// `path-exclude=/usr/share/doc/*`, with or without dashes before it.
fn filter(line: &str) -> Option<(&str, bool)> {
    let line = line.trim().trim_start_matches("--");
    let (name, pattern) = line.split_once('=').or_else(|| line.split_once(' '))?;
    let pattern = pattern.trim().trim_matches(['"', '\'']);
    match name.trim() {
        "path-exclude" => Some((pattern, true)),
        "path-include" => Some((pattern, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn only_installed_packages_and_live_conffiles_count() {
        let text = format!(
            "Package: nginx\nStatus: install ok installed\nConffiles:\n /etc/nginx.conf {SUM}\n /etc/with space {SUM}\n \
             /etc/old {SUM} obsolete\n /etc/new newconffile\n /etc/bye {SUM} remove-on-upgrade\nDescription: web\n a: b {SUM}\n\n\
             Package: gone\nStatus: deinstall ok config-files\nConffiles:\n /etc/gone {SUM}\n\n\
             Package: half\nStatus: install ok half-installed\n\nbroken\n\nStatus: install ok installed\n"
        );
        let packages: Vec<Package<'_>> = installed(&text).collect();
        assert_eq!(
            packages,
            [Package { name: "nginx", conffiles: vec![("etc/nginx.conf", SUM), ("etc/with space", SUM)] }]
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
    fn the_last_filter_that_matches_decides() {
        let text = "# c\npath-exclude=/usr/share/doc/*\n--path-include /usr/share/doc/*/copyright\npath-exclude=[\n";
        let filters = PathFilters::parse(text);
        assert!(filters.excludes("/usr/share/doc/a/b/c"));
        assert!(!filters.excludes("/usr/share/doc/a/copyright") && !filters.excludes("/usr/bin/ls"));
        assert!(!PathFilters::parse("").excludes("/usr/share/doc/a"));
    }
}
