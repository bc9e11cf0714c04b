//! Fields that users say are no drift: by path, by jq expression or by who wrote them.

use globset::{Glob, GlobSet, GlobSetBuilder};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use model::{FieldChange, FieldReason, ResourceId};
use serde::Deserialize;
use serde_json::Value;

/// Paths that one expression gives at most.
const PATHS: usize = 10_000;

/// What is no drift, and why.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IgnoreRule {
    /// Kinds as ids have them, as globs; every kind if empty.
    pub kinds: Vec<String>,
    /// Namespaces, as globs; every one if empty.
    pub namespaces: Vec<String>,
    /// Names, as globs; every one if empty.
    pub names: Vec<String>,
    /// Labels that the live object has.
    pub labels: model::Labels,
    /// JSON pointers, `*` for a part of a step, `**` for any steps; what is below one is meant, too.
    pub paths: Vec<String>,
    /// jq expressions that give places in the live object (`.spec.template.spec.containers[].image`).
    /// Keyed lists are objects there: `.containers["name=app"]`.
    pub jq: Vec<String>,
    /// Who wrote the field, as globs.
    pub managers: Vec<String>,
    /// Why that is no drift; shown with what it hides.
    pub why: String,
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ignore rule {number}: {key}: {problem}")]
pub struct IgnoreError {
    /// Which rule, from 1.
    number: usize,
    key: &'static str,
    problem: String,
}

/// The rules, ready to be used.
#[derive(Default)]
pub(super) struct Ignore(Vec<Rule>);

struct Rule {
    rule: IgnoreRule,
    kinds: GlobSet,
    namespaces: GlobSet,
    names: GlobSet,
    managers: GlobSet,
    jq: Vec<Filter>,
}

type Filter = jaq_core::Filter<data::JustLut<Val>>;

impl std::fmt::Debug for Ignore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|rule| &rule.rule)).finish()
    }
}

impl Ignore {
    /// Reads the rules.
    ///
    /// # Errors
    /// Names the rule and the key that cannot be used.
    pub(super) fn new(rules: &[IgnoreRule]) -> Result<Self, IgnoreError> {
        let rule = |(n, rule): (usize, &IgnoreRule)| Rule::new(n + 1, rule);
        Ok(Self(rules.iter().enumerate().map(rule).collect::<Result<_, _>>()?))
    }

    /// Takes out what is ignored of the fields in which `id` differs; gives how many.
    pub(super) fn apply(&self, id: Option<&ResourceId>, live: &Value, fields: &mut Vec<FieldChange>) -> usize {
        let before = fields.len();
        for rule in &self.0 {
            if fields.is_empty() || !id.is_some_and(|id| rule.is_about(id, live)) {
                continue;
            }
            let places = rule.places(live);
            let had = fields.len();
            fields.retain(|field| field.reason == FieldReason::Unseen || !rule.hides(field, &places));
            let hidden = had - fields.len();
            if hidden > 0 {
                metrics::counter!("steadfast_drift_ignored_fields_total", "why" => rule.rule.why.clone())
                    .increment(hidden as u64);
            }
        }
        before - fields.len()
    }
}

impl Rule {
    fn new(number: usize, rule: &IgnoreRule) -> Result<Self, IgnoreError> {
        let error = |key| move |problem: String| IgnoreError { number, key, problem };
        let globs = |key, texts: &[String]| globs(texts).map_err(error(key));
        if rule.paths.is_empty() && rule.jq.is_empty() && rule.managers.is_empty() {
            return Err(error("paths")("one of `paths`, `jq` and `managers` must say what is ignored".to_owned()));
        }
        if let Some(path) = rule.paths.iter().find(|path| !path.starts_with('/')) {
            return Err(error("paths")(format!("`{path}` must be a JSON pointer, such as `/spec/replicas`")));
        }
        if rule.why.is_empty() {
            return Err(error("why")("must say why this is no drift".to_owned()));
        }
        Ok(Self {
            kinds: globs("kinds", &rule.kinds)?,
            namespaces: globs("namespaces", &rule.namespaces)?,
            names: globs("names", &rule.names)?,
            managers: globs("managers", &rule.managers)?,
            jq: rule.jq.iter().map(|code| compile(code)).collect::<Result<_, _>>().map_err(error("jq"))?,
            rule: rule.clone(),
        })
    }

    fn is_about(&self, id: &ResourceId, live: &Value) -> bool {
        let any = |globs: &GlobSet, text: &str| globs.is_empty() || globs.is_match(text);
        let label = |name: &String| live.pointer("/metadata/labels").and_then(|labels| labels.get(name));
        any(&self.kinds, id.kind())
            && any(&self.namespaces, id.namespace())
            && any(&self.names, id.name())
            && self.rule.labels.iter().all(|(name, value)| label(name).is_some_and(|other| other == value))
    }

    /// The places in the live object that its expressions give; none if one fails there.
    fn places(&self, live: &Value) -> Vec<String> {
        self.jq.iter().flat_map(|filter| places(filter, live)).collect()
    }

    fn hides(&self, field: &FieldChange, places: &[String]) -> bool {
        let by = self.managers.is_empty() || field.owner.as_deref().is_some_and(|owner| self.managers.is_match(owner));
        let anywhere = self.rule.paths.is_empty() && self.jq.is_empty();
        let at = |place: &String| is_below(place, &field.path);
        by && (anywhere
            || self.rule.paths.iter().any(|path| kubernetes::is_at(path, &field.path))
            || places.iter().any(at))
    }
}

fn globs(texts: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(Glob::new(text).map_err(|error| error.to_string())?);
    }
    set.build().map_err(|error| error.to_string())
}

/// Whether `path` is `place` or below it.
fn is_below(place: &str, path: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Words of jq that reach out of the object: what a fold says depends on its records only.
const OUTSIDE: &[&str] = &[
    "now",
    "localtime",
    "strflocaltime",
    "env",
    "ENV",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "input_filename",
    "debug",
    "stderr",
];

/// Words of jq with which an expression may go on without end.
const ENDLESS: &[&str] = &["def", "repeat", "until", "while", "range", "recurse", "limit", "foreach", "reduce"];

fn compile(code: &str) -> Result<Filter, String> {
    for word in words(code) {
        if OUTSIDE.contains(&word) {
            return Err(format!("`{word}` must not be used: an expression sees the object only"));
        }
        if ENDLESS.contains(&word) {
            return Err(format!("`{word}` must not be used: an expression says where, and that ends"));
        }
    }
    let code = format!("[limit({PATHS}; path({code}))]");
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs).load(&arena, File { code: code.as_str(), path: () });
    let modules = modules.map_err(|_| "is no jq expression".to_owned())?;
    let unknown = |errors: jaq_core::compile::Errors<&str, ()>| {
        let names: Vec<&str> = errors.iter().flat_map(|(_, errors)| errors.iter().map(|(name, _)| *name)).collect();
        format!("jq does not know `{}`", names.join("`, `"))
    };
    Compiler::default().with_funs(funs).compile(modules).map_err(unknown)
}

/// The names that an expression calls: no members (`.env`), no texts.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (n, part) in code.split('"').enumerate().filter(|(n, _)| n % 2 == 0) {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut before = if n == 0 { ' ' } else { '"' };
        for piece in part.split_inclusive(|c: char| !is_word(c)) {
            let word = piece.trim_end_matches(|c: char| !is_word(c));
            if !word.is_empty() && before != '.' {
                words.push(word);
            }
            before = piece.chars().next_back().unwrap_or(before);
        }
    }
    words
}

fn places(filter: &Filter, live: &Value) -> Vec<String> {
    let Ok(input) = read::parse_single(live.to_string().as_bytes()) else { return Vec::new() };
    let ctx = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let paths = filter.id.run((ctx, input)).map(unwrap_valr).next();
    let Some(Ok(paths)) = paths else { return Vec::new() };
    let paths: Vec<Vec<Value>> = serde_json::from_str(&paths.to_string()).unwrap_or_default();
    paths.iter().map(|path| path.iter().map(pointer_step).collect()).collect()
}

fn pointer_step(step: &Value) -> String {
    let text = step.as_str().map_or_else(|| step.to_string(), str::to_owned);
    format!("/{}", text.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::compare::change;
    use super::*;

    fn rule(text: Value) -> IgnoreRule {
        serde_json::from_value(text).unwrap()
    }

    fn left(rules: &[IgnoreRule]) -> Vec<String> {
        let id = "k8s/prod/apps.Deployment/shop/web".parse().unwrap();
        let live = json!({
            "metadata": {"labels": {"team": "a"}},
            "spec": {"replicas": 3, "containers": {"name=app": {"image": "x"}, "name=istio-proxy": {"image": "y"}}},
        });
        let field = |path: &str, owner: &str| {
            let mut field = change(path.to_owned(), FieldReason::Modified, Value::Null, Value::Null);
            field.owner = Some(owner.to_owned());
            field
        };
        let mut fields = vec![
            field("/spec/replicas", "my-operator"),
            field("/spec/containers/name=app/image", "kubectl-edit"),
            field("/spec/containers/name=istio-proxy/image", "pilot"),
        ];
        let ignored = Ignore::new(rules).unwrap().apply(Some(&id), &live, &mut fields);
        assert_eq!(ignored + fields.len(), 3);
        fields.into_iter().map(|field| field.path).collect()
    }

    #[test]
    fn rules_hide_by_path_expression_manager_and_label() {
        let (replicas, app, proxy) =
            ("/spec/replicas", "/spec/containers/name=app/image", "/spec/containers/name=istio-proxy/image");
        let cases = [
            (json!({"why": "x", "paths": ["/spec/replicas"]}), vec![app, proxy]),
            (json!({"why": "x", "paths": ["/spec/containers/*"]}), vec![replicas]),
            (json!({"why": "x", "managers": ["my-*"]}), vec![app, proxy]),
            (json!({"why": "x", "managers": ["my-*"], "paths": ["/spec/containers/**"]}), vec![replicas, app, proxy]),
            (json!({"why": "x", "jq": [".spec.containers[] | select(.image == \"y\")"]}), vec![replicas, app]),
            (json!({"why": "x", "jq": [".spec.containers[\"name=app\"].image"]}), vec![replicas, proxy]),
            (json!({"why": "x", "jq": [".spec.containers[].env, .spec[\"input\"]"]}), vec![replicas, app, proxy]),
            (json!({"why": "x", "paths": ["/spec/**"], "labels": {"team": "b"}}), vec![replicas, app, proxy]),
            (json!({"why": "x", "paths": ["/spec/**"], "labels": {"team": "a"}}), vec![]),
            (json!({"why": "x", "paths": ["/spec/**"], "kinds": ["Service"]}), vec![replicas, app, proxy]),
            (json!({"why": "x", "paths": ["/spec/**"], "namespaces": ["sh*"], "names": ["web"]}), vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(left(&[rule(text.clone())]), expected, "{text}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_used_is_named() {
        for (text, expected) in [
            (json!({"why": "x"}), "ignore rule 1: paths: one of"),
            (json!({"why": "x", "paths": ["spec"]}), "ignore rule 1: paths: `spec` must be a JSON pointer"),
            (json!({"paths": ["/spec"]}), "ignore rule 1: why: must say why"),
            (json!({"why": "x", "jq": [".spec["]}), "ignore rule 1: jq: is no jq expression"),
            (json!({"why": "x", "jq": ["nonsense"]}), "ignore rule 1: jq: jq does not know `nonsense`"),
            (json!({"why": "x", "jq": [".a | halt"]}), "ignore rule 1: jq: `halt` must not be used"),
            (json!({"why": "x", "jq": ["def f: f; f"]}), "ignore rule 1: jq: `def` must not be used"),
            (json!({"why": "x", "managers": ["["]}), "ignore rule 1: managers: "),
        ] {
            let error = Ignore::new(&[rule(text)]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
