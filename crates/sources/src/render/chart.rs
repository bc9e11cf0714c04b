//! What a chart says of itself, and what its templates gave.

use std::collections::BTreeMap;

use super::Rendered;
use super::error::RenderError;
use super::place::{DIALECT, Place, member, text};
use crate::yaml::{Errors, Tree, parse};

pub(super) const CHART: &str = "Chart.yaml";
/// Where charts of the first version have their dependencies.
const REQUIREMENTS: &str = "requirements.yaml";

/// What a chart is called, and its dependencies with the file and line that ask for them.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) name: String,
    dependencies: Vec<(String, String, u64)>,
}

impl Chart {
    /// Reads the chart in a folder.
    ///
    /// # Errors
    /// [`RenderError::Bad`] if it is none.
    pub(super) fn read(place: &Place) -> Result<Self, RenderError> {
        let documents = place.documents(CHART)?.unwrap_or_default();
        let name = documents.first().and_then(|document| text(document, "name")).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| RenderError::bad(place.name(CHART), None, "`name`: is missing"))?.to_owned();
        let mut dependencies = Vec::new();
        let required = place.documents(REQUIREMENTS)?.unwrap_or_default();
        for (file, documents) in [(CHART, &documents), (REQUIREMENTS, &required)] {
            let Some(Tree::List(items)) =
                documents.first().and_then(|node| member(node, "dependencies")).map(|n| &n.tree)
            else {
                continue;
            };
            let named = items.iter().filter_map(|item| Some((text(item, "name")?.to_owned(), item.place.line)));
            dependencies.extend(named.map(|(name, line)| (name, place.name(file), line)));
        }
        Ok(Self { name, dependencies })
    }

    /// An error of helm with the file that it is about.
    pub(super) fn named(&self, place: &Place, problem: String) -> RenderError {
        if let Some((_, missing)) = problem.split_once("missing in charts/ directory: ") {
            return self.missing(place, missing);
        }
        match self.template(&problem) {
            Some((file, line)) => RenderError::bad(place.name(file), line, problem),
            None => RenderError::bad(place.name(CHART), None, problem),
        }
    }

    fn missing(&self, place: &Place, names: &str) -> RenderError {
        let names = names.split([';', '\n']).next().unwrap_or_default().trim();
        let first = names.split(',').next().unwrap_or_default().trim();
        let asked = self.dependencies.iter().find(|(name, ..)| name == first);
        let (file, line) =
            asked.map_or_else(|| (place.name(CHART), None), |(_, file, line)| (file.clone(), Some(*line)));
        let problem = format!(
            "needs what is not in {}: {names}. Rendering fetches nothing: run `helm dependency build`, and commit what it \
             puts there",
            place.name("charts/")
        );
        RenderError::bad(file, line, problem)
    }

    /// The template that a text names, relative to the chart, and its line.
    fn template<'a>(&self, text: &'a str) -> Option<(&'a str, Option<u64>)> {
        let starts = ["templates/", "charts/", "crds/"].iter().filter_map(|folder| {
            let at = text.find(&format!("{}/{folder}", self.name))?;
            Some(at + self.name.len() + 1)
        });
        let rest = &text[starts.min()?..];
        let end = rest.find(|c: char| c.is_whitespace() || ":;()<>\"'`,".contains(c)).unwrap_or(rest.len());
        let line = rest[end..].strip_prefix(':').map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        Some((&rest[..end], line.flatten().and_then(|line| line.parse().ok())))
    }
}

/// What `helm template` wrote, by the template that it is from. Hooks are left out: what they make
/// does not stay in the cluster.
pub(super) fn split(output: &str, place: &Place) -> Vec<Rendered> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut source = CHART;
    for document in cut(output) {
        let first = document.lines().next().unwrap_or_default();
        if let Some(named) = first.strip_prefix("# Source: ") {
            source = within(named.trim());
        }
        let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if document.lines().all(blank) || (!is_crd_folder(source) && is_hook(document)) {
            continue;
        }
        let text = files.entry(place.name(source)).or_default();
        if !text.is_empty() {
            text.push_str("---\n");
        }
        text.push_str(document);
        if !document.ends_with('\n') {
            text.push('\n');
        }
    }
    files.into_iter().map(|(file, text)| Rendered { file, text }).collect()
}

/// The documents of a text, without the lines between them.
fn cut(output: &str) -> Vec<&str> {
    let (mut documents, mut start, mut at) = (Vec::new(), 0, 0);
    for line in output.split_inclusive('\n') {
        if line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            documents.push(&output[start..at]);
            start = at + line.len();
        }
        at += line.len();
    }
    documents.push(&output[start..]);
    documents
}

/// A template's name relative to the chart's folder: helm begins it with the chart's name, which
/// the folder need not have.
fn within(source: &str) -> &str {
    let path = source.split_once('/').map_or(CHART, |(_, path)| path);
    if path.is_empty() || path.split('/').any(|part| part == "..") { CHART } else { path }
}

/// Whether a file is in the `crds` folder of a chart or of one in it, which is not for templates.
fn is_crd_folder(mut path: &str) -> bool {
    while let Some((_, below)) = path.strip_prefix("charts/").and_then(|rest| rest.split_once('/')) {
        path = below;
    }
    path.starts_with("crds/")
}

fn is_hook(document: &str) -> bool {
    const HOOK: &str = "helm.sh/hook";
    // What cannot be read is no hook, and whoever reads it next says why.
    document.contains(HOOK)
        && parse(document, DIALECT, &mut Errors::new("")).iter().any(|node| {
            member(node, "metadata")
                .and_then(|node| member(node, "annotations"))
                .is_some_and(|node| member(node, HOOK).is_some())
        })
}
