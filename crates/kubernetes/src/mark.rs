//! By what an object says which tool applies it.

use serde_json::Value;

use crate::schema::ApiKind;

/// What applies a source to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// An `Application` of Argo CD.
    ArgoCd,
    /// A `Kustomization` of Flux.
    Flux,
    /// A `HelmRelease` of Flux.
    FluxHelm,
}

impl Tool {
    /// Its name in handles, rows and the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ArgoCd => "argocd",
            Self::Flux => "flux",
            Self::FluxHelm => "flux-helm",
        }
    }
}

/// The member of a live document that says which neighbour applies the object, by its handle:
/// `argocd:cart`, `flux:shop/cart`, `flux-helm:shop/cart`.
pub const MARK: &str = "$gitops";

/// A name is no longer than a label's value, and two of them with what stands between.
const LONGEST: usize = 600;

/// The handle of the neighbour that applies the object; whether there is such a neighbour is another question.
pub(crate) fn mark(object: &Value) -> Option<String> {
    let metadata = object.get("metadata")?;
    let text = |of: &str, name: &str| metadata.get(of)?.get(name)?.as_str().filter(|text| !text.is_empty());
    let flux = |tool: Tool, group: &str| {
        let part = |name: &str| text("labels", &format!("{group}/{name}"));
        Some(format!("{}:{}/{}", tool.as_str(), part("namespace")?, part("name")?))
    };
    let argocd = || {
        let tracked = text("annotations", "argocd.argoproj.io/tracking-id");
        let instance = match tracked {
            // One that was copied with its object is of another.
            Some(id) => tracking(id, object)?,
            None => text("labels", "app.kubernetes.io/instance")?,
        };
        Some(format!("{}:{instance}", Tool::ArgoCd.as_str()))
    };
    let mark = flux(Tool::Flux, "kustomize.toolkit.fluxcd.io")
        .or_else(|| flux(Tool::FluxHelm, "helm.toolkit.fluxcd.io"))
        .or_else(argocd)?;
    (mark.len() <= LONGEST).then_some(mark)
}

/// The application of `APP:GROUP/KIND:NAMESPACE/NAME`, if the rest is this object.
fn tracking<'a>(id: &'a str, object: &Value) -> Option<&'a str> {
    let (app, rest) = id.split_once(':')?;
    let (kind, place) = rest.split_once(':')?;
    let of = ApiKind::of(object);
    let group = of.api_version.split_once('/').map_or("", |(group, _)| group);
    let (namespace, name) = place.split_once('/')?;
    let at = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    // What is in no namespace is tracked with that of its application.
    let there = at("/metadata/namespace").is_empty() || at("/metadata/namespace") == namespace;
    (kind == format!("{group}/{}", of.kind) && there && at("/metadata/name") == name).then_some(app)
}
