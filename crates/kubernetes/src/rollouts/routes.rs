//! Objects that say where traffic goes, as rules with weights.
//!
//! Istio: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>. Gateway API, and Linkerd's routes of
//! the same form: <https://gateway-api.sigs.k8s.io/reference/spec/>. ingress-nginx:
//! <https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#canary>. AWS:
//! <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#actions>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::{self, Labels, is_name};

const NGINX: &str = "nginx.ingress.kubernetes.io/";
const ALB: &str = "alb.ingress.kubernetes.io/actions.";
/// Bytes of an action that is read.
const ACTION: usize = 64 << 10;
/// Rules of an object, and targets of a rule, that are read.
const RULES: usize = 1_000;
/// The weight of all where none is said: that of a rule with one target, and ingress-nginx's.
const WHOLE: u64 = 100;

/// Where a rule sends traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub namespace: String,
    pub service: String,
    pub subset: Option<String>,
}

/// How traffic is split; a weight that is none is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Among these.
    Split(Vec<(Target, Option<u64>)>),
    /// These have a part of what others have the rest of.
    Part { targets: Vec<Target>, weight: Option<u64>, total: Option<u64> },
}

/// A rule, and what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub by: &'static str,
    pub rule: Rule,
}

/// Pods of a service, by labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subset {
    pub service: String,
    pub name: String,
    pub labels: Labels,
}

impl Route {
    /// Where it sends traffic.
    pub fn targets(&self) -> Vec<&Target> {
        match &self.rule {
            Rule::Split(targets) => targets.iter().map(|(target, _)| target).collect(),
            Rule::Part { targets, .. } => targets.iter().collect(),
        }
    }

    /// What it says of each namespace that it has a target in: only targets there are looked at.
    pub fn by_namespace(self) -> Vec<(String, Self)> {
        let by = self.by;
        match self.rule {
            Rule::Split(targets) => {
                let groups = grouped(targets, |(target, _)| target).into_iter();
                groups.map(|(namespace, targets)| (namespace, Self { by, rule: Rule::Split(targets) })).collect()
            }
            Rule::Part { targets, weight, total } => {
                let groups = grouped(targets, |target| target).into_iter();
                let rule = |targets| Rule::Part { targets, weight, total };
                groups.map(|(namespace, targets)| (namespace, Self { by, rule: rule(targets) })).collect()
            }
        }
    }
}

fn grouped<T>(targets: Vec<T>, of: impl Fn(&T) -> &Target) -> BTreeMap<String, Vec<T>> {
    let mut groups: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for target in targets {
        groups.entry(of(&target).namespace.clone()).or_default().push(target);
    }
    groups
}

/// The rules of a `VirtualService`.
pub(super) fn virtual_service(namespace: &str, object: &Value) -> Vec<Route> {
    let rules = ["/spec/http", "/spec/tcp", "/spec/tls"].into_iter().flat_map(|list| read::list(object, list));
    let rule = |rule: &Value| {
        let routes = read::list(rule, "/route");
        let default = if routes.len() == 1 { WHOLE } else { 0 };
        let target = |route: &Value| {
            let (namespace, service) = host(namespace, read::text(route, "/destination/host")?)?;
            let subset = read::text(route, "/destination/subset").map(str::to_owned);
            Some((Target { namespace, service, subset }, read::weight(route.get("weight"), Some(default))))
        };
        Route { by: "VirtualService", rule: Rule::Split(routes.iter().take(RULES).filter_map(target).collect()) }
    };
    rules.take(RULES).map(rule).collect()
}

/// The subsets of a `DestinationRule`, with the namespace of their service.
pub(super) fn destination_rule(namespace: &str, object: &Value) -> Option<(String, Vec<Subset>)> {
    let (namespace, service) = host(namespace, read::text(object, "/spec/host")?)?;
    let subset = |subset: &Value| {
        let name = read::text(subset, "/name")?.to_owned();
        Some(Subset { service: service.clone(), name, labels: read::labels(subset, "/labels") })
    };
    let subsets = read::list(object, "/spec/subsets").iter().take(RULES).filter_map(subset).collect();
    Some((namespace, subsets))
}

/// The rules of an `HTTPRoute`.
pub(super) fn http_route(namespace: &str, object: &Value) -> Vec<Route> {
    let rule = |rule: &Value| {
        let target = |backend: &Value| {
            let is_service = backend.get("kind").is_none_or(|kind| kind == "Service")
                && backend.get("group").is_none_or(|group| matches!(group.as_str(), Some("" | "core")));
            let service = read::name(backend, "/name").filter(|_| is_service)?;
            let namespace = read::name(backend, "/namespace").unwrap_or_else(|| namespace.to_owned());
            Some((Target { namespace, service, subset: None }, read::weight(backend.get("weight"), Some(1))))
        };
        let backends = read::list(rule, "/backendRefs").iter().take(RULES);
        Route { by: "HTTPRoute", rule: Rule::Split(backends.filter_map(target).collect()) }
    };
    read::list(object, "/spec/rules").iter().take(RULES).map(rule).collect()
}

/// What annotations of an `Ingress` say.
pub(super) fn ingress(namespace: &str, object: &Value) -> Vec<Route> {
    nginx(namespace, object).unwrap_or_default().into_iter().chain(alb(namespace, object)).collect()
}

/// By weight; what headers or cookies say goes before that.
fn nginx(namespace: &str, object: &Value) -> Option<Vec<Route>> {
    let annotations = object.pointer("/metadata/annotations")?;
    let annotation = |name: &str| annotations.get(format!("{NGINX}{name}"));
    // An annotation is a text; what else stands there is no weight.
    let number = |value: &Value| value.as_str().and_then(|text| text.trim().parse::<u64>().ok());
    if annotation("canary")?.as_str() != Some("true") {
        return None;
    }
    let weight = annotation("canary-weight").map(number);
    let total = annotation("canary-weight-total").map_or(Some(WHOLE), number);
    let chosen = ["canary-by-header", "canary-by-cookie"].iter().any(|by| annotation(by).is_some());
    let paths = read::list(object, "/spec/rules").iter().flat_map(|rule| read::list(rule, "/http/paths"));
    let backends = paths.filter_map(|path| path.get("backend")).chain(object.pointer("/spec/defaultBackend"));
    let service = |backend: &Value| read::name(backend, "/service/name");
    let target = |service| Target { namespace: namespace.to_owned(), service, subset: None };
    let targets: Vec<Target> = backends.take(RULES).filter_map(service).map(target).collect();
    let all = || Rule::Split(targets.iter().map(|target| (target.clone(), Some(WHOLE))).collect());
    let by_choice = chosen.then(all);
    let by_weight = weight.map(|weight| Rule::Part { targets: targets.clone(), weight, total });
    Some(by_choice.into_iter().chain(by_weight).map(|rule| Route { by: "ingress-nginx", rule }).collect())
}

fn alb(namespace: &str, object: &Value) -> Vec<Route> {
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let actions = annotations.into_iter().flatten().filter(|(name, _)| name.starts_with(ALB));
    let action = |text: &Value| {
        let text = text.as_str().filter(|text| text.len() <= ACTION)?;
        let action: Value = serde_json::from_str(text).ok()?;
        let groups = read::list(&action, "/forwardConfig/targetGroups");
        let default = (groups.len() == 1).then_some(WHOLE);
        let target = |group: &Value| {
            let service = read::name(group, "/serviceName")?;
            let target = Target { namespace: namespace.to_owned(), service, subset: None };
            Some((target, read::weight(group.get("weight"), default)))
        };
        let targets = groups.iter().take(RULES).filter_map(target).collect();
        Some(Route { by: "ALB", rule: Rule::Split(targets) })
    };
    actions.take(RULES).filter_map(|(_, text)| action(text)).collect()
}

/// Namespace and name of a service by how Istio names it: `reviews`, `reviews.shop`, `reviews.shop.svc.cluster.local`.
fn host(namespace: &str, text: &str) -> Option<(String, String)> {
    let mut parts = text.split('.');
    let service = parts.next().filter(|name| is_name(name))?;
    let of = parts.next().unwrap_or(namespace);
    let inside = parts.next().is_none_or(|svc| svc == "svc");
    (inside && is_name(of)).then(|| (of.to_owned(), service.to_owned()))
}
