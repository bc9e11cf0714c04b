//! What an API server says of a suspect: a server-side apply of what is declared, as a dry run.
//!
//! The server defaults, converts, admits and rewrites as it would for a real apply. Where its answer
//! has what live has, what is declared would change nothing, and the difference is the server's own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base::{Clock, DigestKey, Limit};
use collect::{Confirmer, Unconfirmed};
use kubernetes::schema::ApiKind;
use kubernetes::{Body, Canonical, Cluster, Clusters, Controllers, Identity, Known};
use model::rows::{Doubt, Suspect};
use serde_json::Value;

use super::api::{Api, ApiError};
use super::discovery::{self, Served};
use super::{KubernetesConfig, identity, kind};

/// The name under which we would own what we only ask about.
const MANAGER: &str = "steadfast";
/// Bytes of an answer: those of a large object with its managedFields.
const ANSWER: Limit = Limit::new("kubernetes_dry_run_bytes", 8 << 20);
/// Bytes of what is declared: etcd takes no more.
const DECLARED: Limit = Limit::new("kubernetes_dry_run_request_bytes", 3 << 19);

/// Kinds of which the server refuses dry runs, and why.
pub(super) type Refused = BTreeMap<ApiKind, String>;

/// Who asks the clusters of which `confirm` is set.
pub fn confirmers(
    configs: &[KubernetesConfig],
    clusters: &Clusters,
    key: &DigestKey,
    clock: &Clock,
) -> Vec<Box<dyn Confirmer>> {
    let asked = configs.iter().filter(|config| config.confirm);
    let make = |config: &KubernetesConfig| -> Box<dyn Confirmer> {
        Box::new(DryRuns::new(config.clone(), clusters.get(&config.cluster), key.clone(), clock.clone()))
    };
    asked.map(make).collect()
}

/// Asks one cluster.
pub(super) struct DryRuns {
    config: KubernetesConfig,
    cluster: Cluster,
    scope: String,
    controllers: Controllers,
    key: DigestKey,
    clock: Clock,
    /// Made at the first question, and anew after one that did not get through.
    api: Mutex<Option<Api>>,
    /// How kinds are named in paths; nothing for those that are not served.
    served: Mutex<HashMap<ApiKind, Served>>,
}

impl DryRuns {
    pub(super) fn new(config: KubernetesConfig, cluster: Cluster, key: DigestKey, clock: Clock) -> Self {
        let (scope, controllers) = (cluster.scope(), Controllers::new(&config.controllers));
        let (api, served) = (Mutex::default(), Mutex::default());
        Self { config, cluster, scope, controllers, key, clock, api, served }
    }

    /// With a connection that is there already.
    #[cfg(test)]
    pub(super) fn over(self, api: Api) -> Self {
        self.keep(Some(api));
        self
    }

    fn keep(&self, api: Option<Api>) {
        *self.api.lock().unwrap_or_else(PoisonError::into_inner) = api;
    }

    async fn connected(&self) -> Result<Api, ApiError> {
        let known = self.api.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(api) = known {
            return Ok(api);
        }
        let api = self.config.connect(&self.clock).await?;
        self.same(&api).await?;
        self.keep(Some(api.clone()));
        Ok(api)
    }

    /// Refuses another cluster than the one that is watched: what it has says nothing of that.
    async fn same(&self, api: &Api) -> Result<(), ApiError> {
        let watched = self.cluster.identity();
        if watched == Some(Identity::Unreadable) {
            return Ok(());
        }
        let asked = identity::uid(api).await?.map(Identity::Uid);
        let same = asked.is_some() && asked == watched;
        same.then_some(()).ok_or_else(|| ApiError::Failed("this is not the cluster that is watched".to_owned()))
    }

    async fn served(&self, api: &Api, kind: &ApiKind) -> Result<Served, ApiError> {
        let known = self.served.lock().unwrap_or_else(PoisonError::into_inner).get(kind).cloned();
        if let Some(served) = known {
            return Ok(served);
        }
        let discovered = discovery::discover(api, &BTreeSet::from([kind.clone()])).await?;
        let served = discovered.served.into_iter().next();
        let served = served.ok_or_else(|| ApiError::NotFound(discovered.problems.join("; ")))?;
        self.served.lock().unwrap_or_else(PoisonError::into_inner).insert(kind.clone(), served.clone());
        Ok(served)
    }

    /// The object that the server would have.
    async fn ask(&self, question: &Question<'_>) -> Result<Value, ApiError> {
        let api = self.connected().await?;
        let served = self.served(&api, &question.kind).await?;
        let path = discovery::path_of(&question.kind, &served.plural, &question.suspect.id);
        api.dry_run(&path, MANAGER, &question.manifest, ANSWER).await
    }

    /// Remembers what the server refuses, and says it once.
    fn refused(&self, kind: &ApiKind, why: Option<&str>) {
        if self.cluster.refuse(kind, why.map(str::to_owned))
            && let Some(why) = why
        {
            tracing::warn!(scope = self.scope, kind = kind.kind, why, "dry runs are refused: pages are not confirmed");
        }
    }
}

#[async_trait]
impl Confirmer for DryRuns {
    fn scope(&self) -> &str {
        &self.scope
    }

    async fn confirm(&self, suspect: &Suspect) -> Result<Vec<String>, Unconfirmed> {
        let known = Arc::clone(&self.cluster.known().borrow());
        let canonical = Canonical { schema: &known.schema, key: &self.key };
        let question = Question::of(suspect, &known, &canonical, &self.controllers).map_err(Unconfirmed)?;
        match self.ask(&question).await {
            Ok(object) => {
                self.refused(&question.kind, None);
                question.refuted(object, &canonical, &self.controllers)
            }
            Err(error) => {
                match &error {
                    ApiError::Forbidden(why) => self.refused(&question.kind, Some(why)),
                    ApiError::Failed(_) => self.keep(None),
                    _ => {}
                }
                Err(Unconfirmed(error.to_string()))
            }
        }
    }
}

/// A suspect as its server is asked about it.
struct Question<'a> {
    suspect: &'a Suspect,
    kind: ApiKind,
    manifest: Value,
    doubts: Vec<Doubt>,
}

impl<'a> Question<'a> {
    /// The error: why it cannot be asked.
    fn of(
        suspect: &'a Suspect,
        known: &Known,
        canonical: &Canonical<'_>,
        controllers: &Controllers,
    ) -> Result<Self, String> {
        DECLARED.check(suspect.document.len() as u64).map_err(|exceeded| exceeded.to_string())?;
        let document: Value = serde_json::from_str(&suspect.document).map_err(|error| error.to_string())?;
        let body = Body::from_document(document).ok_or("what is declared is no object")?;
        let doubts = suspect.doubts().map_err(|error| error.to_string())?;
        let version = body.schema.split(' ').next().unwrap_or_default();
        let name = suspect.id.kind().rsplit('.').next().unwrap_or_default();
        let kind = kind(version, name);
        if known.schema.version(&kind) != body.schema {
            return Err("its schema has changed since it was read".to_owned());
        }
        let manifest = known.schema.declared(&kind, &suspect.id, &body.tree);
        // Of anything else the answer would say nothing.
        if Body::read(manifest.clone(), canonical, controllers).tree != body.tree {
            return Err("what is declared cannot be written as a manifest again".to_owned());
        }
        Ok(Self { suspect, kind, manifest, doubts })
    }

    /// The paths at which the server's answer has what live has.
    fn refuted(
        &self,
        object: Value,
        canonical: &Canonical<'_>,
        controllers: &Controllers,
    ) -> Result<Vec<String>, Unconfirmed> {
        // Where there is nothing, nothing differs from what is absent in live.
        let named = object.pointer("/metadata/name").is_some_and(|name| *name == *self.suspect.id.name());
        if ApiKind::of(&object) != self.kind || !named {
            return Err(Unconfirmed("the server answered with another object".to_owned()));
        }
        let answer = Body::read(object, canonical, controllers).tree;
        let same = |doubt: &&Doubt| *answer.pointer(&doubt.path).unwrap_or(&Value::Null) == doubt.live;
        Ok(self.doubts.iter().filter(same).map(|doubt| doubt.path.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Bytes;
    use axum::http::{HeaderMap, Method, StatusCode, Uri};
    use axum::response::{IntoResponse, Response};
    use base::Timestamp;
    use kubernetes::schema::Schema;
    use model::Fingerprint;
    use serde_json::json;

    use super::*;

    /// A server that answers every patch with the same, and what it was asked.
    struct Server {
        runs: DryRuns,
        cluster: Cluster,
        asked: Arc<Mutex<Vec<(String, String, Value)>>>,
    }

    impl Server {
        async fn start(code: u16, answer: Value) -> Self {
            let asked: Arc<Mutex<Vec<(String, String, Value)>>> = Arc::default();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let seen = Arc::clone(&asked);
            let serve = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let answer = answer.clone();
                let of = headers.get("content-type").and_then(|of| of.to_str().ok()).unwrap_or_default().to_owned();
                if method == Method::PATCH {
                    let body = serde_json::from_slice(&body).unwrap();
                    seen.lock().unwrap().push((uri.to_string(), of, body));
                }
                async move { respond(&method, code, &answer) }
            };
            let router = axum::Router::new().fallback(serve);
            base::Tasks::new().spawn("server", async move { axum::serve(listener, router).await.unwrap() });
            let settings = kube::Config::new(format!("http://127.0.0.1:{port}").parse().unwrap());
            let clock = Clock::system();
            let api = Api::new(kube::Client::try_from(settings).unwrap(), &clock);
            let config: KubernetesConfig = serde_json::from_value(json!({"cluster": "test"})).unwrap();
            let cluster = Cluster::new("test");
            let runs = DryRuns::new(config, cluster.clone(), DigestKey::from_bytes([1; 32]), clock).over(api);
            Self { runs, cluster, asked }
        }
    }

    fn respond(method: &Method, code: u16, answer: &Value) -> Response {
        let resource = |name: &str, kind: &str| json!({"name": name, "kind": kind, "namespaced": true, "verbs": ["list", "watch"]});
        let resources = json!({"resources": [resource("services", "Service"), resource("configmaps", "ConfigMap")]});
        match *method {
            Method::PATCH if code == 200 => answer.to_string().into_response(),
            Method::PATCH => {
                let status =
                    json!({"kind": "Status", "status": "Failure", "code": code, "message": answer, "reason": "x"});
                (StatusCode::from_u16(code).unwrap(), status.to_string()).into_response()
            }
            _ => resources.to_string().into_response(),
        }
    }

    /// A Service in doubt about its ports and affinity.
    fn suspect(fields: Value) -> Suspect {
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"sessionAffinity": "None", "type": "ClusterIP", "ports": [{"port": 80}]}});
        let key = DigestKey::from_bytes([1; 32]);
        let canonical = Canonical { schema: Schema::builtin(), key: &key };
        let body = Body::read(object, &canonical, &Controllers::new(&[]));
        let id: model::ResourceId = "k8s/test/Service/shop/web".parse().unwrap();
        let time = Timestamp::from_secs(1);
        let (declared, live) = (Fingerprint([1; 16]), Fingerprint([2; 16]));
        let document = body.into_document().to_json();
        let (scope, key) = ("k8s/test".to_owned(), id.key());
        Suspect { time, scope, id, key, declared, live, until: time, document, fields: fields.to_string() }
    }

    fn doubts() -> Value {
        json!([
            {"path": "/spec/sessionAffinity", "live": "ClientIP"},
            {"path": "/spec/ports/port=80,protocol=TCP/name", "live": null},
            {"path": "/spec/type", "live": "NodePort"},
        ])
    }

    #[tokio::test]
    async fn what_is_declared_is_applied_as_a_dry_run_and_the_answer_held_against_live() {
        // The members that an answer has are in any order, and defaults are filled in.
        let answer = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
            "spec": {"type": "ClusterIP", "sessionAffinity": "ClientIP", "ports": [{"targetPort": 80, "protocol": "TCP", "port": 80}]}});
        let server = Server::start(200, answer).await;
        let refuted = server.runs.confirm(&suspect(doubts())).await.unwrap();
        assert_eq!(refuted, ["/spec/sessionAffinity", "/spec/ports/port=80,protocol=TCP/name"]);
        let asked = server.asked.lock().unwrap()[0].clone();
        assert_eq!(asked.0, "/api/v1/namespaces/shop/services/web?dryRun=All&force=true&fieldManager=steadfast");
        assert_eq!(asked.1, "application/apply-patch+yaml");
        assert_eq!(asked.2["spec"]["ports"], json!([{"port": 80, "protocol": "TCP"}]));
        assert_eq!(asked.2["spec"]["sessionAffinity"], "None", "a default that is declared is applied");
    }

    #[tokio::test]
    async fn what_a_server_refuses_is_not_known() {
        for (code, says) in [
            (403, "services is forbidden"),
            (404, "gone"),
            (409, "conflict"),
            (422, "immutable"),
            (500, "a webhook has side effects"),
        ] {
            let server = Server::start(code, json!(says)).await;
            let refused = server.cluster.refused();
            let why = server.runs.confirm(&suspect(doubts())).await.unwrap_err();
            assert!(why.0.contains(says), "{code}: {why}");
            assert_eq!(
                refused.has_changed().unwrap(),
                code == 403,
                "only a right that is missing is told of the scope"
            );
        }
    }

    #[tokio::test]
    async fn a_right_that_is_missing_is_said_once_until_it_is_given() {
        let cluster = Cluster::new("test");
        let kind = kind("v1", "Service");
        assert!(cluster.refuse(&kind, Some("no".to_owned())));
        assert!(!cluster.refuse(&kind, Some("no, for another object".to_owned())));
        assert!(cluster.refuse(&kind, None) && !cluster.refuse(&kind, None));
        assert!(cluster.refuse(&kind, Some("no".to_owned())));
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_not_asked() {
        let server = Server::start(200, json!({})).await;
        let broken = [
            (Suspect { document: "{".to_owned(), ..suspect(doubts()) }, "EOF"),
            (Suspect { document: "{}".to_owned(), ..suspect(doubts()) }, "is no object"),
            (suspect(json!({"path": 1})), "invalid type"),
            (
                Suspect { document: suspect(doubts()).document.replace("\"v1\"", "\"v1 abc\""), ..suspect(doubts()) },
                "schema has changed",
            ),
            (Suspect { document: " ".repeat(2 << 20), ..suspect(doubts()) }, "kubernetes_dry_run_request_bytes"),
            (Suspect { id: "k8s/test/Unserved/shop/web".parse().unwrap(), ..suspect(doubts()) }, "schema has changed"),
        ];
        for (suspect, why) in broken {
            let said = server.runs.confirm(&suspect).await.unwrap_err();
            assert!(said.0.contains(why), "{said}");
        }
        assert!(server.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_or_no_object_refutes_nothing() {
        let server = Server::start(200, json!("x".repeat(9 << 20))).await;
        let why = server.runs.confirm(&suspect(doubts())).await.unwrap_err();
        assert!(why.0.contains("kubernetes_dry_run_bytes"), "{why}");
        for answer in [json!([]), json!("text"), json!(null), json!({"spec": 7})] {
            let server = Server::start(200, answer).await;
            let said = server.runs.confirm(&suspect(json!([{"path": "/spec/type", "live": null}]))).await;
            assert!(said.is_err(), "{said:?}");
        }
    }
}
