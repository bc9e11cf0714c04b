//! What templates see of a notification.

use std::sync::Arc;

use base::Timestamp;
use go_template::{Object, Time, Value};

use crate::alert::Alert;
use crate::dedup::Reason;
use crate::labels::{ALERTNAME, Labels};
use crate::matcher::quote_meta;
use crate::webhook::{Body, BodyAlert, Notification, common};

/// The data of a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The receiver, quoted as for a regular expression, as Alertmanager has it.
    pub receiver: String,
    /// `firing` if any alert fires, else `resolved`.
    pub status: String,
    /// The alerts, in order.
    pub alerts: Vec<Alert>,
    /// Labels by which the group is made.
    pub group_labels: Labels,
    /// Labels that all alerts have.
    pub common_labels: Labels,
    /// Annotations that all alerts have.
    pub common_annotations: Labels,
    /// Labels of the route.
    pub route_labels: Labels,
    /// Where we are reached.
    pub external_url: String,
    /// Why it is sent.
    pub reason: Reason,
    /// When.
    pub now: Timestamp,
}

impl Data {
    /// Of a notification of these alerts, which are in order.
    pub fn new(notification: &Notification<'_>, alerts: &[Alert]) -> Self {
        let firing = alerts.iter().any(|alert| !alert.is_resolved(notification.now));
        Self {
            receiver: quote_meta(notification.receiver),
            status: if firing { "firing" } else { "resolved" }.to_owned(),
            alerts: alerts.to_vec(),
            group_labels: notification.group_labels.clone(),
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            route_labels: notification.route_labels.clone(),
            external_url: notification.external_url.to_owned(),
            reason: notification.reason,
            now: notification.now,
        }
    }

    /// Of a message that was made before; its alerts are as they were then.
    pub fn of(body: &Body, now: Timestamp) -> Self {
        let time = |text: &str| text.parse().unwrap_or(Timestamp::MAX);
        let alert = |it: &BodyAlert| Alert {
            labels: it.labels.clone(),
            annotations: it.annotations.clone(),
            starts_at: time(&it.starts_at),
            ends_at: if it.status == "resolved" { time(&it.ends_at).min(now) } else { Timestamp::MAX },
            updated_at: now,
            generator_url: it.generator_url.clone(),
            timeout: false,
        };
        Self {
            // It is quoted there already.
            receiver: body.receiver.clone(),
            status: body.status.clone(),
            alerts: body.alerts.iter().map(alert).collect(),
            group_labels: body.group_labels.clone(),
            common_labels: body.common_labels.clone(),
            common_annotations: body.common_annotations.clone(),
            route_labels: body.route_labels.clone(),
            external_url: body.external_url.clone(),
            reason: body.notification_reason.unwrap_or(Reason::Unknown),
            now,
        }
    }

    /// As templates see it.
    pub fn value(&self) -> Value {
        let alerts = self.alerts.iter().map(|alert| alert_value(alert, self.now)).collect();
        Value::object(Struct {
            name: "*template.Data",
            fields: vec![
                ("Receiver", Value::from(&*self.receiver)),
                ("Status", Value::from(&*self.status)),
                ("Alerts", Value::object(Alerts(alerts))),
                ("GroupLabels", Value::object(Kv(self.group_labels.clone()))),
                ("CommonLabels", Value::object(Kv(self.common_labels.clone()))),
                ("CommonAnnotations", Value::object(Kv(self.common_annotations.clone()))),
                ("RouteLabels", Value::object(Kv(self.route_labels.clone()))),
                ("ExternalURL", Value::from(&*self.external_url)),
                ("NotificationReason", Value::from(self.reason.as_str())),
            ],
        })
    }
}

fn alert_value(alert: &Alert, now: Timestamp) -> Value {
    let ends_at = if alert.is_resolved(now) { Time::from(alert.ends_at) } else { Time::zero() };
    Value::object(Struct {
        name: "template.Alert",
        fields: vec![
            ("Status", Value::from(alert.status(now))),
            ("Labels", Value::object(Kv(alert.labels.clone()))),
            ("Annotations", Value::object(Kv(alert.annotations.clone()))),
            ("StartsAt", Value::from(alert.starts_at)),
            ("EndsAt", Value::Time(ends_at)),
            ("GeneratorURL", Value::from(&*alert.generator_url)),
            ("Fingerprint", Value::from(alert.fingerprint().to_string())),
        ],
    })
}

/// A value with fields only.
struct Struct {
    name: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl Object for Struct {
    fn type_name(&self) -> &str {
        self.name
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    }

    fn fields(&self) -> Vec<(&str, Value)> {
        self.fields.iter().map(|(name, value)| (*name, value.clone())).collect()
    }

    fn json_name(&self, field: &str) -> String {
        if field == "NotificationReason" {
            return "notification_reason".to_owned();
        }
        let mut chars = field.chars();
        chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
    }
}

/// The alerts: a list that knows which of them fire.
struct Alerts(Arc<[Value]>);

impl Object for Alerts {
    fn type_name(&self) -> &str {
        "template.Alerts"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
        let status = match name {
            "Firing" => "firing",
            "Resolved" => "resolved",
            _ => return None,
        };
        if !args.is_empty() {
            return Some(Err("takes no arguments".to_owned()));
        }
        let of_status = |alert: &&Value| match alert {
            Value::Object(alert) => alert.field("Status").as_ref().and_then(Value::as_str) == Some(status),
            _ => false,
        };
        Some(Ok(Value::list(self.0.iter().filter(of_status).cloned())))
    }

    fn underlying(&self) -> Value {
        Value::List(Arc::clone(&self.0))
    }
}

/// Labels or annotations: a map that lists its names and values, the alert's name first.
struct Kv(Labels);

impl Kv {
    fn sorted(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.sort_by_key(|(name, _)| *name != ALERTNAME);
        pairs
    }

    fn pairs(&self) -> Pairs {
        Pairs(self.sorted().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn without(&self, names: &Value) -> Result<Value, String> {
        let Value::List(names) = names.plain() else { return Err("Remove takes a list of names".to_owned()) };
        let mut labels = self.0.clone();
        names.iter().filter_map(Value::as_str).for_each(|name| {
            labels.remove(name);
        });
        Ok(Value::object(Self(labels)))
    }
}

impl Object for Kv {
    fn type_name(&self) -> &str {
        "template.KV"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
        match (name, args) {
            ("SortedPairs", []) => Some(Ok(Value::object(self.pairs()))),
            ("Names" | "Values" | "String", []) => self.pairs().call(name, args),
            ("Remove", [names]) => Some(self.without(names)),
            ("SortedPairs" | "Names" | "Values" | "String" | "Remove", _) => {
                Some(Err("wrong number of arguments".to_owned()))
            }
            _ => None,
        }
    }

    fn underlying(&self) -> Value {
        Value::map(self.0.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))))
    }

    fn missing(&self) -> Value {
        Value::from("")
    }

    fn display(&self) -> Option<String> {
        self.pairs().display()
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(self.0.get(name).map_or_else(|| self.missing(), |value| Value::from(value.as_str())))
    }
}

/// Names and values in order.
struct Pairs(Vec<(String, String)>);

impl Object for Pairs {
    fn type_name(&self) -> &str {
        "template.Pairs"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
        let value = match name {
            "Names" => Value::list(self.0.iter().map(|(name, _)| Value::from(name.as_str()))),
            "Values" => Value::list(self.0.iter().map(|(_, value)| Value::from(value.as_str()))),
            "String" => Value::from(self.display().unwrap_or_default()),
            _ => return None,
        };
        Some(if args.is_empty() { Ok(value) } else { Err("wrong number of arguments".to_owned()) })
    }

    fn underlying(&self) -> Value {
        Value::list(self.0.iter().map(|(name, value)| Value::object(Pair(name.clone(), value.clone()))))
    }

    fn display(&self) -> Option<String> {
        Some(self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "))
    }
}

/// A name and its value.
struct Pair(String, String);

impl Object for Pair {
    fn type_name(&self) -> &str {
        "template.Pair"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Name" => Some(Value::from(&*self.0)),
            "Value" => Some(Value::from(&*self.1)),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&str, Value)> {
        vec![("Name", Value::from(&*self.0)), ("Value", Value::from(&*self.1))]
    }
}
