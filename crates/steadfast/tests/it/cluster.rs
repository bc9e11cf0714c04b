//! A real API server with its controllers and simulated nodes, see `tests/peers/kubernetes`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A control plane; it ends with this.
pub struct Cluster {
    dir: TempDir,
    programs: PathBuf,
    /// Flags of the API server beside the usual ones.
    flags: String,
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers")
}

impl Cluster {
    /// Starts one, if its programs are installed.
    pub fn start() -> Option<Self> {
        Self::start_with(|_| String::new())
    }

    /// The same with the flags for the API server that `prepare` gives; it may write files into the folder.
    pub fn start_with(prepare: impl FnOnce(&Path) -> String) -> Option<Self> {
        let cache = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/steadfast/peers");
        let programs = cache.unwrap_or_else(home).join("bin");
        let needed = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "etcd", "kwok"];
        if let Some(name) = needed.iter().find(|name| !programs.join(name).exists()) {
            eprintln!("skipped: {name} is not installed (tests/peers/kubernetes/install.sh)");
            return None;
        }
        let dir = TempDir::new().unwrap();
        let flags = prepare(dir.path());
        let cluster = Self { dir, programs, flags };
        cluster.up();
        Some(cluster)
    }

    /// Starts all of it, again on the same data where it has run before.
    fn up(&self) {
        let script = peers().join("kubernetes/up.sh");
        let mut up = Command::new("bash");
        up.arg(script).arg(self.dir.path()).env("APISERVER_ARGS", &self.flags);
        let out = up.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    /// Where the kubeconfig of a user is: `admin`, `alice` and `viewer`, and `steadfast` once there is its account.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        let name = if user == "admin" { "kubeconfig".to_owned() } else { format!("{user}.kubeconfig") };
        self.dir.path().join(name)
    }

    /// Makes an account as `docs/kubernetes.md` says it, by its own commands, but with that role: from then on `steadfast` is a user.
    pub fn account(&self, role: &str) {
        let root = peers().join("../..");
        let text = std::fs::read_to_string(root.join("docs/kubernetes.md")).unwrap();
        let section = text.split("\n## ").find(|section| section.starts_with("An account\n")).unwrap();
        let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let script = blocks.collect::<String>();
        assert!(script.contains("--clusterrole=steadfast-reader "), "{script}");
        let script = script.replace("--clusterrole=steadfast-reader ", &format!("--clusterrole={role} "));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([self.programs.clone()].into_iter().chain(std::env::split_paths(&path)));
        std::os::unix::fs::symlink(root.join("deploy"), self.dir.path().join("deploy")).unwrap();
        let mut shell = Command::new("bash");
        shell.args(["-euc", &script]).current_dir(self.dir.path()).env("PATH", path.unwrap());
        let out = shell.env("KUBECONFIG", self.kubeconfig("admin")).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let written = self.dir.path().join("prod-eu.kubeconfig");
        std::fs::rename(written, self.kubeconfig("steadfast")).unwrap();
    }

    /// The audit log of the API server.
    pub fn audit(&self) -> PathBuf {
        self.dir.path().join("audit.log")
    }

    /// Runs kubectl as `user` on `input`; gives what it prints.
    pub fn kubectl(&self, user: &str, args: &[&str], input: &str) -> String {
        let slow = |problem: &String| problem.contains("Timeout: request did not complete");
        // A server on a busy machine may not answer in its own time; what was asked can be asked again.
        let again = (0..3).map(|_| self.try_kubectl(user, args, input)).find(|said| !said.as_ref().is_err_and(slow));
        let said = again.unwrap_or_else(|| Err("the server does not answer in its own time".to_owned()));
        said.unwrap_or_else(|problem| panic!("kubectl {args:?}: {problem}"))
    }

    /// The same where it may fail; gives what it says then.
    pub fn try_kubectl(&self, user: &str, args: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(self.programs.join("kubectl"))
            .arg("--kubeconfig")
            .arg(self.kubeconfig(user))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        let said = if out.status.success() { &out.stdout } else { &out.stderr };
        let said = String::from_utf8_lossy(said).into_owned();
        if out.status.success() { Ok(said) } else { Err(said) }
    }

    /// Runs helm as the administrator; nothing if it is not installed.
    pub fn helm(&self, args: &[&str]) -> Option<()> {
        let program = self.programs.join("helm");
        if !program.exists() {
            eprintln!("skipped: helm is not installed (tests/peers/kubernetes/install.sh)");
            return None;
        }
        let mut helm = Command::new(program);
        helm.arg("--kubeconfig").arg(self.kubeconfig("admin")).args(args);
        let out =
            helm.env("HELM_CACHE_HOME", self.dir.path()).env("HELM_CONFIG_HOME", self.dir.path()).output().unwrap();
        assert!(out.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        Some(())
    }

    /// Kills the API server and starts it again with the same data.
    pub fn restart(&self) {
        self.down();
        self.up();
    }

    fn down(&self) {
        let _ = Command::new("bash").arg(peers().join("down.sh")).arg(self.dir.path()).arg("1").output();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.down();
    }
}
