//! Kubernetes manifests in a repository: as they are, and as kustomize and helm make them.

use std::path::PathBuf;
use std::time::Duration;

use desired::{DesiredError, Fetched, Source};
use kubernetes::Known;
use kubernetes::gitops::Neighbours;
use kubernetes::schema::ApiKind;
use sources::git::{Git, GitConfig};

use crate::repository::{Repository, all, context, unavailable};

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: 'on'}\n";

fn config(repository: &Repository, more: serde_json::Value) -> GitConfig {
    let mut objects = serde_json::json!({"cluster": "prod", "namespace": "shop", "manage": ["shop"]});
    objects.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    GitConfig { kubernetes: serde_json::from_value(objects).unwrap(), ..repository.config() }
}

fn ids(set: &Fetched) -> Vec<&str> {
    let mut ids: Vec<&str> = set.manifests.iter().map(|manifest| manifest.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn objects_of_a_repository_are_declared_for_its_cluster_beside_hosts() {
    let repository = Repository::new();
    repository.put("shop/settings.yaml", SETTINGS);
    repository.put("kustomization.md", "not a manifest");
    repository.swappiness("10");
    let mut source = repository.source_of(config(&repository, serde_json::json!({})));
    let sets = all(&mut source).await;
    let scopes: Vec<&str> = sets.iter().map(|set| set.scope.as_str()).collect();
    assert_eq!(scopes, ["host/web-1", "k8s/prod"]);
    assert_eq!(ids(&sets[1]), ["k8s/prod/ConfigMap/shop/settings"]);
    let manifest = &sets[1].manifests[0];
    assert_eq!((manifest.file.as_deref(), manifest.line), (Some("shop/settings.yaml"), Some(1)));
    assert!(manifest.text.as_deref().unwrap().contains("4 /data\n"), "{:?}", manifest.text);
    assert_eq!((sets[1].managed[0].kind.as_str(), sets[1].managed[0].namespace.as_deref()), ("*", Some("shop")));
}

#[tokio::test]
async fn what_the_server_teaches_is_read_anew_and_kinds_are_asked_for() {
    let repository = Repository::new();
    repository
        .put("widget.yaml", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: one}\nspec: {parts: [{id: a}]}\n");
    let commit = repository.commit("a widget");
    let context = context(&repository.cache);
    let cluster = context.clusters.get("prod");
    let mut source = repository.source_with(config(&repository, serde_json::json!({})), &context);
    assert!(all(&mut source).await[0].manifests.is_empty(), "nobody knows yet whether it has a namespace");
    let kind = ApiKind { api_version: "x.io/v1".to_owned(), kind: "Widget".to_owned() };
    assert_eq!(cluster.wanted().borrow()["git.infra"].iter().collect::<Vec<_>>(), [&kind]);
    let mut known = Known::default();
    known.namespaced.insert(kind, true);
    cluster.learn(known);
    source.changed(Duration::from_secs(60)).await;
    let sets = all(&mut source).await;
    assert_eq!((ids(&sets[0]), sets[0].revision.as_str()), (vec!["k8s/prod/x.io.Widget/shop/one"], commit.as_str()));
}

/// That the newest commit cannot be read was over with each change of a definition, and came again: a second page.
#[tokio::test]
async fn what_is_read_anew_of_the_good_commit_says_that_a_later_one_is_bad() {
    let repository = Repository::new();
    repository.put("widget.yaml", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: one}\n");
    let good = repository.commit("a widget");
    let context = context(&repository.cache);
    let cluster = context.clusters.get("prod");
    let mut source = repository.source_with(config(&repository, serde_json::json!({})), &context);
    all(&mut source).await;
    repository.put("settings.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {}\n");
    repository.commit("no name");
    let error = refused(&mut source).await;
    let kind = ApiKind { api_version: "x.io/v1".to_owned(), kind: "Widget".to_owned() };
    cluster.learn(Known { namespaced: [(kind, false)].into(), ..Known::default() });
    let set = source.fetch().await.unwrap().remove(0);
    assert_eq!((ids(&set), set.revision.as_str()), (vec!["k8s/prod/x.io.Widget//one"], good.as_str()));
    assert!(error.contains(&set.refused.unwrap().problem), "{error}");
    assert_eq!(refused(&mut source).await, error);
}

#[tokio::test]
async fn an_object_without_a_cluster_is_refused_and_says_what_to_set() {
    let repository = Repository::new();
    repository.put("settings.yaml", SETTINGS);
    repository.commit("settings");
    let error = refused(&mut repository.source()).await;
    assert!(error.contains("a Kubernetes manifest (v1 ConfigMap)") && error.contains("kubernetes.cluster"), "{error}");
    let repository = Repository::new();
    repository.put("settings.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {}\n");
    repository.commit("no name");
    let error = refused(&mut repository.source_of(config(&repository, serde_json::json!({})))).await;
    assert!(error.contains("settings.yaml:1") && error.contains("metadata.name"), "{error}");
}

/// At a start nobody knows the names of a kind whose group does not answer: its objects were left out of the set.
#[tokio::test]
async fn what_the_server_does_not_say_of_a_kind_is_waited_for_and_named() {
    let repository = Repository::new();
    repository.put("widget.yaml", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: one}\n");
    repository.put("settings.yaml", SETTINGS);
    repository.commit("a widget");
    let context = context(&repository.cache);
    let cluster = context.clusters.get("prod");
    cluster.watch();
    let kind = ApiKind { api_version: "x.io/v1".to_owned(), kind: "Widget".to_owned() };
    let mut known = Known { learned: true, unread: [kind.clone()].into(), ..Known::default() };
    cluster.learn(known.clone());
    let mut source = repository.source_with(config(&repository, serde_json::json!({})), &context);
    assert!(source.fetch().await.unwrap().is_empty());
    let error = unavailable(&mut source).await;
    assert!(error.contains("the cluster does not say whether it has x.io/v1 Widget"), "{error}");
    known.unread.clear();
    known.namespaced.insert(kind, false);
    cluster.learn(known);
    assert_eq!(ids(&all(&mut source).await[0]), ["k8s/prod/ConfigMap/shop/settings", "k8s/prod/x.io.Widget//one"]);
}

/// Beside hosts, of which all is known, nobody said that nothing is known of the cluster.
#[tokio::test]
async fn what_the_server_does_not_say_is_said_of_the_cluster_alone_where_hosts_are_declared_beside_it() {
    let repository = Repository::new();
    repository.put("settings.yaml", SETTINGS);
    repository.swappiness("10");
    repository.put("widget.yaml", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: one}\n");
    repository.commit("a widget");
    let context = context(&repository.cache);
    let cluster = context.clusters.get("prod");
    cluster.watch();
    let kind = ApiKind { api_version: "x.io/v1".to_owned(), kind: "Widget".to_owned() };
    let mut known = Known { learned: true, unread: [kind.clone()].into(), ..Known::default() };
    cluster.learn(known.clone());
    let mut source = repository.source_with(config(&repository, serde_json::json!({})), &context);
    let sets = all(&mut source).await;
    let newest: Vec<&str> = sets.iter().filter(|set| !set.backfill).map(|set| set.scope.as_str()).collect();
    assert_eq!(newest, ["host/web-1"]);
    let [(scope, problem)] = source.withheld().try_into().unwrap();
    assert!(scope == "k8s/prod" && problem.contains("whether it has x.io/v1 Widget"), "{problem}");
    known.unread.clear();
    known.namespaced.insert(kind, false);
    cluster.learn(known);
    assert_eq!(all(&mut source).await.len(), 2);
    assert_eq!(source.withheld(), []);
}

/// One earlier commit on which a program does not end kept the newest from being read.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_commit_that_cannot_be_rendered_is_left_out() {
    let repository = Repository::new();
    // It is started by the shell, which has closed it: what another thread has open to write cannot be started.
    let program = repository.cache.with_extension("kubectl");
    let script = "#!/bin/sh\nfor folder; do :; done\nif /bin/grep -q slow \"$folder/settings.yaml\"; then kill -9 $$; fi\n\
                  /bin/cat \"$folder/settings.yaml\"\n";
    repository.put("script", script);
    let make = format!("cp script '{0}' && chmod +x '{0}' && rm script", program.display());
    let made = std::process::Command::new("sh").current_dir(&repository.path).args(["-c", &make]).status().unwrap();
    assert!(made.success());
    repository.put("kustomization.yaml", "resources: [settings.yaml]\n");
    let commits: Vec<String> = ["one", "slow", "three"]
        .map(|mode| {
            repository.put("settings.yaml", SETTINGS.replace("'on'", mode));
            repository.commit(mode)
        })
        .to_vec();
    let render = serde_json::json!({"render": {"kustomize": {"program": program}}});
    let mut source = repository.source_of(config(&repository, render));
    let sets = all(&mut source).await;
    let read: Vec<(&str, bool)> = sets.iter().map(|set| (set.revision.as_str(), set.backfill)).collect();
    assert_eq!(read, [(commits[0].as_str(), true), (commits[2].as_str(), false)]);
    repository.put("settings.yaml", SETTINGS.replace("'on'", "slow"));
    repository.commit("slow again");
    assert!(unavailable(&mut source).await.contains("signal"), "the newest is tried again");
}

/// A patch alone was declared, and what the overlay sets was compared with nothing.
#[tokio::test]
async fn a_kustomization_below_the_folder_is_refused_unless_it_only_lists_files() {
    let repository = Repository::new();
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
    repository.put("cart/base/settings.yaml", SETTINGS);
    repository.put("cart/base/kustomization.yaml", format!("{head}resources: [settings.yaml]\n"));
    repository.commit("a base");
    let mut source = repository.source_of(config(&repository, serde_json::json!({})));
    assert_eq!(ids(&all(&mut source).await[0]), ["k8s/prod/ConfigMap/shop/settings"]);
    repository.put("cart/prod/kustomization.yaml", format!("{head}resources: [../base]\nnamePrefix: prod-\n"));
    repository.commit("an overlay");
    let error = refused(&mut source).await;
    assert!(
        error.contains("cart/prod/kustomization.yaml: ") && error.contains("`path` must be `cart/prod`"),
        "{error}"
    );
}

async fn refused(source: &mut Git) -> String {
    match source.fetch().await {
        Err(error @ DesiredError::Revision(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A program of the peers, if it is installed.
fn program(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/steadfast/peers");
    let path = cache.unwrap_or_else(home).join("bin").join(name);
    if !path.exists() {
        eprintln!("skipped: {name} is not installed (tests/peers/kubernetes/install.sh)");
        return None;
    }
    Some(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kustomization_is_rendered() {
    let Some(kubectl) = program("kubectl") else { return };
    let repository = Repository::new();
    repository.put("base/kustomization.yaml", "resources: [settings.yaml]\n");
    repository.put("base/settings.yaml", SETTINGS);
    repository.put("prod/kustomization.yaml", "resources: [../base]\nnamePrefix: prod-\n");
    repository.commit("an overlay");
    let render = serde_json::json!({"render": {"kustomize": {"program": kubectl}}});
    let config = GitConfig { path: Some("prod".to_owned()), ..config(&repository, render) };
    let mut source = repository.source_of(config);
    let sets = all(&mut source).await;
    assert_eq!(ids(&sets[0]), ["k8s/prod/ConfigMap/shop/prod-settings"]);
    assert_eq!(sets[0].manifests[0].file.as_deref(), Some("prod/kustomization.yaml"));
    repository.put("prod/kustomization.yaml", "resources: [../base, missing.yaml]\n");
    repository.commit("broken");
    let error = refused(&mut source).await;
    assert!(error.contains("prod/kustomization.yaml") && error.contains("missing.yaml"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_rendered_and_its_hooks_are_not_declared() {
    let Some(helm) = program("helm") else { return };
    let repository = Repository::new();
    repository.put("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
    repository.put("values.yaml", "mode: 'off'\n");
    repository.put("templates/settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {mode: {{ .Values.mode | quote }}}\n");
    repository.put(
        "templates/hook.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}\n",
    );
    repository.commit("a chart");
    let render = serde_json::json!({"render": {"helm": {"program": helm, "release": "cart", "set": {"mode": "on"}}}});
    let sets = all(&mut repository.source_of(config(&repository, render))).await;
    assert_eq!(ids(&sets[0]), ["k8s/prod/ConfigMap/shop/cart"]);
    assert_eq!(sets[0].manifests[0].document.tree()["data"]["mode"], "on");
    assert_eq!(sets[0].manifests[0].file.as_deref(), Some("templates/settings.yaml"));
}

/// An application that was asked to apply a commit.
fn application(commit: &str) -> Neighbours {
    let kind = ApiKind { api_version: "argoproj.io/v1alpha1".to_owned(), kind: "Application".to_owned() };
    let state = serde_json::json!({"phase": "Succeeded", "syncResult": {"revision": commit}});
    let object = serde_json::json!({"metadata": {"namespace": "argocd", "name": "cart"},
        "spec": {"source": {"repoURL": "https://git.example.org/infra"}}, "status": {"operationState": state}});
    let mut all = Neighbours::default();
    all.put(&kind, &object);
    all
}

#[tokio::test]
async fn the_commit_that_a_tool_was_asked_to_apply_is_read_and_not_the_branchs() {
    let repository = Repository::new();
    let commits: Vec<String> = ["one", "two", "three"]
        .map(|mode| {
            repository.put("settings.yaml", SETTINGS.replace("'on'", mode));
            repository.commit(mode)
        })
        .to_vec();
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.put("settings.yaml", SETTINGS.replace("'on'", "other"));
    let elsewhere = repository.commit("other");
    repository.git(&["checkout", "--quiet", "main"]);

    let context = context(&repository.cache);
    let cluster = context.clusters.get("prod");
    cluster.watch();
    let follow = serde_json::json!({"follow": {"argocd": "argocd/cart"}});
    let config = GitConfig { branch: Some("main".to_owned()), ..config(&repository, follow) };
    let mut source = repository.source_with(config, &context);
    assert!(all(&mut source).await.is_empty(), "nothing is known of the tool before the cluster was looked at");
    let mode = |set: &Fetched| (set.revision.clone(), set.manifests[0].document.tree()["data"]["mode"].clone());
    let expected = |commit: &str, mode: &str| (commit.to_owned(), serde_json::Value::from(mode));

    cluster.meet(&application(&commits[1]));
    source.changed(Duration::from_secs(60)).await;
    let sets = all(&mut source).await;
    assert_eq!(sets.iter().map(mode).collect::<Vec<_>>(), [expected(&commits[0], "one"), expected(&commits[1], "two")]);
    assert_eq!(sets.iter().map(|set| set.backfill).collect::<Vec<_>>(), [true, false]);
    // A rollback, and a commit that is on another branch.
    for (commit, value) in [(&commits[0], "one"), (&elsewhere, "other"), (&commits[2], "three")] {
        cluster.meet(&application(commit));
        source.changed(Duration::from_secs(60)).await;
        let sets = all(&mut source).await;
        assert_eq!(sets.iter().map(mode).collect::<Vec<_>>(), [expected(commit, value)]);
    }
    // What is no commit of the repository, or is gone, is said; what was read stays.
    cluster.meet(&application(&"ab".repeat(20)));
    source.changed(Duration::from_secs(60)).await;
    assert!(unavailable(&mut source).await.contains(&repository.path.display().to_string()));
    cluster.meet(&Neighbours::default());
    source.changed(Duration::from_secs(60)).await;
    assert!(unavailable(&mut source).await.contains("argocd argocd/cart: the cluster has no such object"));
    cluster.meet(&application(&commits[2]));
    source.changed(Duration::from_secs(60)).await;
    assert!(all(&mut source).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_at_the_start() {
    let repository = Repository::new();
    let context = context(&repository.cache);
    let new = |name: &str| {
        let follow = serde_json::json!({"follow": {"flux": name}});
        Git::new(config(&repository, follow), &context).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(new("flux/cart").contains("kubernetes.follow: the cluster prod is not watched"));
    context.clusters.get("prod").watch();
    for wrong in ["cart", "/cart", "flux/", "flux/cart/x", ""] {
        assert!(new(wrong).contains("must be namespace/name"), "{wrong}");
    }
    assert_eq!(new("flux/cart"), "");
}
