//! The databases of packages.

use package_db::dpkg::{self, Diversions, PathFilters};
use package_db::rpm;

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let sum = "900150983cd24fb0d6963f7d28e17f72";
    let mut seeds = vec![
        format!(
            "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\nConffiles:\n \
             /etc/nginx.conf {sum}\n /etc/with space {sum}\n /etc/old {sum} obsolete\nDescription: web\n .\n more\n\n\
             Package: gone\nStatus: deinstall ok config-files\n"
        )
        .into_bytes(),
        format!("{sum}  usr/bin/a b\n{sum}  ./usr/x\n").into_bytes(),
        format!("bash\t{sum}{sum}\tc\t/etc/skel/.bashrc\nbash\t{sum}\tg\t/var/x\n").into_bytes(),
        b"/bin/sh\n/bin/sh.distrib\ndash\n".to_vec(),
        b"# c\npath-exclude=/usr/share/doc/*\n--path-include /usr/share/doc/*/copyright\npath-exclude=[\n".to_vec(),
    ];
    seeds.push(seeds::growing("Package: a\nConffiles:\n", &format!(" /b {sum}\n"), "\n"));
    seeds.push(seeds::growing("", "path-exclude=/a/*\n", ""));
    seeds.push(seeds::growing("path-exclude=/", "*", "\n"));
    seeds
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    for package in dpkg::packages(&text) {
        assert!(!package.name.is_empty());
        assert!(package.conffiles.iter().all(|(path, digest)| is_relative(path) && digest.len() == 32));
    }
    for line in text.lines() {
        if let Some((path, digest)) = dpkg::md5sum(line) {
            assert!(is_relative(path) && digest.len() == 32, "{line}");
        }
        if let Some(file) = rpm::file(line) {
            assert!(!file.path.is_empty() && !file.package.is_empty() && matches!(file.digest.len(), 32 | 64));
        }
        assert!(dpkg::package_of(line).is_none_or(|package| !package.is_empty() && !package.contains(':')));
    }
    let diversions = Diversions::parse(&text);
    for path in text.lines().take(20) {
        assert!(diversions.real("fuzz", path) == path || text.contains(diversions.real("fuzz", path)));
    }
    if let Ok(filters) = PathFilters::parse([&*text]) {
        for path in text.lines().take(20).chain(["usr/share/doc/a"]) {
            let _ = filters.excludes(path);
        }
    }
}

fn is_relative(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('/')
}
