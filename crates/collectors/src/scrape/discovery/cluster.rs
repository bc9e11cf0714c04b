//! Objects of a cluster that targets are made of.

use std::time::Duration;

use base::Backoff;
use base::queue::{Receiver, bounded};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use scrape::config::KubernetesSd;
use scrape::discovery::kubernetes::{Kind, Objects};

use super::Cx;
use crate::kubernetes::api::{Api, ApiError};
use crate::kubernetes::watch::{self, Event, Head, Watch};

/// Where a pod is told its namespace.
const OWN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Changes that come within this time make one list of targets.
const SETTLE: Duration = Duration::from_secs(1);
/// Everything is listed anew after this time.
const RESYNC: Duration = Duration::from_secs(3600);
/// Events that wait.
const EVENTS: usize = 1_024;
/// Objects of a kind.
const OBJECTS: base::Limit = base::Limit::new("scrape_kubernetes_objects", 1_000_000);

/// A kind in a namespace, or in all.
struct Place {
    kind: Kind,
    path: String,
    version: String,
}

/// Follows the cluster until it is told to stop.
pub(super) async fn run(config: KubernetesSd, cx: Cx) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        match cx.stop.or(attempt(&config, &cx, &mut backoff)).await {
            None => return,
            Some(Ok(()) | Err(ApiError::Expired)) => {}
            Some(Err(error)) => {
                metrics::counter!("steadfast_scrape_discovery_failures_total", "of" => "kubernetes").increment(1);
                tracing::warn!(job = cx.job, %error, "a cluster cannot be followed: what was found before stays");
            }
        }
        let pause = cx.parts.clock.sleep(backoff.next(&cx.parts.rng));
        if cx.stop.or(pause).await.is_none() {
            return;
        }
    }
}

async fn attempt(config: &KubernetesSd, cx: &Cx, backoff: &mut Backoff) -> Result<(), ApiError> {
    let api = Api::connect(config.kubeconfig.as_deref(), None, &cx.parts.clock).await?;
    follow(config, &api, cx, backoff).await
}

/// Lists everything and watches it, until it is to be listed anew.
pub(super) async fn follow(config: &KubernetesSd, api: &Api, cx: &Cx, backoff: &mut Backoff) -> Result<(), ApiError> {
    let mut objects = Objects::default();
    let mut places = places(config).await?;
    for place in &mut places {
        list(api, place, &mut objects).await?;
    }
    backoff.reset();
    let (clock, rng) = (&cx.parts.clock, &cx.parts.rng);
    let (out, events) = bounded("scrape_kubernetes_events", EVENTS);
    let watch = |(n, place): (usize, &Place)| {
        let watch = Watch { kind: n, path: place.path.clone(), version: place.version.clone(), out: out.clone() };
        watch.run(api, clock, rng)
    };
    let mut watches: FuturesUnordered<_> = places.iter().enumerate().map(watch).collect();
    tokio::select! {
        biased;
        Some(why) = watches.next() => Err(why),
        () = take(config, &places, objects, events, cx) => Ok(()),
        () = clock.sleep(RESYNC) => Ok(()),
    }
}

/// Sends the targets, and again whenever objects have changed; ends when nobody listens.
async fn take(config: &KubernetesSd, places: &[Place], mut objects: Objects, mut events: Receiver<Event>, cx: &Cx) {
    let mut sent = None;
    loop {
        let groups = objects.groups(config.role, config.attach_node);
        if sent.as_ref() != Some(&groups) {
            if !cx.send(groups.clone()).await {
                return;
            }
            sent = Some(groups);
        }
        let Some(first) = events.recv().await else { return };
        apply(&first, places, &mut objects, &cx.job);
        cx.parts.clock.sleep(SETTLE).await;
        while let Some(event) = events.try_recv() {
            apply(&event, places, &mut objects, &cx.job);
        }
    }
}

fn apply(event: &Event, places: &[Place], objects: &mut Objects, job: &str) {
    let Some(place) = places.get(event.kind) else { return };
    if event.gone {
        let head: Result<Head, _> = serde_json::from_str(&event.object);
        if let Ok(head) = head {
            objects.remove(place.kind, &head.metadata.namespace, &head.metadata.name);
        }
    } else if let Err(error) = objects.put(place.kind, &event.object) {
        tracing::debug!(job, path = place.path, %error, "an object is left out");
    }
}

async fn list(api: &Api, place: &mut Place, objects: &mut Objects) -> Result<(), ApiError> {
    let (mut next, mut count) = (String::new(), 0);
    loop {
        let part = watch::list(api, &place.path, &next).await?;
        for object in part.objects()? {
            count += 1;
            OBJECTS.check(count)?;
            let _ = objects.put(place.kind, object);
        }
        place.version.clone_from(&part.version);
        if part.next.is_empty() {
            return Ok(());
        }
        next = part.next;
    }
}

async fn places(config: &KubernetesSd) -> Result<Vec<Place>, ApiError> {
    let mut namespaces = config.namespaces.clone();
    if config.own_namespace {
        let own = tokio::fs::read_to_string(OWN).await;
        let own = own.map_err(|error| ApiError::failed(format!("own_namespace: {OWN}: {error}")))?;
        namespaces.push(own.trim().to_owned());
    }
    let kinds = Kind::of(config.role, config.attach_node);
    Ok(kinds.into_iter().flat_map(|kind| places_of(kind, &namespaces, config)).collect())
}

fn places_of(kind: Kind, namespaces: &[String], config: &KubernetesSd) -> Vec<Place> {
    let (group, resource) = kind.path();
    let selector = config.selectors.iter().find(|selector| selector.role == kind.role());
    let query = selector.map(|selector| {
        let pairs = [("labelSelector", &selector.label), ("fieldSelector", &selector.field)];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    });
    let query = query.filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
    let place = |path: String| Place { kind, path, version: String::new() };
    if namespaces.is_empty() || kind == Kind::Nodes {
        return vec![place(format!("{group}/{resource}{query}"))];
    }
    let of = |name: &String| place(format!("{group}/namespaces/{name}/{resource}{query}"));
    namespaces.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use axum::body::{Body, Bytes};
    use axum::http::Uri;
    use axum::response::{IntoResponse, Response};
    use base::{Clock, Rng, Shutdown, Tasks};
    use futures::stream;
    use scrape::config::{Role, Selector};
    use serde_json::{Value, json};

    use super::*;
    use crate::scrape::Parts;
    use crate::scrape::tests::memory;

    fn pod(name: &str, ip: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": "5"},
               "spec": {"containers": [{"name": "app"}]}, "status": {"podIP": ip}})
    }

    /// A list of one pod, and a watch in which another comes and the first goes.
    fn answer(uri: &Uri) -> Response {
        if !uri.to_string().contains("watch=1") {
            return json!({"metadata": {"resourceVersion": "4"}, "items": [pod("one", "10.0.0.1")]})
                .to_string()
                .into_response();
        }
        let lines = [
            json!({"type": "ADDED", "object": pod("two", "10.0.0.2")}),
            json!({"type": "DELETED", "object": pod("one", "10.0.0.1")}),
        ];
        let lines = lines.map(|line| Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))));
        Response::new(Body::from_stream(stream::iter(lines).chain(stream::pending())))
    }

    #[tokio::test]
    async fn pods_are_listed_watched_and_forgotten() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = axum::Router::new().fallback(move |uri: Uri| {
            seen.lock().unwrap().push(uri.to_string());
            let answer = answer(&uri);
            async move { answer }
        });
        Tasks::new().spawn("server", async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let ingest = memory::ingest(&Arc::default(), folder.path(), &clock).await;
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let parts = Parts {
            ingest,
            clock: clock.clone(),
            rng: Rng::seeded(1),
            name: "test".to_owned(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        let (found, mut discovered) = bounded("test", 8);
        let settings = kube::Config::new(format!("http://127.0.0.1:{port}").parse().unwrap());
        let api = Api::new(kube::Client::try_from(settings).unwrap(), &clock);
        let config = KubernetesSd {
            role: Role::Pod,
            kubeconfig: None,
            namespaces: vec!["shop".to_owned()],
            own_namespace: false,
            selectors: vec![Selector { role: Role::Pod, label: "app=x".to_owned(), field: String::new() }],
            attach_node: false,
        };
        let cx = Cx::test(parts, found);
        let stopped = cx.clone();
        tasks.spawn("follow", async move {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
            let _ = cx.stop.clone().or(follow(&config, &api, &cx, &mut backoff)).await;
        });
        let addresses = |groups: &[scrape::discovery::Group]| -> Vec<String> {
            groups
                .iter()
                .flat_map(|group| group.labels().map(|labels| labels["__address__"].clone()).collect::<Vec<_>>())
                .collect()
        };
        let next = clock.timeout(Duration::from_secs(10), discovered.recv()).await.unwrap().unwrap();
        assert_eq!(addresses(&next.groups), ["10.0.0.1"]);
        let next = clock.timeout(Duration::from_secs(10), discovered.recv()).await.unwrap().unwrap();
        assert_eq!(addresses(&next.groups), ["10.0.0.2"]);
        assert!(asked.lock().unwrap()[0].starts_with("/api/v1/namespaces/shop/pods?labelSelector=app%3Dx&limit="));
        shutdown.start();
        assert!(!stopped.send(Vec::new()).await, "another may have its place");
        tasks.join(&clock, Duration::from_secs(10)).await.unwrap();
    }
}
