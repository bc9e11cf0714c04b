use super::config;
use crate::{CanaryConfig, check, check_all};

fn problems(canary: &CanaryConfig) -> Vec<(String, String, usize)> {
    let mistakes = check(canary).unwrap_err();
    mistakes.into_iter().map(|mistake| (mistake.to_string(), mistake.text, mistake.at)).collect()
}

#[test]
fn a_canary_is_complete_on_the_log() {
    let definition = check(&config("{}")).unwrap();
    let errors = &definition.metrics[0];
    assert_eq!(errors.value.baseline, "sum by (zone) (increase(errors_total{version=\"v1\"}[60s]))");
    assert_eq!(
        errors.exposure.as_ref().unwrap().canary,
        "sum by (zone) (increase(requests_total{version=\"v2\"}[60s]))"
    );
    assert_eq!((definition.lifetime, definition.warmup, definition.interval), (30, 2, 60_000));
    assert_eq!((definition.scope.as_str(), definition.target.as_str()), ("canary/shop", "checkout"));
    let text = serde_json::to_string(&definition).unwrap();
    assert_eq!(serde_json::from_str::<crate::Definition>(&text).unwrap(), definition);
}

#[test]
fn each_mistake_is_named() {
    let metric = |query: &str| format!(r#"{{"metrics": [{{"name": "m", "kind": "value", "query": {query}}}]}}"#);
    let counted = |query: &str| metric(query).replace("value", "errors");
    let cases = [
        (r#"{"name": "a b"}"#.to_owned(), "a b.name: letters, digits"),
        (r#"{"namespace": "a/b"}"#.to_owned(), "checkout.namespace: letters"),
        (r#"{"start": "rollout"}"#.to_owned(), "checkout.resource: `start: rollout` needs the resource"),
        (r#"{"resource": "checkout"}"#.to_owned(), "checkout.resource: an id such as"),
        (r#"{"interval": "10ms"}"#.to_owned(), "checkout.interval: it must be from 1s to 1d"),
        (r#"{"lifetime": "2m"}"#.to_owned(), "checkout.lifetime: it must be longer than warmup"),
        (r#"{"lifetime": "90d"}"#.to_owned(), "checkout.lifetime: 129600 exceeds the limit canary.intervals = 2000"),
        (r#"{"alpha": 0.9}"#.to_owned(), "checkout.alpha: it must be from 1e-9 to 0.5"),
        (r#"{"baseline": "version=v1"}"#.to_owned(), "checkout.baseline: label matchers such as"),
        (r#"{"baseline": "}"}"#.to_owned(), "checkout.baseline: label matchers such as"),
        (r#"{"baseline": ""}"#.to_owned(), "checkout.baseline: label matchers such as"),
        (r#"{"canary": null}"#.to_owned(), "checkout.metrics.errors.query: `$arm` needs the canary's `canary`"),
        (r#"{"canary": "version=\"v1\""}"#.to_owned(), "checkout.metrics.errors.query: both arms are asked the same"),
        (r#"{"metrics": []}"#.to_owned(), "checkout.metrics: there is nothing to compare"),
        (metric(r#""up""#), "checkout.metrics.m.query: both arms would be asked the same"),
        (metric(r#""sum(up{$arm}""#), "checkout.metrics.m.query: parse error: unclosed left parenthesis"),
        (metric(r#""up{$arm}[5m]""#), "checkout.metrics.m.query: it gives a range vector"),
        (metric(r#"{"baseline": "a", "canary": "b +"}"#), "checkout.metrics.m.query.canary: parse error"),
        (metric(r#"{"baseline": "a", "canary": "a"}"#), "checkout.metrics.m.query: both arms are asked the same"),
        (counted(r#""sum(x_total{$arm})""#), "checkout.metrics.m.query: `x_total` is a counter"),
        (counted(r#""sum(rate(x{$arm}[$interval]))""#), "checkout.metrics.m.query: rate gives events a second"),
        (
            counted(r#""sum(increase(x{$arm}[$interval]))", "exposure": "sum(increase(x{$arm}[5m]))""#),
            "checkout.metrics.m.exposure: increase over 300 s counts each event in several intervals of 60 s",
        ),
        (
            counted(r#""sum(x{$arm})", "critical": true, "muted": true"#),
            "checkout.metrics.m.critical: it is muted, so that it can fail nothing",
        ),
    ];
    for (more, expected) in cases {
        let found = problems(&config(&more));
        assert!(found.iter().any(|(text, ..)| text.starts_with(expected)), "{more}: {found:?}");
    }
}

#[test]
fn margins_have_their_order_and_a_mistake_of_a_query_its_place() {
    let more = r#"{"metrics": [{"name": "m", "kind": "value", "query": "sum(rate(up{$arm}[$interval]) foo", "margin": 0.3, "limit": 0.2}]}"#;
    let found = problems(&config(more));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].0, "checkout.metrics.m.limit: it must be above margin");
    let (_, text, at) = &found[1];
    assert_eq!(&text[*at..], "foo", "{found:?}");
}

#[test]
fn a_query_that_counts_events_twice_has_its_place_and_a_level_may_look_back() {
    let of = |kind: &str| {
        let query = r#"sum(increase(up{$arm}[5m])) or vector(0)"#;
        config(&format!(r#"{{"metrics": [{{"name": "m", "kind": "{kind}", "query": "{query}"}}]}}"#))
    };
    let (_, text, at) = &problems(&of("counts"))[0];
    assert!(text[*at..].starts_with("increase(up"), "{text} {at}");
    assert!(check(&of("value")).is_ok());
}

#[test]
fn names_are_used_once() {
    let twice = check_all(&[config("{}"), config("{}")]).unwrap_err();
    assert_eq!(twice[0].to_string(), "checkout: two canaries have this name");
}

#[test]
fn mistakes_of_what_is_to_be_found_name_their_key() {
    let none = r#""namespace": null, "baseline": null, "canary": null, "start": null"#;
    let discover = |more: &str| format!(r#"{{{none}, "discover": {{"cluster": "prod"{more}}}}}"#);
    assert!(check(&config(&discover(""))).is_ok());
    assert!(check(&config(&discover(r#", "kinds": ["pair", "flagger"], "arm": "app=\"$workload\"""#))).is_ok());
    let metric = |query: &str| {
        format!(
            r#"{{{none}, "discover": {{"cluster": "prod"}}, "metrics": [{{"name": "m", "kind": "value", "query": {query}}}]}}"#
        )
    };
    let with = |more: &str| discover("").replacen('{', &format!("{{{more}, "), 1);
    let cases = [
        (discover("").replace("prod", "a/b"), "checkout.discover.cluster: the name of a cluster"),
        (discover(r#", "namespaces": [""]"#), "checkout.discover.namespaces: the name of a namespace"),
        (discover(r#", "arm": "pod=~\"$pod\"""#), "checkout.discover.arm: `$pod` stands for nothing"),
        (discover(r#", "arm": "namespace=\"$namespace\"""#), "checkout.discover.arm: both arms would be the same"),
        (discover(r#", "arm": "pod=$pods""#), "checkout.discover.arm: label matchers such as"),
        (
            discover(r#", "kinds": ["pair", "argo"], "arm": "app=\"$workload\"""#),
            "checkout.discover.arm: both arms of a rollout of these kinds have the same `$workload`",
        ),
        (
            discover(r#", "kinds": ["statefulset"], "arm": "app=\"$workload\"""#),
            "checkout.discover.arm: both arms of a rollout of these kinds have the same `$workload`",
        ),
        (discover(r#", "pairs": [{"baseline": "a", "canary": "a"}]"#), "checkout.discover.pairs: the names of two"),
        (with(r#""resource": "k8s/prod/apps.Deployment/shop/a""#), "checkout.resource: it is that of each rollout"),
        (with(r#""target": "a""#), "checkout.target: it is that of each rollout"),
        (metric(r#""up{job=\"a\"}""#), "checkout.metrics.m.query: both arms would be asked the same"),
        (metric(r#""up{namespace=\"$namespace\"}""#), "checkout.metrics.m.query: both arms would be asked the same"),
        (metric(r#""up{hash=\"$hashes\", $arm}""#), "checkout.metrics.m.query: `$hashes` stands for nothing"),
        (metric(r#""sum(up{$arm}""#), "checkout.metrics.m.query: parse error"),
        (metric(r#"{"baseline": "up{$arm}", "canary": "b +"}"#), "checkout.metrics.m.query.canary: parse error"),
    ];
    for (more, expected) in cases {
        let found = problems(&config(&more));
        assert!(found.iter().any(|(text, ..)| text.starts_with(expected)), "{more}: {found:?}");
    }
    for (name, value) in [("start", "always"), ("baseline", "a=\\\"b\\\""), ("namespace", "shop")] {
        let more = discover("").replacen(&format!("\"{name}\": null"), &format!("\"{name}\": \"{value}\""), 1);
        let found = problems(&config(&more));
        assert!(found.iter().any(|(text, ..)| text.starts_with(&format!("checkout.{name}: "))), "{more}: {found:?}");
    }
    let text = r#"{"cluster": "prod", "kinds": ["cronjob"]}"#;
    assert!(serde_json::from_str::<crate::DiscoverConfig>(text).unwrap_err().to_string().contains("cronjob"));
}

#[test]
fn a_mistake_behind_what_is_filled_in_has_its_place() {
    let none = r#""namespace": null, "baseline": null, "canary": null, "start": null"#;
    let query = r#"sum(rate(up{a=\"$workload\", $arm}[$interval]) foo"#;
    let more = format!(
        r#"{{{none}, "discover": {{"cluster": "prod"}}, "metrics": [{{"name": "m", "kind": "value", "query": "{query}"}}]}}"#
    );
    let found = problems(&config(&more));
    let (_, text, at) = &found[0];
    assert_eq!(&text[*at..], "foo", "{found:?}");
}

#[test]
fn what_waits_for_rollouts_of_a_cluster_names_it() {
    let of = |more: &str| config(more).cluster();
    let resource = |id: &str, start: &str| of(&format!(r#"{{"resource": "{id}", "start": "{start}"}}"#));
    let id = "k8s/prd/apps.Deployment/shop/checkout";
    assert_eq!(resource(id, "rollout"), Some(("resource", "prd".to_owned())));
    assert_eq!(resource(id, "always"), None, "it runs all the same");
    assert_eq!(resource("host/web-1/systemd.Unit//cart", "rollout"), None);
    assert_eq!(of(r#"{"discover": {"cluster": "prod"}}"#), Some(("discover.cluster", "prod".to_owned())));
    assert_eq!(of("{}"), None);
}
