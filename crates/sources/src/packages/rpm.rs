//! rpm's database, read through `rpm` itself: its format differs by version.

/// What `rpm -qa` is asked for files: package, digest, flags (`g` for a ghost), path.
pub(crate) const FILES: &str = "[%{=NAME}\\t%{FILEDIGESTS}\\t%{FILEFLAGS:fflags}\\t%{FILENAMES}\\n]";

/// A file of an answer to [`FILES`]: package, path without its first slash, digest with its
/// algorithm. Ghosts (which no package brings), directories and links are left out.
pub(crate) fn file(line: &str) -> Option<(&str, &str, String)> {
    let mut fields = line.splitn(4, '\t');
    let (package, digest, flags, path) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let algorithm = match digest.len() {
        32 => "md5",
        64 => "sha256",
        _ => return None,
    };
    let path = path.strip_prefix('/').filter(|path| !path.is_empty())?;
    let brought = !flags.contains('g') && !package.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    brought.then(|| (package, path, format!("{algorithm}:{}", digest.to_ascii_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_a_digest_are_read_and_ghosts_are_not() {
        let sha = "a".repeat(64);
        let line = format!("bash\t{sha}\tc\t/etc/skel/.bashrc");
        assert_eq!(file(&line), Some(("bash", "etc/skel/.bashrc", format!("sha256:{sha}"))));
        for none in [
            format!("bash\t{sha}\tg\t/var/x"),
            "bash\t\t\t/usr/bin".to_owned(),
            format!("bash\t{sha}\t\tx"),
            "x".to_owned(),
        ] {
            assert_eq!(file(&none), None, "{none}");
        }
    }
}
