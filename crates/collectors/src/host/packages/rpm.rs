//! rpm's database, read through `rpm` itself: its format differs by version.

use super::dpkg::Package;
use super::listing::Line;
use crate::host::content::Algorithm;

/// What `rpm -qa` is asked for packages.
pub(crate) const PACKAGES: &str = "%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";

/// What `rpm -qa` is asked for files: package, digest, flags (`c` config, `g` ghost), path.
pub(crate) const FILES: &str = "[%{=NAME}\\t%{FILEDIGESTS}\\t%{FILEFLAGS:fflags}\\t%{FILENAMES}\\n]";

/// The packages of an answer to [`PACKAGES`].
pub(crate) fn packages(text: &str) -> Vec<Package> {
    let package = |line: &str| {
        let mut fields = line.splitn(3, '\t').map(str::to_owned);
        let (name, version, architecture) = (fields.next()?, fields.next()?, fields.next()?);
        let whole = !name.is_empty() && !version.is_empty();
        // Keys that were imported are in the database as packages.
        let key = name == "gpg-pubkey";
        (whole && !key).then(|| Package {
            name,
            version,
            architecture,
            status: "installed".to_owned(),
            ..Package::default()
        })
    };
    text.lines().filter_map(package).collect()
}

/// A file of an answer to [`FILES`]. Ghosts (which no package brings), directories and links have
/// no digest and are left out. The digest's length tells its algorithm.
pub(crate) fn file(line: &str) -> Option<Line<'_>> {
    let mut fields = line.splitn(4, '\t');
    let (package, digest, flags, path) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let algorithm = match digest.len() {
        32 => Algorithm::Md5,
        64 => Algorithm::Sha256,
        _ => return None,
    };
    let path = path.strip_prefix('/').filter(|path| !path.is_empty())?;
    let brought = !flags.contains('g') && !package.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    brought.then_some(Line { package, path, real: path, algorithm })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_rpm_give_packages_and_files() {
        let packages =
            packages("bash\t5.1.8-9.el9\tx86_64\ngpg-pubkey\t1-2\t(none)\ndbus\t1:1.12.20-8.el9\tx86_64\nbad\n");
        let found: Vec<(&str, &str)> = packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        assert_eq!(found, [("bash", "5.1.8-9.el9"), ("dbus", "1:1.12.20-8.el9")]);
        let sha = "a".repeat(64);
        let line = format!("bash\t{sha}\tc\t/etc/skel/.bashrc");
        let found = file(&line).unwrap();
        assert_eq!((found.package, found.path, found.algorithm), ("bash", "etc/skel/.bashrc", Algorithm::Sha256));
        for none in [
            format!("bash\t{sha}\tg\t/var/x"),
            "bash\t\t\t/usr/bin".to_owned(),
            format!("bash\t{sha}\t\trelative"),
            "x".to_owned(),
        ] {
            assert!(file(&none).is_none(), "{none}");
        }
    }
}
