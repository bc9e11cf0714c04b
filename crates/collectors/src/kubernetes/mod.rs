//! A Kubernetes cluster: lists and watches the kinds that are declared or configured.

pub(crate) mod api;
mod audit;
mod config;
mod confirm;
mod discovery;
mod identity;
mod images;
mod objects;
mod rollouts;
#[cfg(test)]
mod tests;
pub(crate) mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::queue::bounded;
use base::{Backoff, Clock};
use collect::{CollectError, Collector, Cover, Cx, Seen};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kubernetes::audit::Write;
use kubernetes::gitops::{self, GITOPS, Neighbours};
use kubernetes::rollouts::{ROLLOUT, Workloads};
use kubernetes::schema::{ApiKind, Schema};
use kubernetes::{Cluster, Clusters, Controllers, IMAGE, id_kind};
use model::ResourceId;
use tokio::sync::watch::Receiver;

pub use audit::Inbox;
pub use config::{AuditConfig, AuditWebhookConfig, KubernetesConfig};
pub use confirm::confirmers;

use crate::{Build, Plugin};
use api::{Api, ApiError};
use audit::Audit;
use discovery::{Beside, Discovered, Schemas, Served};
use objects::{News, Objects, Role, Word};
use watch::{Event, Head, Watch};

const NAME: &str = "kubernetes";

/// The line of this plugin in `all()`.
pub(crate) const PLUGIN: Plugin = Plugin {
    name: NAME,
    doc: "Objects of a Kubernetes cluster: those of the kinds that a source declares and of those in \
          `kubernetes.kinds`, custom ones included. Lists them once and watches them. The images of pods are \
          watched beside, so that a tag with two contents is seen, and where a canary is to be found, what rolls out.",
    kinds: &[IMAGE, GITOPS, ROLLOUT, identity::INSTANCE],
    build: Build::Kubernetes(|config, cluster, inbox| {
        Box::new(Kubernetes::new(config.clone(), cluster.clone(), inbox))
    }),
};

/// Events that wait at most; each may be of megabytes.
const EVENTS: usize = 64;
/// How often all is listed anew since the server did not keep a list to its end; then that place is left out.
const EXPIRED: u32 = 3;
/// Objects that are handed over at once.
const BATCH: usize = 256;
/// After so long without trouble a new list may come at once.
const CALM: Duration = Duration::from_secs(60);
/// How often the server is asked whether it is there, beside the watches, and how long it may think.
const ALIVE: Duration = Duration::from_secs(20);
/// How long objects are looked at again at once since who wrote them is known now.
const NAMING: Duration = Duration::from_secs(5);
/// Definitions of kinds change in several steps: so long it is waited for the last.
const SETTLE: Duration = Duration::from_millis(500);
/// A server that has taken a definition may serve the kind a moment later: by then all is listed once more.
const SERVED: Duration = Duration::from_secs(10);
/// Why there are no releases of Helm where nobody asked for them.
const NO_HELM: &str = "its Secrets are not read: `kubernetes.helm` is not set";
/// Definitions of kinds.
const DEFINITIONS: Beside = ("apiextensions.k8s.io", "CustomResourceDefinition", &["v1"]);

/// The collectors of these clusters. `inboxes`: what API servers post of their audit logs, by cluster.
pub fn build(
    configs: &[KubernetesConfig],
    clusters: &Clusters,
    mut inboxes: BTreeMap<String, Inbox>,
) -> Vec<Box<dyn Collector>> {
    let make = |config: &KubernetesConfig| {
        let cluster = clusters.get(&config.cluster);
        cluster.watch();
        let inbox = inboxes.remove(&config.cluster);
        if let Build::Kubernetes(build) = PLUGIN.build { Some(build(config, &cluster, inbox)) } else { None }
    };
    configs.iter().filter_map(make).collect()
}

/// Whether all that is known of one of the kinds is what the server says.
fn has_custom(kinds: &BTreeSet<ApiKind>) -> bool {
    kinds.iter().any(|kind| Schema::builtin().kind(kind).is_none())
}

fn kind(api_version: &str, kind: &str) -> ApiKind {
    ApiKind { api_version: api_version.to_owned(), kind: kind.to_owned() }
}

/// The collector.
pub(crate) struct Kubernetes {
    config: KubernetesConfig,
    cluster: Cluster,
    scope: String,
    schemas: Schemas,
    audit: Audit,
    /// What could not be seen in the last list.
    problems: Vec<String>,
    /// Which cluster it is, as a resource, if that may be read.
    instance: Option<Seen>,
}

/// A kind in one place: the whole cluster or a namespace.
struct Place {
    role: Role,
    path: String,
    namespace: Option<String>,
    /// Groups whose definitions of kinds are here: when one changes, what is served is to be asked anew.
    defines: BTreeSet<String>,
    /// From where to watch.
    version: String,
}

impl Place {
    /// Whether an object of it is such a definition. Its name is `plural.group`.
    fn is_definition(&self, json: &str) -> bool {
        let of_group = |head: Head| head.metadata.name.split_once('.').is_some_and(|(_, of)| self.defines.contains(of));
        !self.defines.is_empty() && serde_json::from_str(json).is_ok_and(of_group)
    }
}

/// Where to look for what, and what cannot be looked at.
struct Look {
    places: Vec<Place>,
    /// For people.
    problems: Vec<String>,
    /// Kinds that say what rolls out and of which it is not known whether they are served, each with why.
    unread: Vec<(ApiKind, String)>,
    /// Places that are not among those, since the server does not say just now whether it serves the kind.
    hidden: Vec<Cover>,
}

impl Kubernetes {
    pub(crate) fn new(config: KubernetesConfig, cluster: Cluster, inbox: Option<Inbox>) -> Self {
        let audit = Audit::new(&config.audit, inbox);
        let (scope, schemas, problems) = (cluster.scope(), Schemas::default(), Vec::new());
        Self { config, scope, cluster, schemas, audit, problems, instance: None }
    }

    /// The kinds that are resources, in all versions that are named.
    fn wanted(&self, sources: &Wanted) -> BTreeSet<ApiKind> {
        sources.borrow().values().flatten().chain(&self.config.kinds).cloned().collect()
    }

    /// Where to look for what, and what cannot be looked at.
    async fn places(&mut self, api: &Api, wanted: &BTreeSet<ApiKind>) -> Result<Look, ApiError> {
        if wanted.is_empty() && !self.config.helm {
            return self.beside(api, wanted).await;
        }
        let (pods, definitions) = (kind("v1", "Pod"), kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"));
        let secrets = kind("v1", "Secret");
        let mut asked = wanted.clone();
        if self.config.helm {
            asked.insert(secrets.clone());
        }
        if self.config.images {
            asked.insert(pods.clone());
        }
        let custom = has_custom(wanted);
        if custom {
            asked.insert(definitions.clone());
        }
        let discovered: Discovered = discovery::discover(api, &asked).await?;
        let (known, unlearned) = self.schemas.of(api, &discovered).await?;
        self.cluster.learn(known);
        // Pods are listed once, whatever they are listed for.
        let with_pods: BTreeSet<ApiKind> = wanted.iter().chain(self.config.images.then_some(&pods)).cloned().collect();
        let Look { mut places, mut problems, mut unread, mut hidden } = self.beside(api, &with_pods).await?;
        let of_rollouts =
            |(kind, _): &(ApiKind, String)| self.seeks() && with_pods.contains(kind) && Workloads::reads(kind);
        let watched = discovery::one_version(&discovered.served, wanted);
        let seen = |kind: &ApiKind| watched.iter().any(|watched| id_kind(watched) == id_kind(kind));
        for (kind, _) in &discovered.unread {
            hidden.extend((wanted.contains(kind) && !seen(kind)).then(|| Cover::all(&id_kind(kind))));
            hidden.extend((self.config.images && *kind == pods).then(|| Cover::all(IMAGE)));
        }
        unread.extend(discovered.unread.into_iter().filter(of_rollouts));
        for served in &discovered.served {
            let (resources, images) = (watched.contains(&served.kind), self.config.images && served.kind == pods);
            let role = Role {
                kind: served.kind.clone(),
                plural: served.plural.clone(),
                resources,
                images,
                releases: false,
                gitops: self.config.gitops && resources && Neighbours::reads(&served.kind),
                rollouts: self.seeks() && (resources || images) && Workloads::reads(&served.kind),
            };
            let defines = served.kind == definitions && (custom || self.seeks());
            let defines = if defines { self.groups(wanted) } else { BTreeSet::new() };
            if !role.resources && !role.images && defines.is_empty() {
                continue;
            }
            places.extend(self.namespaces(served).into_iter().map(|namespace| Place {
                role: role.clone(),
                path: served.path(namespace.as_deref()),
                namespace,
                defines: defines.clone(),
                version: String::new(),
            }));
        }
        if let Some(secrets) = discovered.served.iter().find(|served| served.kind == secrets) {
            places.extend(self.helm(secrets));
        }
        problems.extend(discovered.problems.into_iter().chain(unlearned));
        Ok(Look { places, problems, unread, hidden })
    }

    /// Whether somebody wants to know what rolls out.
    fn seeks(&self) -> bool {
        self.cluster.sought_rollouts().is_some()
    }

    /// Kinds of GitOps tools, and those that say what rolls out, as far as somebody wants to know.
    fn kinds_beside(&self) -> [&'static [Beside]; 2] {
        let tools = if self.config.gitops { gitops::KINDS } else { &[] };
        let rollouts = if self.seeks() { kubernetes::rollouts::KINDS } else { &[] };
        [tools, rollouts]
    }

    /// Groups of kinds that are looked at, or would be.
    fn groups(&self, wanted: &BTreeSet<ApiKind>) -> BTreeSet<String> {
        let group = |kind: &ApiKind| kind.api_version.split_once('/').map(|(group, _)| group.to_owned());
        let beside = self.kinds_beside().into_iter().flatten().map(|(group, ..)| (*group).to_owned());
        wanted.iter().filter_map(group).chain(beside).collect()
    }

    /// Where the objects are that are no resources: those of GitOps tools, which come first, so that what they say of an
    /// object is known when that is looked at, and those that say what rolls out. Such a kind may come to be served later, so
    /// that definitions of kinds are watched with these, unless that is done for resources.
    async fn beside(&self, api: &Api, wanted: &BTreeSet<ApiKind>) -> Result<Look, ApiError> {
        let (mut places, mut unread, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        let [tools, rolling] = self.kinds_beside();
        let definitions: &[Beside] = if self.seeks() && !has_custom(wanted) { &[DEFINITIONS] } else { &[] };
        for (kinds, gitops, rollouts) in [(tools, true, false), (rolling, false, true), (definitions, false, false)] {
            if kinds.is_empty() {
                continue;
            }
            let found = discovery::beside(api, kinds, wanted).await?;
            hidden.extend((gitops && !found.unread.is_empty()).then(|| Cover::all(GITOPS)));
            unread.extend(found.unread.into_iter().filter(|_| rollouts));
            let defines = if gitops || rollouts { BTreeSet::new() } else { self.groups(wanted) };
            for served in found.served {
                let (kind, plural) = (served.kind.clone(), served.plural.clone());
                let role = Role { kind, plural, resources: false, images: false, releases: false, gitops, rollouts };
                places.extend(self.namespaces(&served).into_iter().map(|namespace| Place {
                    role: role.clone(),
                    path: served.path(namespace.as_deref()),
                    namespace,
                    defines: defines.clone(),
                    version: String::new(),
                }));
            }
        }
        let problems = unread.iter().map(|(kind, why)| format!("{}: {why}", kind.kind)).collect();
        Ok(Look { places, problems, unread, hidden })
    }

    /// Where the Secrets of Helm are.
    fn helm(&self, served: &Served) -> Vec<Place> {
        let namespaces = if self.config.helm { self.namespaces(served) } else { Vec::new() };
        let (kind, plural) = (served.kind.clone(), served.plural.clone());
        let role =
            Role { kind, plural, resources: false, images: false, releases: true, gitops: false, rollouts: false };
        let place = |namespace: Option<String>| Place {
            role: role.clone(),
            path: format!("{}?labelSelector=owner%3Dhelm", served.path(namespace.as_deref())),
            namespace,
            defines: BTreeSet::new(),
            version: String::new(),
        };
        namespaces.into_iter().map(place).collect()
    }

    fn namespaces(&self, served: &Served) -> Vec<Option<String>> {
        if self.config.namespaces.is_empty() || !served.namespaced {
            return vec![None];
        }
        self.config.namespaces.iter().cloned().map(Some).collect()
    }

    /// Lists all of it once; what may not be listed is left out, and said. Nothing if a list was too slow for the
    /// server, in which case all is to be begun anew while there is `patience`.
    async fn list(
        &self,
        api: &Api,
        look: &mut Look,
        objects: &mut Objects,
        patience: bool,
        cx: &mut dyn Cx,
    ) -> Result<Option<Vec<Place>>, CollectError> {
        let (mut listed, mut left_out, mut count) = (Vec::new(), Vec::new(), 0);
        match (&self.instance, identity::id(&self.cluster)) {
            (Some(instance), _) => cx.seen(vec![instance.clone()]).await?,
            // That it may not be read just now is no news of it.
            (None, Ok(id)) => _ = cx.still(&id),
            (None, Err(error)) => return Err(self.error(error)),
        }
        look.unread.iter().for_each(|(kind, why)| objects.hide(kind, None, why));
        for mut place in std::mem::take(&mut look.places) {
            match list_place(api, &mut place, objects, cx, &mut count).await? {
                Ok(()) => {
                    if place.role.gitops {
                        cx.seen(objects.gitops()).await?;
                    }
                    listed.push(place);
                }
                // What it has given so far may be gone by now, and no watch would say so.
                Err(ApiError::Expired) if patience => return Ok(None),
                Err(error) => {
                    if let Some(why) = unseen(&error, &place.role).filter(|_| place.role.rollouts) {
                        objects.hide(&place.role.kind, place.namespace.as_deref(), &why);
                    }
                    if place.role.releases {
                        objects.hide_releases(format!("the Secrets of Helm cannot be listed: {error}"));
                    }
                    look.problems.push(format!("{}: {error}", place.role.kind.kind));
                    left_out.push(place);
                }
            }
        }
        if !listed.iter().chain(&left_out).any(|place| place.role.releases) {
            let no_helm = if self.config.helm { "the server does not say that it has Secrets" } else { NO_HELM };
            objects.hide_releases(no_helm.to_owned());
        }
        if listed.is_empty() {
            return Err(self.error(look.problems.join("; ")));
        }
        // What it is not allowed to see just now, or the server cannot show, is not gone.
        let mut kept = Self::covers(&left_out);
        kept.append(&mut look.hidden);
        kept.extend(look.unread.iter().any(|(kind, _)| Workloads::needs(kind)).then(|| Cover::all(ROLLOUT)));
        cx.keep(&kept);
        cx.seen(objects.rollouts()).await?;
        if !kept.iter().any(|cover| cover.kind == IMAGE) {
            cx.seen(objects.images()).await?;
        }
        objects.end();
        Ok(Some(listed))
    }

    /// Watches until everything is to be listed anew. Gives whether a definition of kinds has changed.
    async fn watch(
        &self,
        api: &Api,
        places: &[Place],
        objects: &mut Objects,
        sources: &mut Wanted,
        (audit, soon): (&mut Audit, Duration),
        cx: &mut dyn Cx,
    ) -> Result<bool, CollectError> {
        let (clock, rng, shutdown) = (cx.clock().clone(), cx.rng().clone(), cx.shutdown().clone());
        let (out, mut events) = bounded("kubernetes_events", EVENTS);
        let mut watches: FuturesUnordered<_> = places
            .iter()
            .enumerate()
            .map(|(n, place)| {
                let (path, version) = (place.path.clone(), place.version.clone());
                let watch = Watch { kind: n, path, version, out: out.clone() };
                watch.run(api, &clock, &rng)
            })
            .collect();
        let again = clock.sleep(self.config.resync.min(soon));
        tokio::pin!(again);
        let silent = silent(api, &clock);
        tokio::pin!(silent);
        let mut refused = self.cluster.refused();
        let now = refused.borrow_and_update().clone();
        if !(self.problems.is_empty() && now.is_empty()) {
            self.tell(&now, cx).await?;
        }
        loop {
            tokio::select! {
                biased;
                () = shutdown.wait() => return Err(CollectError::Shutdown),
                Some(ended) = watches.next() => match ended {
                    ApiError::Failed(why) => return Err(self.error(why)),
                    why => {
                        tracing::info!(scope = self.scope, %why, "everything is listed anew");
                        return Ok(false);
                    }
                },
                // Before the events, so that who wrote is mostly known by then.
                writes = audit.writes(&clock) => name(writes, places, objects, api, cx).await?,
                Some(first) = events.recv() => {
                    let mut batch = vec![first];
                    while batch.len() < BATCH && let Some(event) = events.try_recv() {
                        batch.push(event);
                    }
                    if take(batch, places, objects, cx).await? {
                        clock.sleep(SETTLE).await;
                        return Ok(true);
                    }
                }
                why = &mut silent => return Err(self.error(why)),
                Ok(()) = refused.changed() => {
                    let now = refused.borrow_and_update().clone();
                    self.tell(&now, cx).await?;
                }
                Ok(()) = sources.changed() => return Ok(false),
                () = &mut again => return Ok(false),
            }
        }
    }

    /// Says what cannot be seen, and of which kinds the server refuses dry runs.
    async fn tell(&self, refused: &confirm::Refused, cx: &mut dyn Cx) -> Result<(), CollectError> {
        let refused = refused.iter().map(|(kind, why)| format!("a dry run of {}: {why}", kind.kind));
        let message = self.problems.iter().cloned().chain(refused).collect::<Vec<_>>().join("; ");
        let over = || "dry runs are no longer refused".to_owned();
        cx.progress(if message.is_empty() { over() } else { message }).await
    }

    fn covers(places: &[Place]) -> Vec<Cover> {
        let of = |kind: &str, place: &Place| Cover { namespace: place.namespace.clone(), ..Cover::all(kind) };
        let resources = places.iter().filter(|place| place.role.resources);
        let images = places.iter().find(|place| place.role.images).map(|_| Cover::all(IMAGE));
        let gitops = places.iter().find(|place| place.role.gitops).map(|_| Cover::all(GITOPS));
        // Without routes a rollout is seen all the same, but not how its traffic is split.
        let tells = |place: &&Place| place.role.rollouts && Workloads::needs(&place.role.kind);
        let rollouts = places.iter().find(tells).map(|_| Cover::all(ROLLOUT));
        let beside = images.into_iter().chain(gitops).chain(rollouts);
        resources.map(|place| of(&id_kind(&place.role.kind), place)).chain(beside).collect()
    }

    fn error(&self, problem: impl ToString) -> CollectError {
        CollectError::Source { what: self.scope.clone(), problem: problem.to_string() }
    }
}

type Wanted = Receiver<std::collections::BTreeMap<String, BTreeSet<ApiKind>>>;

#[async_trait]
impl Collector for Kubernetes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> &str {
        &self.scope
    }

    fn covers(&self) -> Vec<Cover> {
        Vec::new()
    }

    async fn run(&mut self, cx: &mut dyn Cx) -> Result<(), CollectError> {
        let api = self.config.connect(cx.clock()).await.map_err(|error| self.error(error))?;
        self.follow(&api, cx).await
    }
}

impl Kubernetes {
    async fn follow(&mut self, api: &Api, cx: &mut dyn Cx) -> Result<(), CollectError> {
        self.instance = identity::identify(api, &self.cluster, self.config.uid.as_deref(), cx).await?;
        let controllers = Controllers::new(&self.config.controllers);
        let mut objects = Objects::new(&self.cluster, controllers, cx.digest_key().clone());
        let mut audit = std::mem::take(&mut self.audit);
        objects.writes = audit.before();
        let ended = self.rounds(api, &mut objects, &mut audit, cx).await;
        audit.known = objects.writes;
        self.audit = audit;
        ended
    }

    /// Lists and watches, again and again.
    async fn rounds(
        &mut self,
        api: &Api,
        objects: &mut Objects,
        audit: &mut Audit,
        cx: &mut dyn Cx,
    ) -> Result<(), CollectError> {
        let mut sources = self.cluster.wanted();
        let mut retry = Backoff::new(Duration::from_secs(10), Duration::from_secs(600));
        let mut relist = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        let (mut defined, mut expired) = (false, 0);
        loop {
            sources.mark_unchanged();
            let wanted = self.wanted(&sources);
            let mut look = self.places(api, &wanted).await.map_err(|error| self.error(error))?;
            if look.places.is_empty() && look.problems.is_empty() {
                cx.progress("no source declares a kind yet, and `kinds` names none".to_owned()).await?;
                let (shutdown, clock) = (cx.shutdown().clone(), cx.clock().clone());
                tokio::select! {
                    // The sender lives as long as the cluster that we hold.
                    changed = shutdown.or(sources.changed()) => {
                        let _ = changed.ok_or(CollectError::Shutdown)?;
                    }
                    () = remember(audit, objects, &clock) => {}
                }
                continue;
            }
            objects.begin(Arc::clone(&self.cluster.known().borrow()));
            let Some(places) = self.list(api, &mut look, objects, expired < EXPIRED, cx).await? else {
                expired += 1;
                pause(&mut relist, cx).await?;
                cx.begin();
                continue;
            };
            expired = 0;
            let problems = look.problems;
            cx.cover(Self::covers(&places)).await?;
            cx.complete().await?;
            self.problems.clone_from(&problems);
            let soon = match (defined, problems.is_empty()) {
                (true, _) => SERVED,
                (false, true) => self.config.resync,
                // What could not be seen is tried again soon, and then less often.
                (false, false) => retry.next(cx.rng()),
            };
            let start = cx.clock().monotonic();
            defined = self.watch(api, &places, objects, &mut sources, (audit, soon), cx).await?;
            if problems.is_empty() && cx.clock().monotonic().saturating_sub(start) > CALM {
                retry.reset();
                relist.reset();
            } else {
                pause(&mut relist, cx).await?;
            }
            cx.begin();
        }
    }
}

/// Waits before the next list.
async fn pause(relist: &mut Backoff, cx: &mut dyn Cx) -> Result<(), CollectError> {
    let (shutdown, clock) = (cx.shutdown().clone(), cx.clock().clone());
    let pause = clock.sleep(relist.next(cx.rng()));
    shutdown.or(pause).await.ok_or(CollectError::Shutdown)
}

/// Remembers who writes, while no object is looked at.
async fn remember(audit: &mut Audit, objects: &mut Objects, clock: &Clock) {
    loop {
        let writes = audit.writes(clock).await;
        writes.into_iter().for_each(|write| objects.writes.get_or_insert_default().put(write));
    }
}

/// Why the server is taken for gone, once it has not answered twice.
async fn silent(api: &Api, clock: &Clock) -> String {
    let mut failed = 0;
    loop {
        clock.sleep(ALIVE).await;
        match clock.timeout(ALIVE, api.get("/version", watch::EVENT)).await {
            Ok(Err(ApiError::Failed(_))) | Err(_) => failed += 1,
            Ok(_) => failed = 0,
        }
        if failed > 1 {
            return "the server does not answer".to_owned();
        }
    }
}

/// Why it is not known what a kind's objects say; nothing if the server has no such kind.
fn unseen(error: &ApiError, role: &Role) -> Option<String> {
    let group = role.kind.api_version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    let name = format!("{}{group}", role.plural);
    match error {
        ApiError::NotFound(_) => None,
        ApiError::Forbidden(_) => Some(format!("no right to list {name}")),
        _ => Some(format!("{name} cannot be listed")),
    }
}

/// Lists one place. The inner error: it cannot be listed, and the others can.
async fn list_place(
    api: &Api,
    place: &mut Place,
    objects: &mut Objects,
    cx: &mut dyn Cx,
    count: &mut usize,
) -> Result<Result<(), ApiError>, CollectError> {
    let fatal =
        |error: ApiError| CollectError::Source { what: format!("list {}", place.path), problem: error.to_string() };
    let mut next = String::new();
    loop {
        let part = match watch::list(api, &place.path, &next).await {
            // A list that takes so long that its pages are gone.
            Err(error @ ApiError::Expired) if !next.is_empty() => return Ok(Err(error)),
            Err(
                error @ (ApiError::Forbidden(_) | ApiError::NotFound(_) | ApiError::Server(_) | ApiError::TooLarge(_)),
            ) => return Ok(Err(error)),
            part => part.map_err(fatal)?,
        };
        let read = part.objects().map_err(fatal)?;
        *count += read.len();
        let mut seen = Vec::new();
        for json in read {
            seen.extend(news(objects, place, json, Word::Listed, cx));
        }
        cx.seen(seen).await?;
        cx.progress(format!("{count} objects are listed")).await?;
        if part.next.is_empty() {
            place.version = part.version;
            return Ok(Ok(()));
        }
        next = part.next;
    }
}

/// Takes events. Gives whether a definition of kinds that are looked at was among them.
async fn take(
    batch: Vec<Event>,
    places: &[Place],
    objects: &mut Objects,
    cx: &mut dyn Cx,
) -> Result<bool, CollectError> {
    let (mut seen, mut definitions) = (Vec::new(), false);
    for event in &batch {
        let Some(place) = places.get(event.kind) else { continue };
        definitions |= place.is_definition(&event.object);
        let word = if event.gone { Word::Gone } else { Word::Watched };
        seen.extend(news(objects, place, &event.object, word, cx));
    }
    // What a tool says comes before what it has applied.
    let seen = [objects.gitops(), seen, objects.images(), objects.rollouts()].concat();
    cx.seen(seen).await?;
    Ok(definitions)
}

/// Remembers who wrote, and looks again at what waited for that.
async fn name(
    writes: Vec<Write>,
    places: &[Place],
    objects: &mut Objects,
    api: &Api,
    cx: &mut dyn Cx,
) -> Result<(), CollectError> {
    let mut waiting = Vec::new();
    for write in writes {
        let by = |(_, manager): &(ResourceId, String)| *manager == write.manager;
        if objects.unnamed.get(&write.object).is_some_and(by) {
            waiting.extend(objects.unnamed.remove(&write.object).map(|(id, _)| id));
        }
        objects.writes.get_or_insert_default().put(write);
    }
    let clock = cx.clock().clone();
    let (mut seen, until) = (Vec::new(), clock.monotonic() + NAMING);
    for id in waiting {
        let place = places.iter().find(|place| place.role.resources && id_kind(&place.role.kind) == id.kind());
        let Some(place) = place else { continue };
        let path = discovery::object_path(&place.role, &id);
        // What cannot be had now keeps the name of the writer's tool.
        let left = until.saturating_sub(clock.monotonic());
        let Ok(Ok(json)) = clock.timeout(left, api.get(&path, watch::EVENT)).await else { break };
        objects.forget(&id);
        seen.extend(news(objects, place, &String::from_utf8_lossy(&json), Word::Watched, cx));
    }
    cx.seen(seen).await
}

/// What an object has that is new; what cannot be read is counted and told.
fn news(objects: &mut Objects, place: &Place, json: &str, word: Word, cx: &mut dyn Cx) -> Option<Seen> {
    let news = objects.take(&place.role, json, word).and_then(|news| match news {
        News::Still(id) if !cx.still(&id) => {
            objects.forget(&id);
            objects.take(&place.role, json, word)
        }
        news => Ok(news),
    });
    match news {
        Ok(News::Seen(seen)) => Some(*seen),
        Ok(News::Nothing | News::Still(_)) => None,
        Err(problem) => {
            metrics::counter!("steadfast_kubernetes_unreadable_total").increment(1);
            tracing::warn!(path = place.path, problem, "an object cannot be read");
            None
        }
    }
}
