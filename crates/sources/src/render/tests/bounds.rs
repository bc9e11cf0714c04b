use std::time::Duration;

use super::*;

const KUSTOMIZATION: &[(&str, &str)] = &[("app/kustomization.yaml", "namePrefix: x-\n")];
const CHART: &[(&str, &str)] = &[("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")];

fn with(program: impl Into<PathBuf>) -> RenderConfig {
    let mut config = RenderConfig::default();
    let program = Some(program.into());
    (config.kustomize.program, config.helm.program) = (program.clone(), program);
    config
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed() {
    let files = Files::of(KUSTOMIZATION);
    let program = files.script("slow", "#!/bin/sh\n/bin/sleep 1000 &\nwait\n");
    let config = RenderConfig { timeout: Duration::from_millis(200), ..with(program) };
    let error = files.render("app", &config).await.unwrap_err();
    assert!(matches!(&error, RenderError::Unavailable(said) if said.contains("did not end within 0.2 s")), "{error}");
}

#[tokio::test]
async fn a_program_that_writes_without_end_is_killed() {
    let files = Files::of(KUSTOMIZATION);
    let program = files.script("endless", "#!/bin/sh\nexec /usr/bin/yes\n");
    let error = bad(files.render("app", &with(program)).await);
    assert!(error.starts_with("app: ") && error.contains("render_output_bytes"), "{error}");
}

#[tokio::test]
async fn a_program_has_no_environment_but_an_empty_home_and_a_dead_proxy() {
    let files = Files::of(KUSTOMIZATION);
    let program = files.script("kubectl-env", "#!/bin/sh\necho \"args: $*\"\n/usr/bin/env\n/bin/ls -A \"$HOME\"\n");
    let rendered = files.render("app", &with(program)).await.unwrap();
    let mut seen = Vec::new();
    for line in rendered[0].text.lines() {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        match name {
            "HTTP_PROXY" | "HTTPS_PROXY" => assert_eq!(value, "http://127.0.0.1:0"),
            "LC_ALL" | "GIT_ALLOW_PROTOCOL" => {}
            // The shell's own.
            "PWD" | "OLDPWD" | "SHLVL" | "_" => {}
            _ if name.starts_with("args: ") => assert!(name.starts_with("args: kustomize --load-restrictor"), "{line}"),
            _ => {
                assert!(value.ends_with("/home"), "{line}");
                seen.push(name);
            }
        }
    }
    assert!(seen.contains(&"HOME") && seen.contains(&"PATH") && seen.contains(&"HELM_CONFIG_HOME"), "{seen:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = Files::of(KUSTOMIZATION).render("app", &with("/no/such/kustomize")).await.unwrap_err();
    assert!(matches!(&error, RenderError::Unavailable(said) if said.contains("/no/such/kustomize")), "{error}");
}

#[tokio::test]
async fn a_helm_without_the_newest_flag_is_called_without_it() {
    let files = Files::of(CHART);
    let program = files.script(
        "helm",
        "#!/bin/sh\ncase \"$*\" in *--skip-schema*) echo 'Error: unknown flag: --skip-schema-validation' >&2; exit 1;; esac\n\
         printf '%s\\n' --- '# Source: web/templates/a.yaml' \"args: $*\"\n",
    );
    let mut config = with(program);
    config.helm.set.insert("a".to_owned(), 1.into());
    config.helm.kube_version = Some("1.34".to_owned());
    config.helm.namespace = "shop".to_owned();
    let rendered = files.render("web", &config).await.unwrap();
    assert_eq!(rendered[0].file, "web/templates/a.yaml");
    let args = &rendered[0].text;
    for part in ["args: template --include-crds", "--namespace=shop --kube-version=1.34 --values=", " -- web /"] {
        assert!(args.contains(part), "{args}");
    }
}

#[tokio::test]
async fn a_program_that_was_killed_is_not_the_revisions_fault() {
    let files = Files::of(KUSTOMIZATION);
    let program = files.script("killed", "#!/bin/sh\nkill -9 $$\n");
    assert!(matches!(files.render("app", &with(program)).await, Err(RenderError::Unavailable(_))));
    let program = files.script("full", "#!/bin/sh\necho 'fatal error: runtime: out of memory' >&2\nexit 2\n");
    assert!(bad(files.render("app", &with(program)).await).contains("more memory"));
}
