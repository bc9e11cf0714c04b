use super::*;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  \
                   template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: nginx}\n";

/// Says what is wrong with kustomizations that are refused before any program is run.
async fn refused(files: &[(&str, &str)], folder: &str) -> String {
    let mut config = RenderConfig::default();
    config.kustomize.program = Some("/no/such/program".into());
    bad(Files::of(files).render(folder, &config).await)
}

#[tokio::test]
async fn what_would_be_fetched_is_refused_with_its_place() {
    let network = "is fetched from the network, which rendering must not do: copy it into the repository";
    let cases = [
        ("resources:\n- a.yaml\n- https://example.org/x.yaml\n", "3: `resources`: `https://example.org/x.yaml`"),
        ("resources: [github.com/x/y]\n", "1: `resources`: `github.com/x/y`"),
        ("Bases:\n  - git::https://me:pw@h/x\n", "2: `Bases`: `git::https://***@h/x`"),
        ("components:\n- git@github.com:x/y.git\n", "2: `components`: `git@github.com:x/y.git`"),
        ("x: &x [../a?ref=v1]\nresources: *x\n", "1: `resources`: `../a?ref=v1`"),
        ("crds:\n- http://h/x\n", "2: `crds`: `http://h/x`"),
        ("configurations:\n- http://h/x\n", "2: `configurations`: `http://h/x`"),
        ("openapi:\n  path: https://h/x\n", "2: `path`: `https://h/x`"),
        ("patches:\n- path: https://h/x\n", "2: `path`: `https://h/x`"),
        ("patchesStrategicMerge: [https://h/x]\n", "1: `patchesStrategicMerge`: `https://h/x`"),
        ("replacements:\n- path: https://h/x\n", "2: `path`: `https://h/x`"),
        ("configMapGenerator:\n- name: a\n  files:\n  - x=https://h/x\n", "4: `files`: `x=https://h/x`"),
        ("secretGenerator:\n- name: a\n  env: https://h/x\n", "3: `env`: `https://h/x`"),
        ("generators:\n- https://h/{x}\n", "2: `generators`: `https://h/{x}`"),
        (
            "transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: a}\n  path: https://h/x\n",
            "3: `path`: `https://h/x`",
        ),
    ];
    for (text, place) in cases {
        let files = [("app/kustomization.yaml", text), ("app/a.yaml", "a: 1\n")];
        assert_eq!(refused(&files, "app").await, format!("app/kustomization.yaml:{place}: {network}"));
    }
}

#[tokio::test]
async fn what_a_base_or_a_plugin_would_fetch_is_found_too() {
    let plugin = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: builtin\nkind: PatchTransformer\n\
                  metadata: {name: a}\npath: https://h/x\n";
    let files = [
        ("over/prod/kustomization.yaml", "resources:\n- ../../base\n"),
        ("base/Kustomization", "resources:\n- github.com/x\ntransformers:\n- plugin.yaml\n"),
        ("base/github.com/x", "a file is no repository"),
        ("base/plugin.yaml", plugin),
    ];
    assert!(refused(&files, "over/prod").await.starts_with("base/plugin.yaml:8: `path`: `https://h/x`: is fetched"));
}

#[tokio::test]
async fn what_is_not_in_the_repository_or_needs_helm_is_refused() {
    let cases = [
        ("resources: [../../etc]\n", "1: `resources`: `../../etc`: is outside of the repository"),
        ("resources: [/etc]\n", "1: `resources`: `/etc`: must be relative"),
        ("resources:\n- no.yaml\n", "2: `resources`: `no.yaml`: there is no such file or folder in the revision"),
        ("resources: [bare]\n", "1: `resources`: `bare`: this folder has no kustomization.yaml"),
        (
            "helmCharts:\n- name: x\n",
            "1: `helmCharts`: charts are not rendered within a kustomization: declare the chart's folder instead",
        ),
        ("resources: [\n", "1: broken YAML: "),
        ("namePrefix: !x a\n", "1: the tag "),
        // Kustomize would take the last one; both are looked at.
        ("resources: [/a]\nresources: []\n", "1: `resources`: `/a`: must be relative"),
    ];
    for (text, problem) in cases {
        let found = refused(&[("app/kustomization.yml", text), ("app/bare/x.yaml", "")], "app").await;
        assert!(found.starts_with(&format!("app/kustomization.yml:{problem}")), "{found}");
    }
}

fn real(test: &str) -> Option<RenderConfig> {
    let program = Some(peer(&["kustomize", "kubectl"], test)?);
    Some(RenderConfig { kustomize: KustomizeConfig { program }, ..RenderConfig::default() })
}

#[tokio::test]
async fn an_overlay_changes_its_base() {
    let Some(config) = real("an overlay") else { return };
    let files = Files::of(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", WEB),
        (
            "over/prod/kustomization.yaml",
            "resources: [../../base]\nnamespace: dev\nnamespace: prod\npatches:\n- path: replicas.yaml\nconfigMapGenerator:\n- name: settings\n  \
             files: [mode.txt]\n",
        ),
        (
            "over/prod/replicas.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 5}\n",
        ),
        ("over/prod/mode.txt", "fast\n"),
    ]);
    let rendered = files.render("over/prod", &config).await.unwrap();
    assert_eq!((rendered.len(), rendered[0].file.as_str()), (1, "over/prod/kustomization.yaml"));
    let objects = crate::kubernetes_manifest::read(&rendered[0].text, &rendered[0].file).unwrap();
    let find = |kind: &str| objects.iter().find(|object| object.kind() == kind).unwrap();
    assert_eq!(find("Deployment").value["spec"]["replicas"], 5);
    assert_eq!(find("Deployment").namespace(), "prod");
    let name = find("ConfigMap").name();
    assert!(name.starts_with("settings-") && name.len() == "settings-".len() + 10, "{name}");
}

#[tokio::test]
async fn errors_of_kustomize_name_files_of_the_repository() {
    let Some(config) = real("errors of kustomize") else { return };
    let kustomization = "resources: [../base]\n";
    let cases = [
        ("resourcs: [web.yaml]\n", "base/kustomization.yaml:1: ", "unknown field \"resourcs\""),
        ("resources: [web.yaml]\npatches:\n- path: none.yaml\n", "over/kustomization.yaml: ", "none.yaml"),
        (
            "resources: [../web.yaml]\n",
            "over/kustomization.yaml: ",
            "security; file 'web.yaml' is not in or below 'base'",
        ),
        ("resources: [broken.yaml]\n", "over/kustomization.yaml: ", "broken.yaml"),
    ];
    for (base, place, problem) in cases {
        let files = Files::of(&[
            ("over/kustomization.yaml", kustomization),
            ("base/kustomization.yaml", base),
            ("base/web.yaml", WEB),
            ("base/broken.yaml", "a: [\n"),
            ("web.yaml", WEB),
        ]);
        let found = bad(files.render("over", &config).await);
        assert!(found.starts_with(place) && found.contains(problem), "{found}");
        assert!(!found.contains(files.dir.path().to_str().unwrap()), "{found}");
    }
}

#[tokio::test]
async fn kustomize_reaches_neither_the_network_nor_git() {
    let Some(config) = real("the network") else { return };
    // The reference is hidden from our check: what kustomize is given must hold as well.
    let plugin =
        "apiVersion: \"b\\x75iltin\"\nkind: PatchTransformer\nmetadata: {name: a}\npath: https://localhost.example/x\n";
    let files = Files::of(&[
        ("app/kustomization.yaml", "resources: [web.yaml]\ntransformers: [plugin.yaml]\n"),
        ("app/web.yaml", WEB),
        ("app/plugin.yaml", plugin),
    ]);
    let found = bad(files.render("app", &config).await);
    assert!(found.contains("proxyconnect") || found.contains("unable to get PatchTransformer"), "{found}");
}
