//! What a server serves: the resources of the kinds that are wanted, and their schemas.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use base::Limit;
use kubernetes::schema::{ApiKind, Schema};
use kubernetes::{Known, id_kind};
use model::ResourceId;
use serde_json::Value;

use super::api::{Api, ApiError};
use super::objects::Role;

/// Bytes of a list of resources or of schemas.
const INDEX: Limit = Limit::new("kubernetes_discovery_bytes", 8 << 20);
/// Bytes of one group's schema.
const SCHEMA: Limit = Limit::new("kubernetes_schema_bytes", 64 << 20);

/// A kind as the server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Served {
    pub kind: ApiKind,
    /// The name in paths: `deployments`.
    pub plural: String,
    pub namespaced: bool,
}

impl Served {
    /// The path of all its objects, or of those in a namespace.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let root = root(&self.kind.api_version);
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }
}

/// Whether all that is known of the kind is what the server says.
fn is_custom(served: &Served) -> bool {
    Schema::builtin().kind(&served.kind).is_none()
}

fn root(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}

/// The path of one object.
pub(super) fn object_path(role: &Role, id: &ResourceId) -> String {
    path_of(&role.kind, &role.plural, id)
}

/// The same, by its kind and the name of that in paths.
pub(super) fn path_of(kind: &ApiKind, plural: &str, id: &ResourceId) -> String {
    let (root, name) = (root(&kind.api_version), id.name());
    match id.namespace() {
        "" => format!("{root}/{plural}/{name}"),
        namespace => format!("{root}/namespaces/{namespace}/{plural}/{name}"),
    }
}

/// What became of the kinds that are wanted.
#[derive(Debug, Default)]
pub(super) struct Discovered {
    pub served: Vec<Served>,
    /// Why others are not: for people.
    pub problems: Vec<String>,
    pub namespaced: HashMap<ApiKind, bool>,
    pub unserved: BTreeSet<ApiKind>,
    /// Of which it cannot be known whether they are served, each with why.
    pub unread: Vec<(ApiKind, String)>,
}

/// Asks for the resources of each group and version that is wanted.
pub(super) async fn discover(api: &Api, wanted: &BTreeSet<ApiKind>) -> Result<Discovered, ApiError> {
    let mut discovered = Discovered::default();
    let mut groups: BTreeMap<&str, Vec<&ApiKind>> = BTreeMap::new();
    wanted.iter().for_each(|kind| groups.entry(&kind.api_version).or_default().push(kind));
    for (version, kinds) in groups {
        let list = match api.json(&root(version), INDEX).await {
            Ok(list) => list,
            Err(ApiError::NotFound(_)) => Value::Null,
            Err(error @ (ApiError::Forbidden(_) | ApiError::Server(_))) => {
                discovered.problems.push(format!("{version}: {error}"));
                let why = unread(&error, version);
                discovered.unread.extend(kinds.into_iter().map(|kind| (kind.clone(), why.clone())));
                continue;
            }
            Err(error) => return Err(error),
        };
        let resources = list.get("resources").and_then(Value::as_array).into_iter().flatten();
        let served: Vec<Served> = resources.filter_map(|resource| served(version, resource)).collect();
        discovered.namespaced.extend(served.iter().map(|served| (served.kind.clone(), served.namespaced)));
        for kind in kinds {
            match served.iter().find(|served| served.kind == *kind) {
                Some(served) => discovered.served.push(served.clone()),
                None => {
                    discovered.problems.push(format!("{version} {} is not served", kind.kind));
                    discovered.unserved.insert(kind.clone());
                }
            }
        }
    }
    Ok(discovered)
}

/// Why it is not known which kinds a version has.
fn unread(error: &ApiError, version: &str) -> String {
    match error {
        ApiError::Forbidden(_) => format!("no right to ask which kinds {version} has"),
        _ => format!("the server does not say which kinds {version} has"),
    }
}

/// Of each kind that is wanted one version: the server has each object in all of them. The most stable one is taken,
/// then the newest, as Kubernetes' own clients prefer them.
pub(super) fn one_version(served: &[Served], wanted: &BTreeSet<ApiKind>) -> BTreeSet<ApiKind> {
    let mut best: BTreeMap<String, &ApiKind> = BTreeMap::new();
    for kind in served.iter().map(|served| &served.kind).filter(|kind| wanted.contains(kind)) {
        let known = best.entry(id_kind(kind)).or_insert(kind);
        if rank(&kind.api_version) > rank(&known.api_version) {
            *known = kind;
        }
    }
    best.into_values().cloned().collect()
}

/// How stable a version is: 2 for `v1`, 1 for `v1beta2`, 0 for `v1alpha1`, less for others; then its numbers.
fn rank(api_version: &str) -> (i8, u32, u32) {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let parsed = version.strip_prefix('v').and_then(|rest| {
        for (stage, word) in [(1, "beta"), (0, "alpha")] {
            if let Some((major, minor)) = rest.split_once(word) {
                return Some((stage, major.parse().ok()?, minor.parse().ok()?));
            }
        }
        Some((2, rest.parse().ok()?, 0))
    });
    parsed.unwrap_or((-1, 0, 0))
}

/// Kinds that are read beside those that are wanted: group, name, and versions that we know, the newest first.
pub(super) type Beside = (&'static str, &'static str, &'static [&'static str]);

/// Those of them that the server serves, without those that are wanted anyway. Where there is none, the server is asked once.
pub(super) async fn beside(api: &Api, kinds: &[Beside], wanted: &BTreeSet<ApiKind>) -> Result<Discovered, ApiError> {
    let other = |kind: &ApiKind| !wanted.iter().any(|wanted| id_kind(wanted) == id_kind(kind));
    let groups = match api.json("/apis", INDEX).await {
        Ok(groups) => groups,
        Err(ApiError::NotFound(_)) => return Ok(Discovered::default()),
        Err(error @ (ApiError::Forbidden(_) | ApiError::Server(_))) => {
            let newest = |(group, kind, versions): &Beside| {
                let api_version = full(group, versions.first().copied().unwrap_or_default());
                ApiKind { api_version, kind: (*kind).to_owned() }
            };
            let why = unread(&error, "the server");
            let unread = kinds.iter().map(newest).filter(other).map(|kind| (kind, why.clone())).collect();
            return Ok(Discovered { unread, ..Discovered::default() });
        }
        Err(error) => return Err(error),
    };
    let list = |of: &Value, member: &str| of.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let versions = list(&groups, "groups").into_iter().flat_map(|group| list(&group, "versions"));
    let versions: BTreeSet<String> =
        versions.filter_map(|version| version.get("groupVersion")?.as_str().map(str::to_owned)).collect();
    let mut found = Discovered::default();
    for (group, kind, known) in kinds {
        // The core has no group that could be listed, and is always there.
        let mut known = known.iter().map(|version| full(group, version));
        let Some(api_version) = known.find(|version| group.is_empty() || versions.contains(version)) else { continue };
        let kind = ApiKind { api_version, kind: (*kind).to_owned() };
        if other(&kind) {
            let one = discover(api, &BTreeSet::from([kind])).await?;
            found.served.extend(one.served);
            found.unread.extend(one.unread);
        }
    }
    Ok(found)
}

/// A version with its group, if it has one.
fn full(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// A resource that can be listed and watched; subresources cannot.
fn served(version: &str, resource: &Value) -> Option<Served> {
    let text = |member: &str| resource.get(member).and_then(Value::as_str);
    let plural = text("name").filter(|name| !name.contains('/'))?;
    let verbs = resource.get("verbs").and_then(Value::as_array)?;
    let can = |verb: &str| verbs.iter().any(|other| other == verb);
    let kind = ApiKind { api_version: version.to_owned(), kind: text("kind")?.to_owned() };
    let namespaced = resource.get("namespaced").and_then(Value::as_bool)?;
    (can("list") && can("watch")).then(|| Served { kind, plural: plural.to_owned(), namespaced })
}

/// What the server has said of kinds. It only grows: what could not be asked for once is as it was.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    /// By version: the address, which holds a hash of the content, and the schema.
    versions: HashMap<String, (String, Arc<Schema>)>,
    namespaced: HashMap<ApiKind, bool>,
}

impl Schemas {
    /// The built-in schema with what the server knows more of these groups. The second: why a
    /// group's is not there, or is an old one.
    pub(super) async fn of(&mut self, api: &Api, discovered: &Discovered) -> Result<(Known, Vec<String>), ApiError> {
        self.namespaced.extend(discovered.namespaced.clone());
        let problems = match api.json("/openapi/v3", INDEX).await {
            Ok(index) => self.update(api, &index, discovered).await?,
            Err(ApiError::Forbidden(why) | ApiError::NotFound(why) | ApiError::Server(why)) => {
                let custom = discovered.served.iter().any(is_custom);
                custom.then(|| format!("no schemas: {why}")).into_iter().collect()
            }
            Err(error) => return Err(error),
        };
        let mut known = Known {
            namespaced: self.namespaced.clone(),
            unserved: discovered.unserved.clone(),
            unread: discovered.unread.iter().map(|(kind, _)| kind.clone()).collect(),
            learned: true,
            ..Known::default()
        };
        self.versions.values().for_each(|(_, schema)| known.schema.extend(schema));
        Ok((known, problems))
    }

    async fn update(&mut self, api: &Api, index: &Value, discovered: &Discovered) -> Result<Vec<String>, ApiError> {
        let mut problems = Vec::new();
        let versions: BTreeSet<&str> =
            discovered.served.iter().map(|served| served.kind.api_version.as_str()).collect();
        for version in versions {
            let path = root(version);
            let entry = index.get("paths").and_then(|paths| paths.get(path.trim_start_matches('/')));
            let Some(url) = entry.and_then(|entry| entry.get("serverRelativeURL")).and_then(Value::as_str) else {
                let of = |served: &&Served| served.kind.api_version == version;
                if discovered.served.iter().filter(of).any(is_custom) {
                    problems.push(format!("{version}: no schema"));
                }
                continue;
            };
            if self.versions.get(version).is_some_and(|(known, _)| known == url) {
                continue;
            }
            match api.json(url, SCHEMA).await {
                Ok(document) => {
                    let mut schema = Schema::default();
                    match schema.add_openapi(&document) {
                        Ok(()) => _ = self.versions.insert(version.to_owned(), (url.to_owned(), Arc::new(schema))),
                        Err(error) => problems.push(format!("{version}: schema: {error}")),
                    }
                }
                Err(error @ ApiError::Failed(_)) => return Err(error),
                Err(error) => problems.push(format!("{version}: schema: {error}")),
            }
        }
        Ok(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_versions_the_most_stable_that_is_served_is_watched() {
        let kind = |version: &str, kind: &str| ApiKind { api_version: version.to_owned(), kind: kind.to_owned() };
        let of = |versions: &[&str]| -> BTreeSet<ApiKind> {
            versions.iter().map(|version| kind(&format!("x.io/{version}"), "Widget")).collect()
        };
        let served = |versions: &[&str]| -> Vec<Served> {
            let served = |kind| Served { kind, plural: "widgets".to_owned(), namespaced: true };
            of(versions).into_iter().map(served).collect()
        };
        for (wanted, are_served, watched) in [
            (&["v1", "v1beta1"][..], &["v1", "v1beta1"][..], "v1"),
            (&["v1beta1", "v1alpha3"], &["v1", "v1beta1", "v1alpha3"], "v1beta1"),
            (&["v1", "v1beta1"], &["v1beta1"], "v1beta1"),
            (&["v1", "v2", "v10"], &["v1", "v2", "v10"], "v10"),
            (&["v1beta2", "v1beta10"], &["v1beta2", "v1beta10"], "v1beta10"),
            (&["v1alpha1", "stable"], &["v1alpha1", "stable"], "v1alpha1"),
        ] {
            assert_eq!(one_version(&served(are_served), &of(wanted)), of(&[watched]), "{wanted:?}");
        }
        let two = BTreeSet::from([kind("v1", "Pod"), kind("x.io/v1", "Pod")]);
        let both: Vec<Served> =
            two.iter().map(|kind| Served { kind: kind.clone(), plural: String::new(), namespaced: true }).collect();
        assert_eq!(one_version(&both, &two), two, "one name in two groups is two kinds");
    }
}
