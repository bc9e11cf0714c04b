//! What others put on the log.

use std::sync::OnceLock;
use std::time::Duration;

use base::Timestamp;
use integrations::Inbound;
use model::rows::{Finding, Posting, Reaction, SilenceRow, VerdictRow};
use model::{AlertState, Batch, Key, Labels, ResourceId, Severity, Verdict};

use super::outside::POISON;

/// Until when what is posted fires, unless its end is posted.
const LONG: Duration = Duration::from_secs(30 * 86400);
const SECRET: &str = "a secret of sixteen or more";

/// Something to put on the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Finding {
        cause: String,
        nth: u64,
        state: AlertState,
        severity: Severity,
        poisonous: bool,
    },
    /// So many findings in one batch.
    Findings {
        cause: String,
        count: u64,
        state: AlertState,
    },
    /// `root-<zone>` or `leaf-<zone>-<n>`.
    Posting {
        name: String,
        fires: bool,
    },
    Silence {
        id: u64,
        cause: String,
        on: bool,
    },
    /// What somebody did at PagerDuty about an open incident; `nth` says which.
    Reaction {
        action: &'static str,
        nth: u64,
    },
    /// The last one is delivered once more.
    ReactionAgain,
    /// A workload of a cluster begins to roll out, or no longer does.
    Rolls {
        cluster: u64,
        revision: u64,
        on: bool,
    },
}

/// One finding of a cause, as it is now.
pub struct About<'a> {
    pub cause: &'a str,
    pub nth: u64,
    pub state: AlertState,
    pub severity: Severity,
    pub poisonous: bool,
}

pub fn findings(of: &[About<'_>], time: Timestamp) -> Batch {
    let rows: Vec<Finding> = of.iter().map(|about| finding(about, time)).collect();
    Batch::of(rows[0].scope.clone(), &rows).unwrap()
}

fn finding(about: &About<'_>, time: Timestamp) -> Finding {
    let name = format!("drift/{}/{}", about.cause, about.nth);
    let resource = about.cause.starts_with("k8s/").then(|| workload(&about.cause[..7], &format!("web-{}", about.nth)));
    let labels = about.poisonous.then(|| ("note".to_owned(), POISON.to_owned()));
    Finding {
        time,
        key: Key::of(name.as_bytes()),
        kind: "drift".to_owned(),
        scope: about.cause.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"),
        resource: Some(resource.unwrap_or_else(|| name.clone())),
        cause: about.cause.to_owned(),
        severity: about.severity,
        state: about.state,
        summary: format!("{} was modified", about.cause),
        since: time,
        labels: labels.into_iter().collect(),
        evidence: "{}".to_owned(),
        finding: name,
    }
}

/// A workload of a cluster whose scope is given.
fn workload(scope: &str, name: &str) -> String {
    format!("{scope}/apps.Deployment/shop/{name}")
}

/// What rolls out is beside everything else of its cluster.
pub fn rolls(cluster: u64, revision: u64, on: bool, time: Timestamp) -> Batch {
    let (scope, [verdict, previous]) = (format!("k8s/c-{cluster}"), [Verdict::RollingOut, Verdict::InSync]);
    let id: ResourceId = workload(&scope, "web").parse().unwrap();
    let row = VerdictRow {
        time,
        key: id.key(),
        kind: id.kind().to_owned(),
        id,
        verdict: if on { verdict } else { previous },
        previous: if on { previous } else { verdict },
        since: time,
        source: Some("shop".to_owned()),
        revision: Some(format!("rev-{revision}")),
        author: None,
        message: None,
        file: None,
        line: None,
        actor: None,
        fields: "[]".to_owned(),
        evidence: "{}".to_owned(),
        gitops: None,
        scope: scope.clone(),
    };
    Batch::of(scope, &[row]).unwrap()
}

pub fn posting(name: &str, fires: bool, time: Timestamp) -> Batch {
    // Labels are what an alert is known by.
    let poisonous = name.ends_with("-2");
    let mut parts = name.split('-');
    let (role, zone) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let pairs = [
        ("alertname", "Posted".to_owned()),
        ("instance", name.to_owned()),
        ("cause", format!("alert/{name}")),
        ("role", role.to_owned()),
        ("zone", zone.to_owned()),
        ("note", if poisonous { POISON } else { "fine" }.to_owned()),
    ];
    let row = Posting {
        time,
        labels: pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        annotations: Labels::new(),
        starts_at: time,
        ends_at: if fires { time.plus(LONG) } else { time },
        timeout: false,
        generator_url: String::new(),
    };
    Batch::of(folds::routing::KEY, &[row]).unwrap()
}

pub fn silence(id: u64, cause: &str, on: bool, time: Timestamp) -> Batch {
    let id = format!("silence-{id}");
    let matchers = serde_json::json!([{"name": "cause", "value": cause, "isRegex": false, "isEqual": true}]);
    let row = SilenceRow {
        time,
        key: Key::of(id.as_bytes()),
        id,
        matchers: matchers.to_string(),
        starts_at: time,
        ends_at: if on { time.plus(LONG) } else { time },
        created_by: "Ann".to_owned(),
        comment: "it is known".to_owned(),
        annotations: Labels::new(),
    };
    Batch::of(folds::routing::KEY, &[row]).unwrap()
}

/// What PagerDuty posts, as the real integration reads it.
pub fn reaction(key: &str, action: &str, event: u64, time: Timestamp) -> Reaction {
    let event = format!("event-{event}");
    let posted = fake_provider::Webhook::new(SECRET, &event, &format!("incident.{action}"), key, &time.to_string());
    let inbound = inbound();
    assert!(inbound.is_signed(posted.body.as_bytes(), &posted.signature));
    inbound.read("pd", posted.body.as_bytes(), time).unwrap().unwrap()
}

fn inbound() -> &'static dyn Inbound {
    static INBOUND: OnceLock<Box<dyn Inbound>> = OnceLock::new();
    let build = || {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, SECRET.as_bytes()).unwrap();
        let secret = serde_json::json!({"file": file.path()});
        let settings = serde_json::json!({"routing_key": secret, "webhook_secret": secret});
        let plugin = integrations::all().into_iter().find(|plugin| plugin.kind == "pagerduty").unwrap();
        plugin.inbound.unwrap()(&settings).unwrap().unwrap()
    };
    INBOUND.get_or_init(build).as_ref()
}
