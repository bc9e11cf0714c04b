//! What a server serves: the resources of the kinds that are wanted, and their schemas.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use base::Limit;
use kubernetes::Known;
use kubernetes::schema::{ApiKind, Schema};
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
            Err(ApiError::Forbidden(why) | ApiError::Server(why)) => {
                discovered.problems.push(format!("{version}: {why}"));
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
