//! What a start would refuse of a configuration, all of it at once: what `check-config` says, and a start before it
//! changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::{Clock, DigestKey};
use collectors::syslog::SyslogError;
use kubernetes::Clusters;

use crate::config::{Draft, Problem};
use crate::{AppError, Config, Role};
use crate::{alerting, declaring, folding, intakes, keys, own, psql, receivers, ruling, scraping};

/// What was found wrong with a configuration file: one line each, with its place and the whole name of the setting.
#[derive(Debug)]
pub struct Checked {
    /// The configuration, but for what is wrong in it.
    pub config: Config,
    /// What is wrong.
    pub mistakes: Vec<String>,
    /// Secrets and certificates that are not here, as where a file is checked for another machine: a start here would refuse that.
    pub absent: Vec<String>,
}

/// Checks a file, and those that it names.
///
/// # Errors
/// The file cannot be read at all.
pub async fn check_file(file: &Path) -> Result<Checked, AppError> {
    let Draft { config, problems, broken } = Config::draft(file)?;
    let mut refused = Refused { config: &config, problems, lines: Vec::new(), absent: Vec::new() };
    refused.all(&broken).await;
    let (mistakes, absent) = refused.told();
    Ok(Checked { config, mistakes, absent })
}

/// Checks what is to be started.
///
/// # Errors
/// All that is wrong, and the secrets that are not there.
pub(crate) async fn check(config: &Config) -> Result<(), AppError> {
    let mut refused = Refused { config, problems: Vec::new(), lines: Vec::new(), absent: Vec::new() };
    refused.all(&BTreeSet::new()).await;
    let (mut lines, absent) = refused.told();
    lines.extend(absent);
    if lines.is_empty() { Ok(()) } else { Err(AppError::Manifest { problems: lines.join("\n") }) }
}

/// What is refused.
struct Refused<'a> {
    config: &'a Config,
    /// Of the configuration itself.
    problems: Vec<Problem>,
    /// Of files that it names.
    lines: Vec<String>,
    absent: Vec<Problem>,
}

impl Refused<'_> {
    /// What the parts of a process refuse, each by the function that it starts with. `broken`: the sections that lack
    /// something which is written in them.
    async fn all(&mut self, broken: &BTreeSet<String>) {
        let whole = |section: &str| !broken.contains(section);
        let (config, clock) = (self.config, Clock::system());
        self.note(keys::given_key(config).err());
        self.reached();
        self.note(own::back_end(config).err());
        if whole("receivers") {
            let folds = folding::folds(config, Default::default(), Default::default(), Default::default());
            self.note(folds.err());
        }
        for receiver in &config.receivers {
            let built = config.has(Role::Alerting).then(|| receivers::build(receiver, config, &clock).err());
            self.note(built.flatten());
            self.note(receivers::inbound(receiver).err());
        }
        if config.has(Role::Watching) {
            match self.declared(&clock) {
                Ok(problems) => problems.into_iter().for_each(|error| self.note(Some(error))),
                Err(error) => self.note(Some(error)),
            }
            for port in &config.syslog {
                self.note(port.check_files().err().map(|error| match &error {
                    SyslogError::Tls { error: file, .. } if !file.file.exists() => AppError::secret("syslog", error),
                    _ => AppError::part("syslog", error),
                }));
            }
        }
        if whole("alertmanager") {
            alerting::problems(config, &clock).into_iter().for_each(|error| self.note(Some(error)));
        }
        if whole("rules") {
            self.note(ruling::check(config).await.err());
        }
        if whole("scrape") {
            self.note(scraping::check(config).err());
        }
    }

    /// What others reach.
    fn reached(&mut self) {
        let config = self.config;
        let mut taken = BTreeMap::new();
        for cluster in config.kubernetes.as_slice() {
            match intakes::audits(std::slice::from_ref(cluster)) {
                Ok((intakes, _)) => taken.extend(intakes),
                Err(error) => self.note(Some(error)),
            }
        }
        for error in config.server.problems(&taken) {
            self.note(Some(match &error {
                server::ServerError::Token { name, source } => {
                    AppError::secret(format!("server.tokens.{name}.secret"), source)
                }
                server::ServerError::Intake { name, problem } => {
                    let cluster = name.trim_start_matches("kubernetes/").trim_end_matches("/audit");
                    AppError::part(format!("kubernetes.{cluster}.audit.webhook.token"), problem)
                }
                server::ServerError::Table { name, source } => {
                    AppError::part(format!("server.tokens.{name}.tables"), source)
                }
                server::ServerError::Tls { path, problem } if !path.exists() => {
                    AppError::secret("server.tls", format!("{}: {problem}", path.display()))
                }
                _ => error.into(),
            }));
        }
        if !psql::is_wanted(config) {
            return;
        }
        for error in config.postgres.problems(config.server.tokens.iter().map(|token| token.name.as_str())) {
            self.note(Some(match &error {
                postgres::PostgresError::Secret { name, source } => {
                    AppError::secret(format!("postgres.users.{name}.secret"), source)
                }
                postgres::PostgresError::Table { name, source } => {
                    AppError::part(format!("postgres.users.{name}.tables"), source)
                }
                _ => error.into(),
            }));
        }
    }

    /// What is wrong with sources of what is declared.
    fn declared(&self, clock: &Clock) -> Result<Vec<AppError>, AppError> {
        // Nothing is digested with it.
        let key = DigestKey::generate().map_err(|error| AppError::file("/dev/urandom", error))?;
        let clusters = Clusters::default();
        self.config.kubernetes.as_slice().iter().for_each(|watched| clusters.get(&watched.cluster).watch());
        let context = declaring::context(self.config, &key, &clusters, clock)?;
        Ok(declaring::sources(&self.config.desired, &context).into_iter().filter_map(Result::err).collect())
    }

    fn note(&mut self, error: Option<AppError>) {
        match error {
            None => {}
            Some(error @ (AppError::File { .. } | AppError::Manifest { .. })) => {
                self.lines.extend(error.to_string().lines().map(str::to_owned));
            }
            Some(error @ AppError::Secret { .. }) => self.absent.push(self.placed(&error)),
            Some(error) => self.problems.push(self.placed(&error)),
        }
    }

    fn placed(&self, error: &AppError) -> Problem {
        let text = error.to_string();
        // Each begins with the name of its setting.
        let setting = text.split(": ").next().unwrap_or_default().to_owned();
        self.config.problem(&setting, text)
    }

    /// Lines of what is wrong, and of secrets that are not there.
    fn told(mut self) -> (Vec<String>, Vec<String>) {
        let config = self.config;
        let told = |problems: &mut Vec<Problem>| {
            problems.sort();
            problems.dedup();
            problems.iter().map(|problem| config.told(problem)).collect::<Vec<_>>()
        };
        let (mut mistakes, absent) = (told(&mut self.problems), told(&mut self.absent));
        mistakes.extend(self.lines);
        (mistakes, absent)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{App, Options};

    /// The files of a case.
    fn files(case: &str) -> BTreeMap<&str, String> {
        let mut files = BTreeMap::<&str, String>::new();
        let mut name = "";
        for line in case.lines() {
            match line.strip_prefix("==> ").and_then(|line| line.strip_suffix(" <==")) {
                Some(next) => name = next,
                None => files.entry(name).or_default().extend([line, "\n"]),
            }
        }
        files
    }

    /// Whether each line found begins as one that is expected, in that order.
    fn compare(case: &str, what: &str, expected: &str, found: &[String]) {
        let fits = |(line, found): (&str, &String)| found.starts_with(line);
        let same = expected.lines().count() == found.len() && expected.lines().zip(found).all(fits);
        assert!(same, "{case}: {what} is\n{}\nand not\n{expected}", found.join("\n"));
    }

    /// Each `cases/check/*.case` is the files of a folder, each below a line `==> NAME <==`; then, `refused`, how each line begins that
    /// is said of `steadfast.yaml`, and, `absent`, of secrets that are not there. `$DIR` is the folder.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_checked_is_what_a_start_refuses() {
        let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/check");
        let mut paths: Vec<_> = std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
        paths.sort();
        assert!(paths.len() > 5);
        for path in paths {
            let folder = tempfile::tempdir().unwrap();
            let dir = folder.path().display().to_string();
            let (name, text) = (path.display().to_string(), std::fs::read_to_string(&path).unwrap());
            let text = text.replace("$DIR", &dir);
            let files = files(&text);
            for (name, text) in &files {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
            let file = folder.path().join("steadfast.yaml");
            let Checked { config, mistakes, absent } = check_file(&file).await.unwrap();
            // What is of the configuration itself has its file first.
            let own = format!("{}:", file.display());
            let short = |lines: &[String]| -> Vec<String> {
                lines.iter().map(|line| line.strip_prefix(&own).unwrap_or(line).to_owned()).collect()
            };
            let expected = |what: &str| files.get(what).map(String::as_str).unwrap_or_default();
            compare(&name, "what is refused", expected("refused"), &short(&mistakes));
            compare(&name, "what is absent", expected("absent"), &short(&absent));
            // What cannot be read has no start.
            if Config::load(&file).is_ok() && !(mistakes.is_empty() && absent.is_empty()) {
                let mut config = config;
                config.data_dir = folder.path().join("data");
                let error = App::start(config, Options::default()).await.err().unwrap().to_string();
                let told: Vec<String> = error.lines().map(str::to_owned).collect();
                assert_eq!(told, [mistakes, absent].concat(), "{name}");
                assert!(!folder.path().join("data").exists(), "{name}: something was changed");
            }
        }
    }
}
