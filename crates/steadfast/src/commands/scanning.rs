//! What the terminal says of a first scan: what is looked at, then how far that is.

use std::time::Duration;

use app::Config;

/// Between two lines of a scan that goes on.
const EVERY: Duration = Duration::from_secs(10);

/// What a process of this configuration looks at.
pub(super) fn looked_at(config: &Config) -> String {
    let host = &config.host;
    let mut parts = Vec::new();
    if host.files.enabled && !host.files.roots.is_empty() {
        let roots: Vec<String> = host.files.roots.iter().map(|root| root.path.display().to_string()).collect();
        parts.push(format!("files below {}", roots.join(", ")));
    }
    for (enabled, what) in [
        (host.packages.enabled, "packages"),
        (host.systemd.enabled, "units"),
        (host.accounts.enabled, "users"),
        (host.sysctl.enabled, "kernel parameters"),
        (host.sockets.enabled, "listening sockets"),
    ] {
        parts.extend(enabled.then(|| what.to_owned()));
    }
    parts.extend(config.kubernetes.as_slice().iter().map(|watched| format!("cluster {}", watched.cluster)));
    parts.join("; ")
}

/// Which lines are printed when.
pub(super) struct Lines {
    looked_at: String,
    /// When something was said last.
    said: Option<Duration>,
    last: String,
}

impl Lines {
    pub(super) const fn new(looked_at: String) -> Self {
        Self { looked_at, said: None, last: String::new() }
    }

    /// The line for what is being scanned at a time; none where that is not needed.
    pub(super) fn line(&mut self, now: Duration, scanning: &[String]) -> Option<String> {
        let first = self.said.is_none();
        let due = self.said.is_none_or(|said| now.saturating_sub(said) >= EVERY);
        let counts = scanning.join(", ");
        if scanning.is_empty() || !due || (!first && counts == self.last) {
            return None;
        }
        self.said = Some(now);
        if first {
            return Some(format!("first scan, of {}\n", self.looked_at));
        }
        let line = format!("first scan: {counts}\n");
        self.last = counts;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scanned_is_said_at_once_and_how_far_it_is_each_ten_seconds() {
        let mut lines = Lines::new("files below /etc; units".to_owned());
        let mut line = |millis: u64, scanning: &[&str]| {
            let scanning: Vec<String> = scanning.iter().map(|&text| text.to_owned()).collect();
            lines.line(Duration::from_millis(millis), &scanning)
        };
        assert_eq!(line(250, &[]), None, "nothing is scanned");
        assert_eq!(line(500, &["host.files"]).as_deref(), Some("first scan, of files below /etc; units\n"));
        assert_eq!(line(750, &["host.files 1,000 files"]), None);
        assert_eq!(line(10_400, &["host.files 2,000 files"]), None);
        let told = line(10_500, &["host.files 3,000 files", "host.packages"]);
        assert_eq!(told.as_deref(), Some("first scan: host.files 3,000 files, host.packages\n"));
        assert_eq!(line(30_000, &["host.files 3,000 files", "host.packages"]), None, "that is no news");
        assert!(line(30_250, &["host.packages"]).is_some());
    }

    #[test]
    fn what_is_looked_at_is_what_the_configuration_has() {
        let looked_at = looked_at(
            &Config::parse(
                "host: {files: {roots: [{path: /srv}]}, packages: {enabled: false}}\nkubernetes: {cluster: prod}\n",
            )
            .unwrap(),
        );
        assert_eq!(looked_at, "files below /srv; units; users; kernel parameters; listening sockets; cluster prod");
    }
}
