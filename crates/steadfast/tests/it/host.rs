//! A watched host: a folder of files, a Git repository that declares them, a provider, and the
//! real binary between them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base::Clock;
use serde_json::Value;
use tempfile::TempDir;

/// The longest that anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Everything of one scenario; it is gone with it.
pub struct Host {
    pub dir: TempDir,
    pub root: PathBuf,
    pub repository: PathBuf,
    pub url: String,
    /// The files and their folder.
    resources: i64,
    config: PathBuf,
    process: Option<Child>,
    http: reqwest::Client,
    pub clock: Clock,
}

impl Host {
    /// Files `one` to `files` under the root; nothing runs yet. `more` is added to the configuration.
    pub fn new(files: usize, more: &str) -> Self {
        Self::of(files, "", more)
    }

    /// The same; `of_git` is added to what is said of the repository.
    pub fn of(files: usize, of_git: &str, more: &str) -> Self {
        let dir = TempDir::new().unwrap();
        // Of what not everybody may see no text is kept.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let (root, repository) = (dir.path().join("etc"), dir.path().join("desired"));
        std::fs::create_dir(&root).unwrap();
        for n in 0..files {
            std::fs::write(root.join(format!("file-{n}")), format!("setting = {n}\n")).unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = dir.path().join("steadfast.yaml");
        let off = ["packages", "systemd", "accounts", "sysctl", "sockets", "metrics"];
        let off: String = off.iter().map(|name| format!("  {name}: {{enabled: false}}\n")).collect();
        // What the process tells of itself is among the rows of a test only where that says so.
        let own = if more.contains("telemetry:") { "" } else { "telemetry: {keep: false}\n" };
        let text = format!(
            "data_dir: {data}\n{own}host:\n  name: web-1\n  files:\n    roots: [{{path: {root}}}]\n{off}desired:\n  \
             packages: {{enabled: false}}\n  git: {{name: infra, url: {repository}{of_git}}}\nserver: {{listen: \"127.0.0.1:{port}\"}}\npostgres: {{listen: \"127.0.0.1:0\"}}\n{more}",
            data = dir.path().join("data").display(),
            root = root.display(),
            repository = repository.display(),
        );
        std::fs::write(&config, text).unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let resources = files as i64 + 1;
        Self {
            dir,
            root,
            repository,
            url,
            resources,
            config,
            process: None,
            http: reqwest::Client::new(),
            clock: Clock::system(),
        }
    }

    /// Runs the binary to its end; gives its exit code and what it printed.
    pub fn run(&self, args: &[&str]) -> (i32, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_steadfast"))
            .args(args)
            .env("STEADFAST_SERVER", &self.url)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        (out.status.code().unwrap_or(-1), text)
    }

    /// Adds to the configuration, before the process starts.
    #[allow(dead_code, reason = "a benchmark does not")]
    pub fn configure(&self, more: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, text + more).unwrap();
    }

    pub fn config(&self) -> &str {
        self.config.to_str().unwrap()
    }

    /// Captures what is live into the repository and commits it.
    pub fn capture(&self) -> String {
        let (code, text) = self.run(&["capture", self.repository.to_str().unwrap(), "--config", self.config()]);
        assert_eq!(code, 0, "{text}");
        self.commit("As it is");
        text
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    pub fn git(&self, args: &[&str]) -> String {
        let out = Command::new("git")
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-C"])
            .arg(&self.repository)
            .args(args)
            .output()
            .unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Starts `steadfast up`; does not wait for it.
    pub fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_steadfast"))
            .args(["up", "--config", self.config()])
            .stdout(log.try_clone().unwrap())
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        self.process = Some(child);
    }

    /// Waits until everything there is was seen once and is in sync.
    pub async fn settled(&self) {
        let count = self.resources;
        self.until(&format!("{count} resources in sync"), async || {
            let drift = self.drift().await?;
            (drift["summary"]["in_sync"].as_i64() == Some(count)).then_some(())
        })
        .await;
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Asks it to end, and gives its exit code.
    pub async fn stop(&mut self) -> i32 {
        let mut process = self.process.take().unwrap();
        let pid = rustix::process::Pid::from_raw(process.id() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut process = tokio::task::spawn_blocking(move || process.wait().unwrap());
        let status = self.clock.timeout(PATIENCE, &mut process).await.unwrap().unwrap();
        status.code().unwrap_or(-1)
    }

    /// Bytes of memory that the process has.
    #[allow(dead_code, reason = "a benchmark asks")]
    pub fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.as_ref().unwrap().id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    }

    pub async fn get(&self, path: &str) -> Option<String> {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.ok()?;
        answer.status().is_success().then_some(answer)?.text().await.ok()
    }

    pub async fn drift(&self) -> Option<Value> {
        serde_json::from_str(&self.get("/api/drift").await?).ok()
    }

    /// What `/api/drift` says of a file under the root.
    pub async fn resource(&self, name: &str) -> Option<Value> {
        let id = self.id(name);
        self.drift().await?["resources"].as_array()?.iter().find(|entry| entry["id"] == *id).cloned()
    }

    pub fn id(&self, name: &str) -> String {
        format!("host/web-1/file//{}", self.root.join(name).display().to_string().trim_start_matches('/'))
    }

    /// Rows of a query.
    pub async fn sql(&self, query: &str) -> Option<Vec<Vec<Value>>> {
        let answer =
            self.http.post(format!("{}/api/sql?format=json", self.url)).body(query.to_owned()).send().await.ok()?;
        let mut answer: Value = answer.json().await.ok()?;
        serde_json::from_value(answer["rows"].take()).ok()
    }

    /// What `look` gives, once it gives something.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let start = self.clock.monotonic();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            if self.clock.monotonic() - start > PATIENCE {
                let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
                let end: Vec<&str> = log.lines().rev().take(40).collect();
                let drift = self.drift().await.unwrap_or_default();
                panic!("never: {what}\nlog, newest first:\n{}\ndrift: {drift:#}", end.join("\n"));
            }
            self.clock.sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root.join(name), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
    }
}
