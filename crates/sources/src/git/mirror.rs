use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base::{Clock, Secret};
use desired::DesiredError;

use super::config::GitConfig;
use super::remote::Remote;
use crate::child::Child;

/// The reference that our head is kept under.
pub(crate) const HEAD: &str = "refs/steadfast/head";

/// The reference of the commit that is followed, where the branch does not have it.
const FOLLOWED: &str = "refs/steadfast/followed";

/// Our own bare copy of a remote. A cache: it may be deleted at any time.
pub(crate) struct Mirror {
    pub(crate) dir: PathBuf,
    pub(crate) remote: Remote,
    config: GitConfig,
    clock: Clock,
}

impl Mirror {
    pub(crate) fn new(dir: PathBuf, remote: Remote, config: GitConfig, clock: Clock) -> Self {
        Self { dir, remote, config, clock }
    }

    /// Fetches the branch.
    ///
    /// # Errors
    /// [`DesiredError::Unavailable`], which names the URL and what git said.
    pub(crate) async fn fetch(&self) -> Result<(), DesiredError> {
        self.prepare().await.map_err(|problem| self.unavailable(problem))?;
        let from = self.config.branch.as_ref().map_or("HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
        self.get(&format!("+{from}:{HEAD}")).await
    }

    async fn get(&self, refspec: &str) -> Result<(), DesiredError> {
        let git = self.git()?.args(["--git-dir".into(), self.dir.clone().into_os_string()]);
        let git =
            git.args(["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force"]);
        let git = git.args(["--".to_owned(), self.remote.url.clone(), refspec.to_owned()]);
        git.run(&self.clock, self.config.timeout).await.map_err(|problem| self.unavailable(problem))
    }

    /// Fetches one commit, wherever it is in the remote.
    ///
    /// # Errors
    /// [`DesiredError::Unavailable`], which names the URL and what git said.
    pub(crate) async fn fetch_commit(&self, hash: &str) -> Result<(), DesiredError> {
        self.get(&format!("+{hash}:{FOLLOWED}")).await
    }

    /// An error about the remote as a whole.
    pub(crate) fn unavailable(&self, problem: impl Into<String>) -> DesiredError {
        DesiredError::Unavailable { what: self.remote.url.clone(), problem: problem.into() }
    }

    /// Makes the copy if it is not there. It is made beside its place and moved there, so that one
    /// that is there is whole, whenever we were ended.
    async fn prepare(&self) -> Result<(), String> {
        if self.dir.join("HEAD").exists() {
            self.unlock();
            return Ok(());
        }
        let new = self.dir.with_extension("new");
        let io = |error: std::io::Error| format!("cannot make {}: {error}", self.dir.display());
        for stale in [&new, &self.dir] {
            if stale.exists() {
                std::fs::remove_dir_all(stale).map_err(io)?;
            }
        }
        std::fs::create_dir_all(&new).map_err(io)?;
        std::fs::write(new.join(SETTINGS_FILE), SETTINGS).map_err(io)?;
        let git = self.plain(&new).args(["init", "--quiet", "--bare", "--template=", "--"]).args([&new]);
        git.run(&self.clock, self.config.timeout).await?;
        std::fs::rename(&new, &self.dir).map_err(io)
    }

    /// Removes the locks of a git that was killed: nobody else works in this folder.
    fn unlock(&self) {
        let references = [HEAD, FOLLOWED].map(|name| format!("{name}.lock"));
        let others = ["HEAD.lock", "packed-refs.lock", "gc.pid"].map(str::to_owned);
        for lock in references.into_iter().chain(others) {
            // It is not there, as a rule; if it stays, git says so.
            let _ = std::fs::remove_file(self.dir.join(lock));
        }
    }

    /// Git with our settings and no one else's.
    fn plain(&self, dir: &Path) -> Child {
        Child::new("git")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", dir.join(SETTINGS_FILE))
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", "file:http:https:ssh")
            .env("GIT_SSH_VARIANT", "ssh")
            .env("GIT_SSH_COMMAND", ssh(self.config.ssh_key.as_deref(), self.config.ssh_known_hosts.as_deref()))
    }

    /// The same with the credentials, which only git's environment holds.
    fn git(&self) -> Result<Child, DesiredError> {
        let (Some(credentials), Some(origin)) = (&self.config.credentials, &self.remote.origin) else {
            return Ok(self.plain(&self.dir));
        };
        let token: Secret = credentials.token.resolve().map_err(|error| self.unavailable(error.to_string()))?;
        // Only for this origin: a redirect to another host is not given the token.
        Ok(self
            .plain(&self.dir)
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("credential.{origin}.helper"))
            .env("GIT_CONFIG_VALUE_0", HELPER)
            .env("STEADFAST_GIT_USERNAME", &credentials.username)
            .env("STEADFAST_GIT_TOKEN", token.expose()))
    }
}

/// Answers git's question for credentials (gitcredentials(7)) from its environment.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
                      \"$STEADFAST_GIT_USERNAME\" \"$STEADFAST_GIT_TOKEN\"; }; f";

/// Where the settings are in our copy.
const SETTINGS_FILE: &str = "steadfast.gitconfig";

/// A local repository may be another user's: it is only read. Slow transfers end, and nothing of
/// git's is left running behind us.
const SETTINGS: &str = "[safe]\n\tdirectory = *\n[gc]\n\tautoDetach = false\n[maintenance]\n\tautoDetach = false\n\
                        [http]\n\tlowSpeedLimit = 1000\n\tlowSpeedTime = 30\n[core]\n\thooksPath = /dev/null\n";

/// The ssh command: it never asks, and gives up on a host that does not answer.
fn ssh(key: Option<&Path>, known_hosts: Option<&Path>) -> OsString {
    let mut command = OsString::from(
        "ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=2 \
         -o StrictHostKeyChecking=yes",
    );
    if let Some(key) = key {
        command.push(" -o IdentitiesOnly=yes -i ");
        command.push(quoted(key));
    }
    if let Some(file) = known_hosts {
        command.push(" -o UserKnownHostsFile=");
        command.push(quoted(file));
    }
    command
}

/// For the shell that git hands the ssh command to.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "'\\''"))
}
