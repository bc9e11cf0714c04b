use super::super::chart::{Chart, split};
use super::super::place::Place;
use super::*;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-settings\n  namespace: {{ .Release.Namespace }}\n\
                   data:\n  mode: {{ .Values.mode | quote }}\n  size: {{ .Values.size | quote }}\n";
const HOOK: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: migrate\n  annotations:\n    \"helm.sh/hook\": pre-install\n";
const CRD: &str =
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.org}\n";

fn place(files: &Files, folder: &str) -> Place {
    Place::new(&files.root(), folder).unwrap()
}

#[test]
fn what_helm_writes_is_split_by_template_without_hooks() {
    let files = Files::of(&[("apps/shop/Chart.yaml", CHART)]);
    let output = format!(
        "---\n# Source: web/crds/things.yaml\nkind: A\n---\nkind: B\nmetadata: {{annotations: {{helm.sh/hook: crd-install}}}}\n\
         ---\n# Source: web/templates/a.yaml\n# Source: web/templates/other.yaml\nkind: C\ntext: |\n  ---\n  x\n\
         ---\n# Source: web/charts/redis/templates/b.yaml\nkind: D\n\
         --- \n# Source: web/templates/a.yaml\nkind: E # helm.sh/hook\n---\n# Source: web/templates/hook.yaml\n{HOOK}\
         ---\n# Source: web/templates/empty.yaml\n\n# nothing\n---\n# Source: web/../../etc/passwd\nkind: F"
    );
    let found = split(&output, &place(&files, "apps/shop"));
    let found: Vec<_> = found.iter().map(|r| (r.file.as_str(), r.text.as_str())).collect();
    let expected = [
        ("apps/shop/Chart.yaml", "# Source: web/../../etc/passwd\nkind: F\n"),
        ("apps/shop/charts/redis/templates/b.yaml", "# Source: web/charts/redis/templates/b.yaml\nkind: D\n"),
        (
            "apps/shop/crds/things.yaml",
            "# Source: web/crds/things.yaml\nkind: A\n---\nkind: B\nmetadata: {annotations: {helm.sh/hook: crd-install}}\n",
        ),
        (
            "apps/shop/templates/a.yaml",
            "# Source: web/templates/a.yaml\n# Source: web/templates/other.yaml\nkind: C\ntext: |\n  ---\n  x\n---\n\
             # Source: web/templates/a.yaml\nkind: E # helm.sh/hook\n",
        ),
    ];
    assert_eq!(found, expected);
    assert!(split("", &place(&files, "apps/shop")).is_empty());
}

#[test]
fn errors_of_helm_name_the_template_and_its_line() {
    let files = Files::of(&[("Chart.yaml", CHART)]);
    let place = place(&files, "");
    let chart = Chart::read(&place).unwrap();
    let cases = [
        ("template: web/templates/a.yaml:3:12: executing", "templates/a.yaml:3: "),
        ("parse error at (web/charts/b/templates/a.yaml:7): x", "charts/b/templates/a.yaml:7: "),
        ("YAML parse error on web/templates/a.yaml: yaml: line 4", "templates/a.yaml: "),
        ("something else", "Chart.yaml: "),
    ];
    for (problem, expected) in cases {
        assert_eq!(chart.named(&place, problem.to_owned()).to_string(), format!("{expected}{problem}"));
    }
}

#[test]
fn what_is_no_chart_is_named() {
    for (text, problem) in
        [("version: 1\n", "web/Chart.yaml: `name`: is missing"), ("a: [\n", "web/Chart.yaml:1: broken YAML")]
    {
        let files = Files::of(&[("web/Chart.yaml", text)]);
        assert!(Chart::read(&place(&files, "web")).unwrap_err().to_string().starts_with(problem));
    }
}

#[tokio::test]
async fn files_of_values_must_be_within_the_repository() {
    let files = Files::of(&[("web/Chart.yaml", CHART)]);
    for (name, problem) in [
        ("../../x.yaml", "web/../../x.yaml: `helm.values`: is outside of the repository"),
        ("https://h/x.yaml", "web/https://h/x.yaml: `helm.values`: there is no such file or folder in the revision"),
        ("../web", "web/../web: `helm.values`: is no file"),
    ] {
        let mut config = RenderConfig::default();
        config.helm.program = Some("/no/such/program".into());
        config.helm.values = vec![name.to_owned()];
        assert_eq!(bad(files.render("web", &config).await), problem);
    }
}

fn real(test: &str) -> Option<RenderConfig> {
    let program = Some(peer(&["helm"], test)?);
    Some(RenderConfig { helm: HelmConfig { program, ..HelmConfig::default() }, ..RenderConfig::default() })
}

#[tokio::test]
async fn a_chart_is_rendered_with_its_values() {
    let Some(mut config) = real("a chart") else { return };
    let schema = r#"{"$schema": "https://json-schema.org/draft-07/schema#", "$ref": "https://h.example/schema.json"}"#;
    let files = Files::of(&[
        ("charts/shop/Chart.yaml", CHART),
        ("charts/shop/values.yaml", "mode: slow\nsize: 1\n"),
        ("charts/shop/values.schema.json", schema),
        ("charts/shop/templates/map.yaml", MAP),
        ("charts/shop/templates/hook.yaml", HOOK),
        ("charts/shop/templates/tests/test.yaml", &HOOK.replace("pre-install", "test")),
        ("charts/shop/templates/NOTES.txt", "hello"),
        ("charts/shop/crds/things.yaml", CRD),
        ("env/prod, new.yaml", "mode: fast\nsize: 2\n"),
    ]);
    config.helm.values = vec!["../../env/prod, new.yaml".to_owned()];
    config.helm.set.insert("size".to_owned(), 3.into());
    config.helm.namespace = "shop".to_owned();
    let rendered = files.render("charts/shop", &config).await.unwrap();
    let named: Vec<_> = rendered.iter().map(|rendered| rendered.file.as_str()).collect();
    assert_eq!(named, ["charts/shop/crds/things.yaml", "charts/shop/templates/map.yaml"]);
    let map = &crate::kubernetes_manifest::read(&rendered[1].text, named[1]).unwrap()[0];
    assert_eq!((map.name(), map.namespace()), ("web-settings", "shop"));
    assert_eq!(map.value["data"], serde_json::json!({"mode": "fast", "size": "3"}));
    config.helm.release = Some("blue".to_owned());
    let rendered = files.render("charts/shop", &config).await.unwrap();
    assert!(rendered[1].text.contains("blue-settings"));
}

#[tokio::test]
async fn a_dependency_that_is_not_there_is_named_with_its_place() {
    let Some(config) = real("a missing dependency") else { return };
    let chart =
        format!("{CHART}dependencies:\n- name: redis\n  version: 1.0.0\n  repository: https://charts.example.org\n");
    let files = Files::of(&[("web/Chart.yaml", &chart), ("web/templates/map.yaml", MAP)]);
    let found = bad(files.render("web", &config).await);
    assert!(found.starts_with("web/Chart.yaml:5: needs what is not in web/charts/: redis. Rendering"), "{found}");
}

#[tokio::test]
async fn a_broken_template_is_named_with_its_line() {
    let Some(config) = real("a broken template") else { return };
    let cases = [
        ("a: 1\nb: {{ .Values.x | nosuch }}\n", "web/templates/a.yaml:2: "),
        ("a: 1\nb: {{ fail \"on purpose\" }}\n", "web/templates/a.yaml:2: "),
        ("a: [\n", "web/templates/a.yaml: "),
    ];
    for (template, place) in cases {
        let files = Files::of(&[("web/Chart.yaml", &CHART.replace("web", "shop")), ("web/templates/a.yaml", template)]);
        let found = bad(files.render("web", &config).await);
        assert!(found.starts_with(place), "{found}");
        assert!(!found.contains(files.dir.path().to_str().unwrap()), "{found}");
    }
}

#[tokio::test]
async fn a_template_without_an_end_is_stopped() {
    let Some(mut config) = real("an endless template") else { return };
    config.timeout = std::time::Duration::from_secs(2);
    let template = "{{- range until 1000000 }}{{ range until 1000000 }}{{ end }}{{ end }}\n";
    let files = Files::of(&[("web/Chart.yaml", CHART), ("web/templates/a.yaml", template)]);
    let error = files.render("web", &config).await.unwrap_err();
    assert!(matches!(&error, RenderError::Unavailable(said) if said.contains("did not end within 2 s")), "{error}");
}
