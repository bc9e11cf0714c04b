//! Templates with all functions and the data of a notification, within the limits that they really have.

use std::sync::LazyLock;

use alertmanager::dedup::Reason;
use alertmanager::template::Renderer;
use alertmanager::{Alert, Data, Labels, Template};
use base::Timestamp;

use super::go_template::texts;
use crate::{input, seeds};

/// What a template may print, in bytes: 1 MiB.
const OUTPUT: usize = 1 << 20;

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts();
    seeds.extend(seeds::of(&[
        "{{ range .Alerts.Firing }}{{ .Labels.alertname | toUpper }} {{ .Annotations.summary | title }} {{ .StartsAt.Format \"15:04 Jan 2\" }}{{ end }}",
        "{{ .CommonLabels.SortedPairs.Values | join \", \" }} {{ reReplaceAll \"(a)(.)\" \"$2$1\" .Receiver }} {{ match \"^a\" .Status }}",
        "{{ template \"slack.default.title\" . }}{{ template \"email.default.html\" . }}",
        "{{ (tz \"Europe/Berlin\" (index .Alerts 0).StartsAt) | date \"2006\" }} {{ since (index .Alerts 0).StartsAt | humanizeDuration }}",
        "{{ dict \"a\" (list 1 2) | toJson }} {{ append (list 1) 2 3 }} {{ stringSlice \"a\" \"b\" | join \"-\" }} {{ urlUnescape \"a%20b\" | safeHtml }}",
        "{{ .GroupLabels.Remove (stringSlice \"a\") }} {{ len .Alerts }} {{ .ExternalURL | urlquery }}",
        "{{ $l := list 1 }}{{ $l = list $l $l }}{{ $l = list $l $l }}{{ $l }}",
    ]));
    seeds.push(seeds::growing("{{ $l := list 1 }}", "{{ $l = list $l $l }}", "{{ $l }}"));
    seeds.push(seeds::growing("{{ $l := list 1 }}", "{{ $l = list $l $l }}", "{{ $l | toJson }}"));
    seeds.push(seeds::growing("{{ $l := \"a\" }}", "{{ $l = printf \"%s%s\" $l $l }}", "{{ $l }}"));
    seeds
}

static RENDERER: LazyLock<Renderer> = LazyLock::new(|| {
    let labels = |pairs: &[(&str, &str)]| -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let now = Timestamp::from_secs(1_700_000_000);
    let alert = |name: &str, ends: i64| Alert {
        labels: labels(&[("alertname", name), ("severity", "page"), ("a", "b")]),
        annotations: labels(&[("summary", "it <broke>")]),
        starts_at: Timestamp::from_secs(1_699_999_000),
        ends_at: Timestamp::from_secs(ends),
        updated_at: now,
        generator_url: "http://x/?a=b".to_owned(),
        timeout: false,
    };
    let data = Data {
        receiver: "team".to_owned(),
        status: "firing".to_owned(),
        alerts: vec![alert("A", 1_800_000_000), alert("B", 1_699_999_999)],
        group_labels: labels(&[("a", "b")]),
        common_labels: labels(&[("a", "b"), ("severity", "page")]),
        common_annotations: labels(&[("summary", "it <broke>")]),
        route_labels: Labels::new(),
        external_url: "http://alertmanager".to_owned(),
        reason: Reason::First,
        now,
    };
    Template::new([]).expect("the templates that are always there").renderer(&data, now)
});

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    for out in [RENDERER.text(&text), RENDERER.html(&text)] {
        match out {
            Ok(out) => assert!(out.len() <= OUTPUT.max(text.len()), "{} bytes", out.len()),
            Err(error) => assert!(!error.fault.to_string().is_empty()),
        }
    }
}
