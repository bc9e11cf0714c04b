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
use kubernetes::{Body, Canonical, Cluster, Clusters, Controllers, Known};
use model::rows::{Doubt, Suspect};
use serde_json::Value;

use super::api::{Api, ApiError};
use super::discovery::{self, Served};
use super::{KubernetesConfig, kind};

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
        let api = Api::connect(&self.config, &self.clock).await?;
        self.keep(Some(api.clone()));
        Ok(api)
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
                Ok(question.refuted(object, &canonical, &self.controllers))
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
    fn refuted(&self, mut object: Value, canonical: &Canonical<'_>, controllers: &Controllers) -> Vec<String> {
        object["apiVersion"] = self.kind.api_version.as_str().into();
        object["kind"] = self.kind.kind.as_str().into();
        let answer = Body::read(object, canonical, controllers).tree;
        let same = |doubt: &&Doubt| *answer.pointer(&doubt.path).unwrap_or(&Value::Null) == doubt.live;
        self.doubts.iter().filter(same).map(|doubt| doubt.path.clone()).collect()
    }
}
