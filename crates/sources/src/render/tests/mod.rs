mod bounds;
mod checkout;
mod helm;
mod kustomize;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base::Clock;

use super::*;

/// A checkout that a test writes.
struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn of(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let new = Self { dir };
        std::fs::create_dir(new.root()).unwrap();
        for (path, text) in files {
            let path = new.root().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        new
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("checkout")
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    async fn render(&self, folder: &str, config: &RenderConfig) -> Result<Vec<Rendered>, RenderError> {
        let names: Vec<String> = std::fs::read_dir(self.root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let renderer = Renderer::detect(&names).unwrap();
        let done = render(renderer, &self.root(), folder, &self.cache(), config, &Clock::system()).await;
        let left = std::fs::read_dir(self.cache().join("render")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "a temporary folder stays");
        done
    }

    /// A script, which another process writes: one that we had open for writing might not run.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let mut shell = Command::new("sh");
        let command = format!("cat > '{0}' && chmod +x '{0}'", path.display());
        let mut child = shell.args(["-c", &command]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        path
    }
}

/// A real program, of those that `tests/peers` installs or of `PATH`.
fn peer(names: &[&str], test: &str) -> Option<PathBuf> {
    let peers = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
    let home = || Some(Path::new(&std::env::var_os("HOME")?).join(".cache/steadfast/peers"));
    let bin = peers.or_else(home)?.join("bin");
    let installed = names.iter().map(|name| bin.join(name)).find(|path| path.is_file());
    let found = installed.or_else(|| program::find(names));
    if found.is_none() {
        eprintln!("skipped: {test}: none of {names:?} is installed");
    }
    found
}

fn bad(done: Result<Vec<Rendered>, RenderError>) -> String {
    match done.unwrap_err() {
        RenderError::Bad(flaw) => flaw.to_string(),
        RenderError::Unavailable(problem) => panic!("{problem}"),
    }
}

#[test]
fn a_folder_is_known_by_the_names_of_its_files() {
    let cases: &[(&[&str], Option<Renderer>)] = &[
        (&["a.yaml", "kustomization.yaml"], Some(Renderer::Kustomize)),
        (&["kustomization.yml"], Some(Renderer::Kustomize)),
        (&["Kustomization"], Some(Renderer::Kustomize)),
        (&["Chart.yaml", "values.yaml"], Some(Renderer::Helm)),
        (&["Chart.yaml", "kustomization.yaml"], Some(Renderer::Kustomize)),
        (&["chart.yaml", "Kustomization.yaml", "a.yaml"], None),
        (&[], None),
    ];
    for (names, renderer) in cases {
        assert_eq!(Renderer::detect(names), *renderer, "{names:?}");
    }
}
