use serde_json::{Value, json};

use super::*;
use crate::mark::mark;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const EARLIER: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn kind(api_version: &str, kind: &str) -> ApiKind {
    ApiKind { api_version: api_version.to_owned(), kind: kind.to_owned() }
}

fn application() -> ApiKind {
    kind("argoproj.io/v1alpha1", "Application")
}

fn read(kind: &ApiKind, mut object: Value) -> (Neighbours, Neighbour) {
    object["metadata"] = json!({"namespace": "tools", "name": "cart"});
    let mut all = Neighbours::default();
    assert!(all.put(kind, &object) && !all.put(kind, &object), "only news is news");
    let one = all.all.values().next().unwrap().clone();
    (all, one)
}

#[test]
fn an_application_says_what_it_was_asked_to_apply() {
    let spec = json!({"source": {"repoURL": "https://git.example.org/shop.git", "path": "apps/cart"}});
    let history = json!([{"revision": EARLIER}]);
    let cases = [
        // A sync that runs, has ended or has failed is what was asked for.
        (json!({"phase": "Running", "syncResult": {"revision": COMMIT}}), Some(COMMIT), true),
        (json!({"phase": "Succeeded", "syncResult": {"revision": COMMIT}}), Some(COMMIT), false),
        (json!({"phase": "Failed", "syncResult": {"revision": COMMIT}}), Some(COMMIT), false),
        // One of a few objects, or one that only shows what it would do, asks for nothing.
        (
            json!({"phase": "Running", "syncResult": {"revision": COMMIT}, "operation": {"sync": {"dryRun": true}}}),
            Some(EARLIER),
            false,
        ),
        (
            json!({"phase": "Running", "syncResult": {"revision": COMMIT},
                "operation": {"sync": {"resources": [{"kind": "Service", "name": "x"}]}}}),
            Some(EARLIER),
            true,
        ),
        (json!({"phase": "Error"}), Some(EARLIER), false),
        (Value::Null, Some(EARLIER), false),
    ];
    for (state, commit, applying) in cases {
        let status = json!({"sync": {"status": "OutOfSync"}, "health": {"status": "Progressing"},
            "operationState": state, "history": history});
        let (all, one) = read(&application(), json!({"spec": spec, "status": status}));
        let asked = all.commit(Tool::ArgoCd, "tools", "cart", "ssh://git@elsewhere/x").ok();
        assert_eq!((asked.as_deref(), one.applying), (commit, applying), "{state}");
        assert!(one.shown().starts_with("argocd tools/cart OutOfSync/Progressing @ "), "{}", one.shown());
    }
}

#[test]
fn of_several_sources_the_one_of_the_repository_is_followed() {
    let spec = json!({"sources": [{"repoURL": "https://charts.example.org", "chart": "x"},
        {"repoURL": "https://git.example.org/shop/infra.git", "path": "a"}]});
    let status = json!({"operationState": {"phase": "Succeeded", "syncResult": {"revisions": ["1.2.3", COMMIT]}}});
    let (all, _) = read(&application(), json!({"spec": spec, "status": status}));
    let commit = |url: &str| all.commit(Tool::ArgoCd, "tools", "cart", url).map_err(|error| error.to_string());
    for url in [
        "git@git.example.org:shop/infra.git",
        "ssh://git@GIT.example.org:22/shop/infra",
        "https://git.example.org/shop/infra/",
    ] {
        assert_eq!(commit(url).as_deref(), Ok(COMMIT), "{url}");
    }
    assert!(commit("https://git.example.org/other").unwrap_err().contains("none of its sources is"));
    assert!(commit("https://charts.example.org").unwrap_err().contains("not asked to apply a commit"));
    let unknown = all.commit(Tool::Flux, "tools", "cart", "x").unwrap_err();
    assert_eq!(unknown.to_string(), "flux tools/cart: the cluster has no such object, or it may not be read");
}

#[test]
fn flux_says_what_it_tries_and_what_it_has_applied() {
    let of = kind("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
    let revision = |hash: &str| format!("main@sha1:{hash}");
    let status = |ready: &str, reconciling: &str, attempted: &str, applied: &str| {
        json!({"conditions": [{"type": "Ready", "status": ready}, {"type": "Reconciling", "status": reconciling}],
            "lastAttemptedRevision": attempted, "lastAppliedRevision": applied})
    };
    let (new, old) = (revision(COMMIT), revision(EARLIER));
    let cases = [
        (status("True", "False", &new, &new), "Ready", false),
        (status("Unknown", "True", &old, &old), "Unknown", true),
        (status("Unknown", "False", &new, &old), "Unknown", true),
        (status("False", "False", &new, &old), "NotReady", false),
    ];
    for (status, sync, applying) in cases {
        let spec = json!({"sourceRef": {"kind": "GitRepository", "name": "infra"}, "path": "./apps"});
        let (mut all, one) = read(&of, json!({"spec": spec, "status": status}));
        assert_eq!((one.sync.as_str(), one.applying), (sync, applying), "{status}");
        assert!(all.commit(Tool::Flux, "tools", "cart", "x").is_ok());
        let repository = json!({"metadata": {"namespace": "tools", "name": "infra"}, "spec": {"url": "https://git/x"}});
        assert!(all.put(&kind("source.toolkit.fluxcd.io/v1", "GitRepository"), &repository));
        let (_, _, document) = all.documents().next().unwrap();
        assert_eq!(document.tree()["sources"][0]["url"], "https://git/x");
    }
    let old = json!({"spec": {"sourceRef": {"kind": "GitRepository"}}, "status": {"lastAppliedRevision": format!("main/{COMMIT}")}});
    assert_eq!(read(&of, old).1.sources[0].commit.as_deref(), Some(COMMIT));
    let bucket = json!({"spec": {"sourceRef": {"kind": "OCIRepository"}}, "status": {"lastAppliedRevision": new}});
    assert_eq!(read(&of, bucket).1.sources[0].commit, None);
    let release = kind("helm.toolkit.fluxcd.io/v2", "HelmRelease");
    let status = json!({"conditions": [{"type": "Ready", "status": "True"}],
        "lastAttemptedRevision": "1.2.3", "history": [{"chartVersion": "1.2.3"}]});
    let (all, one) = read(&release, json!({"status": status}));
    assert_eq!((one.shown().as_str(), one.applying), ("flux-helm tools/cart Ready @ 1.2.3", false));
    assert!(all.commit(Tool::FluxHelm, "tools", "cart", "x").is_err());
}

#[test]
fn whatever_a_status_holds_it_is_read_as_far_as_it_makes_sense() {
    let odd = [
        Value::Null,
        json!(7),
        json!("x"),
        json!([]),
        json!([7, null, {"type": 3}]),
        json!({"status": {"status": []}}),
    ];
    for of in KINDS.iter().map(|(group, name, versions)| kind(&format!("{group}/{}", versions[0]), name)) {
        assert!(Neighbours::reads(&of));
        for part in &odd {
            for object in [
                json!({"spec": part, "status": part, "operation": part}),
                json!({"status": {"conditions": part, "sync": part, "operationState": part, "history": part,
                    "lastAttemptedRevision": part}, "spec": {"source": part, "sources": part, "sourceRef": part}}),
                json!({"status": {"operationState": {"syncResult": part, "operation": {"sync": part}, "phase": part}}}),
            ] {
                let mut object = object;
                object["metadata"] = json!({"name": "x", "namespace": "y"});
                let mut all = Neighbours::default();
                all.put(&of, &object);
                // A text is a revision that it tries, and nothing else is.
                let applies = |(_, _, document): (&str, &str, Document)| document.tree()["applying"] == true;
                assert!(part.is_string() || !all.documents().any(applies), "{of:?} {object}");
            }
        }
    }
    let long = json!({"status": {"sync": {"status": "x\n".repeat(100_000)}}});
    assert_eq!(read(&application(), long).1.sync.len(), 400);
    assert!(!Neighbours::reads(&kind("v1", "ConfigMap")));
}

#[test]
fn objects_are_marked_by_the_tools_own_marks() {
    let object = |labels: Value, annotations: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "labels": labels, "annotations": annotations}})
    };
    let tracked = |id: &str| {
        object(json!({"app.kubernetes.io/instance": "chart"}), json!({"argocd.argoproj.io/tracking-id": id}))
    };
    let flux = |group: &str| {
        object(json!({format!("{group}/name"): "cart", format!("{group}/namespace"): "tools"}), Value::Null)
    };
    let cases = [
        (tracked("cart:apps/Deployment:shop/web"), Some("argocd:cart")),
        (tracked("cart:apps/Deployment:shop/other"), None),
        (tracked("cart:apps/Deployment"), None),
        (object(json!({"app.kubernetes.io/instance": "cart"}), Value::Null), Some("argocd:cart")),
        (flux("kustomize.toolkit.fluxcd.io"), Some("flux:tools/cart")),
        (flux("helm.toolkit.fluxcd.io"), Some("flux-helm:tools/cart")),
        (object(json!({"app.kubernetes.io/instance": 7}), json!([])), None),
        (object(json!({"app.kubernetes.io/instance": "x".repeat(700)}), Value::Null), None),
        (json!({"metadata": "x"}), None),
    ];
    for (object, expected) in cases {
        assert_eq!(mark(&object).as_deref(), expected, "{object}");
    }
}

#[test]
fn an_application_outside_of_its_controllers_namespace_has_a_longer_handle() {
    let status = |controller: &str| json!({"status": {"controllerNamespace": controller}});
    assert_eq!(read(&application(), status("tools")).1.handle, "argocd:cart");
    assert_eq!(read(&application(), status("argocd")).1.handle, "argocd:tools_cart");
}
