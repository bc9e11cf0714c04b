//! Objects as the server gives them, as resources.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use base::DigestKey;
use collect::Seen;
use kubernetes::audit::{self, Writes};
use kubernetes::gitops::{GITOPS, Neighbours};
use kubernetes::helm::Release;
use kubernetes::releases::Releases;
use kubernetes::schema::ApiKind;
use kubernetes::{Body, Canonical, Cluster, Controllers, IMAGE, Known, PROVIDER};
use model::{Document, Fingerprint, Key, ModelError, ResourceId};
use serde_json::{Value, json};

use super::images::Images;
use super::rollouts::Rollouts;
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

/// Where the server says something of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// In a list.
    Listed,
    /// In a watch.
    Watched,
    /// In a watch: it was deleted.
    Gone,
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
    /// Whether they are Secrets with releases of Helm.
    pub releases: bool,
    /// Whether they say what a GitOps tool applies.
    pub gitops: bool,
    /// Whether they say what rolls out.
    pub rollouts: bool,
}

/// What is known of the objects of a cluster: 24 bytes each.
pub(super) struct Objects {
    cluster: Cluster,
    known: Arc<Known>,
    controllers: Controllers,
    key: DigestKey,
    /// By key: the newest version seen.
    versions: HashMap<Key, u64>,
    gone: VecDeque<Key>,
    /// What the list at hand has: of the rest the versions are forgotten with it.
    listed: HashSet<Key>,
    /// Whether a list is under way: what is not in it may come yet.
    listing: bool,
    pub images: Images,
    tools: Tools,
    rollouts: Rollouts,
    /// The releases of Helm that the list at hand has, or why it has not all of them.
    releases: Result<Releases, String>,
    /// Who wrote what, where an audit log says it.
    pub writes: Option<Writes>,
    /// Objects whose newest writer the log has not named yet, and what that is called.
    pub unnamed: BTreeMap<String, (ResourceId, String)>,
}

impl Objects {
    pub(super) fn new(cluster: &Cluster, controllers: Controllers, key: DigestKey) -> Self {
        Self {
            cluster: cluster.clone(),
            known: Arc::default(),
            controllers,
            key,
            versions: HashMap::new(),
            gone: VecDeque::new(),
            listed: HashSet::new(),
            listing: false,
            images: Images::default(),
            tools: Tools::default(),
            rollouts: Rollouts::new(cluster),
            releases: Ok(Releases::default()),
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
        for key in self.gone.drain(..) {
            self.versions.remove(&key);
        }
        self.listed.clear();
        self.listing = true;
        self.images = Images::default();
        self.tools = Tools::default();
        self.rollouts = Rollouts::new(&self.cluster);
        self.releases = Ok(Releases::default());
    }

    /// The list is over.
    pub(super) fn end(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        self.listing = false;
        self.versions.retain(|key, _| listed.contains(key));
        self.versions.shrink_to_fit();
        self.cluster.meet(&self.tools.all);
        self.cluster.list_releases(std::mem::replace(&mut self.releases, Ok(Releases::default())));
    }

    /// The list at hand has not all releases of Helm.
    pub(super) fn hide_releases(&mut self, why: String) {
        self.releases = Err(why);
    }

    /// Takes an object of a list or a watch. A list is right even where its versions are lower than
    /// those that were seen: the server may have been restored.
    pub(super) fn take(&mut self, role: &Role, json: &str, word: Word) -> Result<News, String> {
        let gone = word == Word::Gone;
        let Head { metadata } = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let id = kubernetes::id(self.cluster.name(), &role.kind, &metadata.namespace, &metadata.name)
            .map_err(|error: ModelError| error.to_string())?;
        let key = id.key();
        // Versions are numbers that grow, see KEP-5504; of a server that has others all words count.
        let version = metadata.resource_version.parse().unwrap_or(0);
        let before = self.versions.get(&key).copied();
        if word == Word::Listed {
            self.listed.insert(key);
        } else if version != 0 && before.is_some_and(|before| version < before) {
            metrics::counter!("steadfast_kubernetes_late_events_total").increment(1);
            return Ok(News::Nothing);
        }
        let same = version != 0 && before == Some(version) && !gone;
        if role.releases {
            self.versions.insert(key, version);
            return self.release(json, gone);
        }
        if same && !role.images && !role.gitops && !role.rollouts {
            return Ok(if role.resources { News::Still(id) } else { News::Nothing });
        }
        self.versions.insert(key, version);
        if gone {
            self.bury(key);
            self.images.remove(key);
            self.tools.changed |= role.gitops && self.tools.all.remove(&role.kind, id.namespace(), id.name());
            if role.rollouts {
                self.rollouts.remove(&role.kind, id.namespace(), id.name());
            }
            return Ok(if role.resources { News::Seen(Box::new(absent(id))) } else { News::Nothing });
        }
        let mut object: Value = match serde_json::from_str(json) {
            Ok(object) => object,
            Err(_) if !role.resources => return Ok(News::Nothing),
            // It is there, and that is all that can be said.
            Err(error) => {
                let document = Document::new(json!({ "unreadable": error.to_string() }));
                return Ok(News::Seen(Box::new(Seen { document: Some(document), ..absent(id) })));
            }
        };
        if role.images {
            self.images.put(key, kubernetes::images(&object));
        }
        self.tools.changed |= role.gitops && self.tools.all.put(&role.kind, &object);
        if role.rollouts {
            self.rollouts.put(&role.kind, &object);
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

    /// A Secret of Helm says what a release is.
    fn release(&mut self, json: &str, gone: bool) -> Result<News, String> {
        let secret: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let release = Release::read(&secret).map_err(|error| error.to_string())?;
        match (&mut self.releases, self.listing) {
            // A part of them is no set of releases: they count once the list is whole.
            (Ok(listed), true) => listed.put(release),
            (Err(_), true) => {}
            _ if gone => self.cluster.forget_release(&release.namespace, &release.name, release.version),
            _ => self.cluster.release(release),
        }
        Ok(News::Nothing)
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
        let newest = body.origins.newest().filter(|owner| owner.actor.is_none());
        if let Some(owner) = newest {
            self.unnamed.insert(object, (id.clone(), owner.manager.clone()));
            if self.unnamed.len() > UNNAMED {
                self.unnamed.pop_first();
            }
        }
    }

    /// Forgets that an object was read: its document is to be handed over by the next word of it.
    pub(super) fn forget(&mut self, id: &ResourceId) {
        self.versions.remove(&id.key());
    }

    /// What GitOps tools say that is new, as resources.
    pub(super) fn gitops(&mut self) -> Vec<Seen> {
        if !std::mem::take(&mut self.tools.changed) {
            return Vec::new();
        }
        let mut seen = Vec::new();
        let mut said = HashMap::new();
        for (namespace, name, document) in self.tools.all.documents() {
            let Ok(id) = ResourceId::new(PROVIDER, self.cluster.name(), GITOPS, namespace, name) else { continue };
            let print = document.fingerprint();
            if self.tools.said.remove(&id) != Some(print) {
                seen.push(Seen { document: Some(document), ..absent(id.clone()) });
            }
            said.insert(id, print);
        }
        seen.extend(std::mem::replace(&mut self.tools.said, said).into_keys().map(absent));
        if !self.listing {
            self.cluster.meet(&self.tools.all);
        }
        seen
    }

    /// Objects that would say what rolls out cannot be seen, in a namespace or anywhere, though there may be some.
    pub(super) fn hide(&mut self, kind: &ApiKind, namespace: Option<&str>, why: &str) {
        self.rollouts.hide(kind, namespace, why);
    }

    /// What rolls out and is new, changed or over, as resources. To be asked once a list is whole: a part of it says another thing.
    pub(super) fn rollouts(&mut self) -> Vec<Seen> {
        self.rollouts.changed(self.cluster.name())
    }

    /// The tags whose content has changed, as resources.
    pub(super) fn images(&mut self) -> Vec<Seen> {
        let changed = self.images.changed();
        let seen = |(image, document)| {
            let id = ResourceId::new(PROVIDER, self.cluster.name(), IMAGE, "", image).ok()?;
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

/// What GitOps tools say.
#[derive(Default)]
struct Tools {
    all: Neighbours,
    /// As it was handed over.
    said: HashMap<ResourceId, Fingerprint>,
    changed: bool,
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
        let objects = Objects::new(&Cluster::new("prod"), Controllers::new(&[]), DigestKey::from_bytes([1; 32]));
        (
            objects,
            Role {
                kind,
                plural: "configmaps".to_owned(),
                resources: true,
                images: false,
                releases: false,
                gitops: false,
                rollouts: false,
            },
        )
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
            let said = if gone { Word::Gone } else { Word::Watched };
            let news = objects.take(&role, &config_map(version, value), said).unwrap();
            assert_eq!(word(&news), expected, "{version}");
        }
    }

    #[test]
    fn a_server_with_other_versions_is_believed() {
        let (mut objects, role) = objects();
        for value in ["one", "two", "one"] {
            let news = objects.take(&role, &config_map("a-b", value), Word::Watched).unwrap();
            assert_eq!(word(&news), value);
        }
    }

    #[test]
    fn a_list_is_right_though_its_versions_are_lower() {
        let (mut objects, role) = objects();
        objects.take(&role, &config_map("50", "one"), Word::Listed).unwrap();
        objects.begin(Arc::default());
        assert_eq!(word(&objects.take(&role, &config_map("7", "two"), Word::Listed).unwrap()), "two");
        objects.end();
        assert_eq!(word(&objects.take(&role, &config_map("8", "three"), Word::Watched).unwrap()), "three");
        objects.begin(Arc::default());
        objects.end();
        assert!(objects.versions.is_empty(), "what is in no list is forgotten");
    }

    #[test]
    fn an_object_that_is_nested_too_deep_is_there_and_unreadable() {
        let (mut objects, role) = objects();
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        let json = format!("{{\"metadata\":{{\"name\":\"x\",\"namespace\":\"shop\"}},\"data\":{deep}}}");
        let News::Seen(seen) = objects.take(&role, &json, Word::Listed).unwrap() else { panic!() };
        assert!(seen.document.unwrap().tree()["unreadable"].is_string());
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        let (mut objects, role) = objects();
        for json in
            ["", "[]", "{\"metadata\": {\"name\": \"\"}}", "{\"metadata\": {\"name\": \"x\", \"namespace\": \"a/b\"}}"]
        {
            assert!(objects.take(&role, json, Word::Watched).is_err(), "{json}");
        }
    }
}
