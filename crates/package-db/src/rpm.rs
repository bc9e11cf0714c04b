//! rpm's database, read through `rpm` itself: its format differs by version.

use crate::is_hex;

/// What `rpm -qa --qf` is asked for files: package, digest, flags (`c` config, `g` ghost), path.
pub const FILES: &str = "[%{=NAME}\\t%{FILEDIGESTS}\\t%{FILEFLAGS:fflags}\\t%{FILENAMES}\\n]";

/// A file that a package brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Its package.
    pub package: &'a str,
    /// Without the first slash.
    pub path: &'a str,
    /// `md5` or `sha256`.
    pub algorithm: &'static str,
    /// In hexadecimal.
    pub digest: &'a str,
}

/// A line of an answer to [`FILES`]. Ghosts (which no package brings), directories and links have
/// no digest and are left out. The digest's length tells its algorithm.
pub fn file(line: &str) -> Option<File<'_>> {
    let mut fields = line.splitn(4, '\t');
    let (package, digest, flags, path) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let algorithm = match digest.len() {
        32 => "md5",
        64 => "sha256",
        _ => return None,
    };
    let path = path.strip_prefix('/').filter(|path| !path.is_empty())?;
    let brought = !flags.contains('g') && !package.is_empty() && is_hex(digest, digest.len());
    brought.then_some(File { package, path, algorithm, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_a_digest_are_read_and_ghosts_are_not() {
        let sha = "a".repeat(64);
        let line = format!("bash\t{sha}\tc\t/etc/skel/.bashrc");
        let expected = File { package: "bash", path: "etc/skel/.bashrc", algorithm: "sha256", digest: &sha };
        assert_eq!(file(&line), Some(expected));
        for none in [
            format!("bash\t{sha}\tg\t/var/x"),
            "bash\t\t\t/usr/bin".to_owned(),
            format!("bash\t{sha}\t\trelative"),
            "x".to_owned(),
        ] {
            assert_eq!(file(&none), None, "{none}");
        }
    }
}
