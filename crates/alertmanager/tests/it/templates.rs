use alertmanager::webhook::{Body, Notification};
use alertmanager::{Alert, Data, Labels, Reason, Template};
use serde::Deserialize;

use super::{at, cases, labels};

#[derive(Deserialize)]
struct Cases {
    text: Vec<(String, String)>,
    html: Vec<(String, String)>,
    errors: Vec<(String, String)>,
}

fn alert(text: &str, summary: &str, ends: i64) -> Alert {
    Alert {
        labels: labels(text),
        annotations: [("summary".to_owned(), summary.to_owned())].into(),
        starts_at: at(0),
        ends_at: at(ends),
        updated_at: at(0),
        generator_url: "http://prom/graph?g0=1&x=2".to_owned(),
        timeout: false,
    }
}

/// What is made of a notification.
fn told<T>(make: impl Fn(&Notification<'_>) -> T) -> T {
    let (group_labels, route_labels) = (labels("alertname=Down cluster=c1"), Labels::new());
    make(&Notification {
        group_key: "",
        receiver: "team.x",
        group_labels: &group_labels,
        route_labels: &route_labels,
        external_url: "http://am",
        reason: Reason::First,
        now: at(3600),
    })
}

fn data(alerts: &[Alert]) -> Data {
    told(|notification| Data::new(notification, alerts))
}

fn three() -> Vec<Alert> {
    vec![
        alert("alertname=Down cluster=c1 instance=a severity=page", "a <is> down", 10_000),
        alert("alertname=Down cluster=c1 instance=b severity=page", "b is down", 10_000),
        alert("alertname=Down cluster=c1 instance=c severity=page", "c is up", 1800),
    ]
}

#[test]
fn templates_render_as_the_cases_say() {
    let renderer = Template::new([]).unwrap().renderer(&data(&three()), at(3600));
    let cases: Cases = cases("templates");
    for (text, expected) in &cases.text {
        assert_eq!(renderer.text(text).as_deref(), Ok(expected.as_str()), "{text}");
    }
    for (text, expected) in &cases.html {
        assert_eq!(renderer.html(text).as_deref(), Ok(expected.as_str()), "{text}");
    }
    for (text, part) in &cases.errors {
        let error = renderer.text(text).unwrap_err().to_string();
        assert!(error.contains(part.as_str()), "{text}: {error}");
    }
}

#[test]
fn a_message_that_was_made_before_says_the_same() {
    let before = told(|notification| Body::new(notification, &three(), 0));
    let template = Template::new([]).unwrap();
    for text in ["{{ .Receiver }}", "{{ template \"slack.default.title\" . }}", "{{ .Alerts.Resolved | len }}"] {
        let render = |data: Data| template.renderer(&data, at(3600)).text(text).unwrap();
        assert_eq!(render(Data::of(&before, at(3600))), render(data(&three())), "{text}");
    }
}

#[test]
fn every_default_that_a_configuration_refers_to_is_there_and_renders() {
    let template = Template::new([]).unwrap();
    let text = std::fs::read_to_string(format!("{}/tests/cases/full.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let config = alertmanager::Config::parse(&text).unwrap();
    let shown = serde_json::to_string(&config).unwrap();
    let names: Vec<&str> = shown.split("template \\\"").skip(1).map(|rest| rest.split('\\').next().unwrap()).collect();
    assert!(names.len() > 40, "{names:?}");
    for alerts in [three(), Vec::new()] {
        let renderer = template.renderer(&data(&alerts), at(3600));
        for name in &names {
            let dot = if name.ends_with("instances") { ".Alerts" } else { "." };
            let call = format!("{{{{ template {name:?} {dot} }}}}");
            renderer.text(&call).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn a_mail_escapes_what_alerts_say() {
    let renderer = Template::new([]).unwrap().renderer(&data(&three()), at(3600));
    let html = renderer.html("{{ template \"email.default.html\" . }}").unwrap();
    assert!(html.contains("a &lt;is&gt; down") && !html.contains("<is>"), "{html}");
    assert!(html.contains("Firing: 2") && html.contains("Resolved: 1"));
}

#[test]
fn files_replace_defaults_and_their_mistakes_are_named() {
    let files = [("own.tmpl", "{{ define \"slack.default.title\" }}own {{ .Status }}{{ end }}")];
    let renderer = Template::new(files).unwrap().renderer(&data(&three()), at(0));
    assert_eq!(renderer.text("{{ template \"slack.default.title\" . }}").as_deref(), Ok("own firing"));
    let error = Template::new([("bad.tmpl", "\n{{ nope }}")]).unwrap_err().to_string();
    assert!(error.starts_with("template: bad.tmpl:2:"), "{error}");
}
