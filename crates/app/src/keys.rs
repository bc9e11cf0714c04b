use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base::DigestKey;
use secrecy::{Names, Pattern};
use sources::host_manifest::Secrets;

use crate::{AppError, Config};

const KEY: &str = "digest.key";

/// These are in a `data_dir` that was used, or the key.
const OURS: [&str; 2] = ["log", "store"];

/// Makes `data_dir`, for its owner only. One that is there, and is ours alone, is narrowed to that.
pub(crate) fn data_dir(path: &Path) -> Result<(), AppError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| {
        AppError::file(path, format!("cannot be made: {error}; set `data_dir` to a folder of yours"))
    })?;
    // Some file systems have no rights, or let nobody change them.
    if let Err(error) = narrow(path) {
        tracing::warn!(folder = %path.display(), %error, "others may be able to look into data_dir");
    }
    Ok(())
}

/// Takes the rights of others away from a folder that holds nothing but what is ours.
fn narrow(path: &Path) -> std::io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    let has = |name: &str| path.join(name).exists();
    let ours = || has(KEY) || OURS.into_iter().all(has);
    if own && (ours() || std::fs::read_dir(path)?.next().is_none()) {
        tracing::info!(folder = %path.display(), "data_dir is for its owner only from now on");
        return std::fs::set_permissions(path, Permissions::from_mode(mode & 0o7700));
    }
    tracing::warn!(folder = %path.display(), "others may look into data_dir: give it a folder of its own, with mode 0700");
    Ok(())
}

/// The key for digests of secrets: that of the configuration, else kept beside the data and made at
/// the first start. Without the same key, digests that were stored could not be compared any more.
pub(crate) fn digest_key(config: &Config) -> Result<DigestKey, AppError> {
    given_key(config)?.map_or_else(|| kept_key(&config.data_dir), Ok)
}

/// The key that the configuration names, if it does.
pub(crate) fn given_key(config: &Config) -> Result<Option<DigestKey>, AppError> {
    let Some(given) = &config.digest_key else { return Ok(None) };
    let text = given.resolve().map_err(|error| AppError::secret("digest_key", error))?;
    let key = DigestKey::parse(text.expose());
    key.map(Some).ok_or_else(|| AppError::part("digest_key", "it is not 64 hexadecimal digits"))
}

fn kept_key(data_dir: &Path) -> Result<DigestKey, AppError> {
    let path = data_dir.join(KEY);
    let wrong = |problem: &dyn std::fmt::Display| AppError::file(&path, problem);
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().map(DigestKey::from_bytes).map_err(|bytes: Vec<u8>| {
            wrong(&format!("it holds {} bytes, not 32; restore it from a backup", bytes.len()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = DigestKey::generate().map_err(|error| wrong(&error))?;
            write(&path, key.expose()).map_err(|error| wrong(&error))?;
            Ok(key)
        }
        Err(error) => Err(wrong(&error)),
    }
}

/// Which declared files are secrets, under that key; `more`: beside those that are always.
pub(crate) fn secrets(key: DigestKey, more: &[Pattern]) -> Result<Secrets, AppError> {
    let names = Names::new(more).map_err(|error| AppError::part("host.files.secrets", error))?;
    Ok(Secrets::new(key, names))
}

fn write(path: &Path, key: &[u8; 32]) -> std::io::Result<()> {
    // A torn key would lock us out: it is complete before it has its name.
    let new = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_a_damaged_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let first = kept_key(dir.path()).unwrap().digest(b"x");
        assert_eq!(kept_key(dir.path()).unwrap().digest(b"x"), first);
        std::fs::write(dir.path().join("digest.key"), b"short").unwrap();
        let error = kept_key(dir.path()).unwrap_err().to_string();
        assert!(error.contains("digest.key") && error.contains("5 bytes"), "{error}");
    }

    #[test]
    fn a_folder_that_is_ours_alone_is_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let wide = |path: &Path| std::fs::set_permissions(path, Permissions::from_mode(0o2755)).unwrap();
        for made in [false, true] {
            let path = dir.path().join("data");
            if made {
                wide(&path);
                kept_key(&path).unwrap();
            }
            data_dir(&path).unwrap();
            assert_eq!(mode(&path) & 0o077, 0);
        }
        let empty = dir.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        wide(&empty);
        data_dir(&empty).unwrap();
        assert_eq!(mode(&empty), 0o2700);
        // A folder of others, as `/srv`, is not shut.
        std::fs::write(dir.path().join("theirs"), "").unwrap();
        wide(dir.path());
        data_dir(dir.path()).unwrap();
        assert_eq!(mode(dir.path()), 0o2755);
    }

    #[test]
    fn a_key_that_is_given_is_the_one_that_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let kept = kept_key(dir.path()).unwrap();
        let digits: String = kept.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        let given = |text: &str| {
            let mut config = Config::embedded().unwrap();
            config.digest_key = Some(base::SecretRef::Given(base::Secret::new(text)));
            digest_key(&config)
        };
        assert_eq!(given(&digits).unwrap().digest(b"x"), kept.digest(b"x"));
        let error = given("swordfish").unwrap_err().to_string();
        assert!(error.starts_with("digest_key: ") && !error.contains("swordfish"), "{error}");
    }
}
