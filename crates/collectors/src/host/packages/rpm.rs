//! The packages of rpm's database, read through `rpm` itself: its format differs by version.

use package_db::dpkg::Package;

/// What `rpm -qa` is asked for packages.
pub(crate) const PACKAGES: &str = "%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";

/// The packages of an answer to [`PACKAGES`].
pub(crate) fn packages(text: &str) -> impl Iterator<Item = Package<'_>> {
    text.lines().filter_map(package)
}

fn package(line: &str) -> Option<Package<'_>> {
    let mut fields = line.splitn(3, '\t');
    let (name, version, architecture) = (fields.next()?, fields.next()?, fields.next()?);
    let whole = !name.is_empty() && !version.is_empty();
    // Keys that were imported are in the database as packages.
    let key = name == "gpg-pubkey";
    (whole && !key).then(|| Package { name, version, architecture, status: "installed", ..Package::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_rpm_give_packages() {
        let text = "bash\t5.1.8-9.el9\tx86_64\ngpg-pubkey\t1-2\t(none)\ndbus\t1:1.12.20-8.el9\tx86_64\nbad\n";
        let found: Vec<(&str, &str)> = packages(text).map(|package| (package.name, package.version)).collect();
        assert_eq!(found, [("bash", "5.1.8-9.el9"), ("dbus", "1:1.12.20-8.el9")]);
    }
}
