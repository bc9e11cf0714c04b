//! Objects as the server gives them, as resources.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use base::DigestKey;
use collect::Seen;
use kubernetes::audit::{self, Writes};
use kubernetes::schema::ApiKind;
use kubernetes::{Body, Canonical, Controllers, IMAGE, Known, PROVIDER};
use model::{Key, ModelError, ResourceId};
use serde_json::Value;

use super::images::Images;
use super::watch::Head;

/// Objects that are gone and of which the version is kept, so that a late word of one is no news.
const GONE: usize = 10_000;

/// Objects that wait for their writer's name at most.
const UNNAMED: usize = 10_000;

/// What a word of the server on an object comes to.
pub(super) enum News {
    /// Nothing that was not known.
    Nothing,
    /// It is as it was.
    Still(ResourceId),
    /// It is new, changed or gone.
    Seen(Box<Seen>),
}

/// A kind's objects, and what of them is wanted.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub kind: ApiKind,
    /// The name of the kind in paths.
    pub plural: String,
    /// Whether they are resources.
    pub resources: bool,
    /// Whether they are pods whose images count.
    pub images: bool,
}

/// What is known of the objects of a cluster: 24 bytes each.
pub(super) struct Objects {
    cluster: String,
    known: Arc<Known>,
    controllers: Controllers,
    key: DigestKey,
    /// By key: the newest version seen.
    versions: HashMap<Key, u64>,
    gone: VecDeque<Key>,
    pub images: Images,
    /// Who wrote what, where an audit log says it.
    pub writes: Option<Writes>,
    /// Objects whose newest writer the log has not named yet: their paths' last steps.
    pub unnamed: BTreeMap<String, ResourceId>,
}

impl Objects {
    pub(super) fn new(cluster: &str, controllers: Controllers, key: DigestKey) -> Self {
        Self {
            cluster: cluster.to_owned(),
            known: Arc::default(),
            controllers,
            key,
            versions: HashMap::new(),
            gone: VecDeque::new(),
            images: Images::default(),
            writes: None,
            unnamed: BTreeMap::new(),
        }
    }

    /// A full list begins, with this knowledge of kinds; what was read with another is read anew.
    pub(super) fn begin(&mut self, known: Arc<Known>) {
        if self.known.schema != known.schema {
            self.versions.clear();
        }
        self.known = known;
        self.gone.clear();
        self.images = Images::default();
    }

    /// Takes an object of a list or a watch.
    pub(super) fn take(&mut self, role: &Role, json: &str, gone: bool) -> Result<News, String> {
        let Head { metadata } = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let id = kubernetes::id(&self.cluster, &role.kind, &metadata.namespace, &metadata.name)
            .map_err(|error: ModelError| error.to_string())?;
        let key = id.key();
        // Versions are numbers that grow, see KEP-5504; of a server that has others all words count.
        let version = metadata.resource_version.parse().unwrap_or(0);
        let before = self.versions.get(&key).copied();
        if version != 0 && before.is_some_and(|before| version < before) {
            metrics::counter!("steadfast_kubernetes_late_events_total").increment(1);
            return Ok(News::Nothing);
        }
        let same = version != 0 && before == Some(version) && !gone;
        if same && !role.images {
            return Ok(if role.resources { News::Still(id) } else { News::Nothing });
        }
        self.versions.insert(key, version);
        if gone {
            self.bury(key);
            self.images.remove(key);
            return Ok(if role.resources { News::Seen(Box::new(absent(id))) } else { News::Nothing });
        }
        let mut object: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if role.images {
            self.images.put(key, kubernetes::images(&object));
        }
        match (role.resources, same) {
            (false, _) => Ok(News::Nothing),
            (true, true) => Ok(News::Still(id)),
            (true, false) => {
                // The objects of a list do not say of what kind they are.
                object["apiVersion"] = role.kind.api_version.as_str().into();
                object["kind"] = role.kind.kind.as_str().into();
                Ok(News::Seen(Box::new(self.seen(id, object, role))))
            }
        }
    }

    /// The resource of an object, of whatever version.
    fn seen(&mut self, id: ResourceId, object: Value, role: &Role) -> Seen {
        let canonical = Canonical { schema: &self.known.schema, key: &self.key };
        let mut body = Body::read(object, &canonical, &self.controllers);
        self.name(&mut body, &id, role);
        let actor = body.origins.newest().map(|owner| owner.actor.clone().unwrap_or_else(|| owner.to_string()));
        Seen { id, document: Some(body.into_document()), text: None, actor }
    }

    /// Names the writers of an object, as far as the audit log has them.
    fn name(&mut self, body: &mut Body, id: &ResourceId, role: &Role) {
        let Some(writes) = &self.writes else { return };
        let group = role.kind.api_version.split_once('/').map_or("", |(group, _)| group);
        let object = audit::object(group, &role.plural, id.namespace(), id.name());
        body.origins.name_actors(|owner| writes.user(&object, owner).map(str::to_owned));
        self.unnamed.remove(&object);
        if body.origins.newest().is_some_and(|owner| owner.actor.is_none()) && self.unnamed.len() < UNNAMED {
            self.unnamed.insert(object, id.clone());
        }
    }

    /// Forgets that an object was read: its document is to be handed over by the next word of it.
    pub(super) fn forget(&mut self, id: &ResourceId) {
        self.versions.remove(&id.key());
    }

    /// The tags whose content has changed, as resources.
    pub(super) fn images(&mut self) -> Vec<Seen> {
        let changed = self.images.changed();
        let seen = |(image, document)| {
            let id = ResourceId::new(PROVIDER, &self.cluster, IMAGE, "", image).ok()?;
            Some(Seen { id, document, text: None, actor: None })
        };
        changed.iter().map(|(image, document)| (image.as_str(), document.clone())).filter_map(seen).collect()
    }

    fn bury(&mut self, key: Key) {
        self.gone.push_back(key);
        if self.gone.len() > GONE
            && let Some(oldest) = self.gone.pop_front()
        {
            self.versions.remove(&oldest);
        }
    }
}

fn absent(id: ResourceId) -> Seen {
    Seen { id, document: None, text: None, actor: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objects() -> (Objects, Role) {
        let kind = ApiKind { api_version: "v1".to_owned(), kind: "ConfigMap".to_owned() };
        let objects = Objects::new("prod", Controllers::new(&[]), DigestKey::from_bytes([1; 32]));
        (objects, Role { kind, plural: "configmaps".to_owned(), resources: true, images: false })
    }

    fn config_map(version: &str, value: &str) -> String {
        let metadata = json!({"name": "x", "namespace": "shop", "resourceVersion": version});
        json!({"metadata": metadata, "data": {"a": value}}).to_string()
    }

    fn word(news: &News) -> String {
        match news {
            News::Nothing => "nothing".to_owned(),
            News::Still(_) => "still".to_owned(),
            News::Seen(seen) => match &seen.document {
                Some(document) => document.tree()["data"]["a"].as_str().unwrap_or_default().to_owned(),
                None => "gone".to_owned(),
            },
        }
    }

    #[test]
    fn duplicates_and_late_words_are_no_news() {
        let (mut objects, role) = objects();
        let words = [
            ("5", "one", false, "one"),
            ("5", "one", false, "still"),
            ("7", "two", false, "two"),
            ("6", "between", false, "nothing"),
            ("9", "two", true, "gone"),
            ("8", "late", false, "nothing"),
            ("10", "again", false, "again"),
        ];
        for (version, value, gone, expected) in words {
            let news = objects.take(&role, &config_map(version, value), gone).unwrap();
            assert_eq!(word(&news), expected, "{version}");
        }
    }

    #[test]
    fn a_server_with_other_versions_is_believed() {
        let (mut objects, role) = objects();
        for value in ["one", "two", "one"] {
            let news = objects.take(&role, &config_map("a-b", value), false).unwrap();
            assert_eq!(word(&news), value);
        }
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        let (mut objects, role) = objects();
        for json in
            ["", "[]", "{\"metadata\": {\"name\": \"\"}}", "{\"metadata\": {\"name\": \"x\", \"namespace\": \"a/b\"}}"]
        {
            assert!(objects.take(&role, json, false).is_err(), "{json}");
        }
    }
}
