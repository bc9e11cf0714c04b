//! Programs that render: how they are found, what they are given, and what they say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::{Clock, Limit};
use rustix::fs::{Access, access};

use super::error::RenderError;
use super::place::Place;
use super::scratch::Scratch;
use crate::child::{Child, Failure};

/// Bytes of what is rendered from one folder.
const MAX_OUTPUT: Limit = Limit::new("render_output_bytes", 64 << 20);
/// Bytes of memory that a program may have.
const MEMORY: u64 = 2 << 30;
/// A port that nobody can listen on: what asks for the network fails at once.
const NO_PROXY: &str = "http://127.0.0.1:0";

/// A program that renders one folder.
pub(crate) struct Program<'a> {
    pub(crate) path: PathBuf,
    pub(crate) place: &'a Place,
    pub(crate) scratch: &'a Scratch,
    pub(crate) clock: &'a Clock,
    pub(crate) timeout: Duration,
}

/// Why a program gave nothing.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// What it said is wrong, with the names that files have in the repository.
    Said(String),
    /// It did not get so far.
    Early(RenderError),
}

impl Program<'_> {
    /// Runs it and gives what it wrote.
    ///
    /// # Errors
    /// [`Stopped`].
    pub(crate) async fn run(&self, args: Vec<std::ffi::OsString>) -> Result<String, Stopped> {
        let done = self.child()?.args(args).whole(self.clock, self.timeout, MAX_OUTPUT).await;
        let output = done.map_err(|failure| self.stopped(failure))?;
        String::from_utf8(output).map_err(|_| Stopped::Early(self.bad("renders to what is not UTF-8")))
    }

    /// The program with an empty home, no program to call, and no way to the network that it knows.
    fn child(&self) -> Result<Child, Stopped> {
        let home = self.scratch.path().join("home");
        if !home.exists() {
            self.scratch.folder("home").map_err(Stopped::Early)?;
        }
        let child = ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "PATH"]
            .into_iter()
            .fold(Child::keeping(&[], &self.path).memory(MEMORY), |child, name| child.env(name, &home));
        let child = ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS", "KUSTOMIZE_PLUGIN_HOME"]
            .into_iter()
            .fold(child, |child, name| child.env(name, &home));
        Ok(child.env("HTTP_PROXY", NO_PROXY).env("HTTPS_PROXY", NO_PROXY).env("GIT_ALLOW_PROTOCOL", ""))
    }

    fn bad(&self, problem: impl Into<String>) -> RenderError {
        RenderError::bad(self.place.title(), None, problem)
    }

    fn stopped(&self, failure: Failure) -> Stopped {
        let told = failure.to_string();
        Stopped::Early(match failure {
            Failure::Ended { said, status, .. } => {
                if ["out of memory", "cannot allocate memory"].iter().any(|cause| said.contains(cause)) {
                    self.bad(format!("needs more memory than the {MEMORY} bytes that rendering may take"))
                } else if status.code().is_some() {
                    return Stopped::Said(meant(&said, self.place.root(), self.scratch.path()).unwrap_or(told));
                } else {
                    RenderError::Unavailable(told)
                }
            }
            Failure::Large { .. } => self.bad(told),
            Failure::Late { .. } => RenderError::Unavailable(format!(
                "{}: {told}: mend what takes so long, or raise `timeout`",
                self.place.title()
            )),
            Failure::Start { .. } | Failure::Lost { .. } => RenderError::Unavailable(told),
        })
    }
}

/// The first program of one of these names, in the order of the names, in the folders of `PATH`.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.into_iter().find(|path| path.is_file() && access(path, Access::EXEC_OK).is_ok())
}

/// How much of what a program says is kept: its beginning and its end, where the cause is as a rule.
const HEAD: usize = 200;
const TAIL: usize = 500;

/// What a program says is wrong, in one line: without warnings and the names of our folders.
fn meant(said: &str, root: &Path, scratch: &Path) -> Option<String> {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !is_noise(line));
    let text = lines.map(unwrapped).collect::<Vec<_>>().join("; ");
    let root = root.to_string_lossy();
    let text = text.replace(&format!("{root}/"), "").replace(root.as_ref(), ".");
    let text = text.replace(scratch.to_string_lossy().as_ref(), "(a temporary folder)");
    let text: Vec<char> = without_patches(&text).chars().filter(|c| !c.is_control()).collect();
    if text.len() <= HEAD + TAIL {
        return (!text.is_empty()).then(|| text.into_iter().collect());
    }
    Some(text[..HEAD].iter().chain(&[' ', '…', ' ']).chain(&text[text.len() - TAIL..]).collect())
}

fn is_noise(line: &str) -> bool {
    let begins = ["# Warning:", "WARNING:", "Warning:", "Use --debug flag", "level=WARN", "level=INFO"];
    let logged = line.starts_with(['W', 'I']) && is_logged(line);
    logged || begins.iter().any(|begin| line.starts_with(begin)) || line.contains(" found symbolic link in path")
}

/// Whether a line begins as Kubernetes' programs log: `E1126 05:00:45.193922 ...`.
fn is_logged(line: &str) -> bool {
    line.get(1..6).is_some_and(|date| date.bytes().take(4).all(|b| b.is_ascii_digit()) && date.ends_with(' '))
}

/// A line without what every error begins with.
fn unwrapped(line: &str) -> String {
    if is_logged(line)
        && let Some((_, error)) = line.split_once(" err=\"")
    {
        let error = error.strip_suffix('"').unwrap_or(error);
        return error.replace("\\n", " ").replace("\\t", " ").replace("\\\"", "\"").replace("\\\\", "\\");
    }
    let rest = line.strip_prefix("Error: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(line);
    rest.to_owned()
}

/// Kustomize repeats a whole patch that it cannot read, twice; what stands in one may be secret.
fn without_patches(text: &str) -> String {
    let text = text.split_once(" from [patch: ").map_or(text, |(before, _)| before);
    match text.split_once(" with config: `") {
        Some((before, rest)) => format!("{before}{}", rest.rsplit_once('`').map_or("", |(_, after)| after)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        meant(text, Path::new("/cache/render/c-0"), Path::new("/cache/render/s-1"))
    }

    #[test]
    fn what_a_program_says_is_short_and_names_the_files_of_the_repository() {
        let kubectl = "# Warning: 'bases' is deprecated.\n\
                       E1126 05:00:45.193922   18324 run.go:72] \"command failed\" err=\"invalid \\\"x\\\" in \
                       '/cache/render/c-0/base'\"\n";
        assert_eq!(said(kubectl).unwrap(), "invalid \"x\" in 'base'");
        let helm = "WARNING: old\nError: no \x1b[1m/cache/render/s-1/x of /cache/render/c-0\n\nUse --debug flag to see";
        assert_eq!(said(helm).unwrap(), "no [1m(a temporary folder)/x of .");
        assert_eq!(said("# Warning: x\n"), None);
        let long = said(&format!("Error: first{}last", "ä".repeat(5000))).unwrap();
        assert!(long.starts_with("first") && long.ends_with("last") && long.chars().count() == HEAD + TAIL + 3);
        let patch = "error: trouble configuring builtin PatchTransformer with config: `\npatch: 'password: hunter2'\n`: \
                     unable to parse SM or JSON patch from [patch: \"password: hunter2\"]";
        assert_eq!(
            said(patch).unwrap(),
            "trouble configuring builtin PatchTransformer: unable to parse SM or JSON patch"
        );
    }

    #[test]
    fn programs_are_found_by_their_names_in_order() {
        assert!(find(&["no-such-program", "sh"]).unwrap().ends_with("sh"));
        assert_eq!(find(&["no-such-program"]), None);
    }
}
