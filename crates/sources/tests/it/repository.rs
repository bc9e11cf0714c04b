//! A repository that the `git` program makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use base::{Clock, DigestKey};
use desired::{DesiredError, Fetched, Source};
use sources::Context;
use sources::git::{Git, GitConfig};
use sources::host_manifest::Secrets;

pub struct Repository {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
    pub cache: PathBuf,
}

impl Repository {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (path, cache) = (dir.path().join("infra"), dir.path().join("cache"));
        std::fs::create_dir(&path).unwrap();
        let repository = Self { _dir: dir, path, cache };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// Runs git in it and gives what it prints.
    pub fn git(&self, args: &[&str]) -> String {
        self.git_of(args, "")
    }

    /// The same, of a git that is given `input`.
    pub fn git_of(&self, args: &[&str], input: &str) -> String {
        let given = self.cache.with_extension("input");
        std::fs::write(&given, input).unwrap();
        let mut command = Command::new("git");
        command.current_dir(&self.path).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@example.org");
            command.env(format!("GIT_{role}_DATE"), "2026-11-25T10:00:00Z");
        }
        let output = command.args(args).stdin(std::fs::File::open(given).unwrap()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits everything; gives the commit.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// A commit in which `vm.swappiness` of web-1 is `value`.
    pub fn swappiness(&self, value: &str) -> String {
        self.put("web-1/sysctl.yaml", format!("host: web-1\nsysctl:\n  vm.swappiness: {value}\n"));
        self.commit(&format!("swappiness {value}"))
    }

    pub fn config(&self) -> GitConfig {
        GitConfig::new("infra", self.path.display().to_string())
    }

    pub fn source(&self) -> Git {
        self.source_of(self.config())
    }

    pub fn source_of(&self, config: GitConfig) -> Git {
        self.source_with(config, &context(&self.cache))
    }

    pub fn source_with(&self, config: GitConfig, context: &Context) -> Git {
        Git::new(config, context).unwrap()
    }
}

pub fn context(cache: &Path) -> Context {
    let secrets = Secrets::new(DigestKey::from_bytes([3; 32]), secrecy::Names::new(&[]).unwrap());
    Context {
        clock: Clock::system(),
        cache: cache.to_owned(),
        secrets,
        clusters: kubernetes::Clusters::default(),
        host: "web-1".to_owned(),
    }
}

/// Everything that a source has to give.
pub async fn all(source: &mut dyn Source) -> Vec<Fetched> {
    let mut all = Vec::new();
    loop {
        let part = source.fetch().await.unwrap();
        if part.is_empty() {
            return all;
        }
        all.extend(part);
    }
}

pub async fn unavailable(source: &mut dyn Source) -> String {
    match source.fetch().await {
        Err(error @ DesiredError::Unavailable { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

pub fn revisions(sets: &[Fetched]) -> Vec<&str> {
    sets.iter().map(|set| set.revision.as_str()).collect()
}
