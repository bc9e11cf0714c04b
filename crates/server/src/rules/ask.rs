//! Parameters of requests, some of which may come more than once.

use model::rows::Evaluation;
use promql::{Labels, Matcher};
use rules::book::Definition;
use rules::{Kind, Rule};

use super::Problem;
use super::wire::Group;

/// Which rules are asked for; all, if nothing is said.
#[derive(Debug, Default)]
pub struct Ask {
    /// Whether of those that alert or of those that record.
    alerting: Option<bool>,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    matches: Vec<Vec<Matcher>>,
    pub exclude_alerts: bool,
    limit: Option<usize>,
    token: Option<String>,
}

impl Ask {
    /// Reads a query string; what it does not know is passed over.
    pub fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let (mut ask, mut selectors) = (Self::default(), Vec::new());
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "type" => ask.alerting = kind(&value)?,
                "rule_name[]" => ask.names.push(value),
                "rule_group[]" => ask.groups.push(value),
                "file[]" => ask.files.push(value),
                "match[]" => selectors.push(value),
                "exclude_alerts" => ask.exclude_alerts = flag(&value)?,
                "group_limit" => ask.limit = limit(&value)?,
                "group_next_token" => ask.token = Some(value).filter(|token| !token.is_empty()),
                _ => {}
            }
        }
        ask.matches = promql::parser::parse_selectors(selectors.iter().map(String::as_str))
            .map_err(|error| Problem::bad(format!("invalid parameter \"match[]\": {error}")))?;
        if ask.matches.iter().any(|matchers| matchers.iter().all(|matcher| matcher.matches(""))) {
            return Err(Problem::bad("invalid parameter \"match[]\": it must contain at least one non-empty matcher"));
        }
        if ask.token.is_some() && ask.limit.is_none() {
            return Err(Problem::bad("group_limit needs to be provided in order to paginate over the groups"));
        }
        Ok(ask)
    }

    pub fn wants_group(&self, definition: &Definition) -> bool {
        let has = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        has(&self.groups, &definition.group.name) && has(&self.files, &definition.file)
    }

    pub fn wants(&self, rule: &Rule) -> bool {
        let alerts = matches!(rule.kind, Kind::Alerting(_));
        self.alerting.is_none_or(|wanted| wanted == alerts)
            && (self.names.is_empty() || self.names.iter().any(|name| name == rule.name()))
            && self.fits(rule)
    }

    /// Whether the labels of a rule that are no templates satisfy one of the selectors.
    fn fits(&self, rule: &Rule) -> bool {
        let plain = rule.labels.iter().filter(|(_, text)| !text.contains("{{"));
        let labels = Labels::new(plain.map(|(name, value)| (name.as_str(), value.as_str())));
        let fits = |matchers: &Vec<Matcher>| matchers.iter().all(|matcher| matcher.matches_labels(&labels));
        self.matches.is_empty() || self.matches.iter().any(fits)
    }

    /// The groups of the page that is asked for, and the token of the next.
    pub fn page(&self, mut groups: Vec<Group>) -> Result<(Vec<Group>, Option<String>), Problem> {
        if let Some(wanted) = &self.token {
            let stale = || Problem::bad(format!("invalid group_next_token '{wanted}'. were rule groups changed?"));
            let start = groups.iter().position(|group| token(group) == *wanted).ok_or_else(stale)?;
            groups.drain(..start);
        }
        let next = self.limit.and_then(|limit| groups.get(limit)).map(token);
        groups.truncate(self.limit.unwrap_or(usize::MAX));
        Ok((groups, next))
    }
}

fn token(group: &Group) -> String {
    let (file, name) = group.place();
    Evaluation::key(file, name, 0).to_string()
}

fn kind(value: &str) -> Result<Option<bool>, Problem> {
    match value {
        "" => Ok(None),
        "alert" => Ok(Some(true)),
        "record" => Ok(Some(false)),
        other => Err(Problem::bad(format!("invalid parameter \"type\": not supported value {other:?}"))),
    }
}

fn flag(value: &str) -> Result<bool, Problem> {
    match value.to_lowercase().as_str() {
        "true" | "1" | "t" => Ok(true),
        "false" | "0" | "f" | "" => Ok(false),
        other => Err(Problem::bad(format!("invalid parameter \"exclude_alerts\": {other:?} is not true or false"))),
    }
}

fn limit(value: &str) -> Result<Option<usize>, Problem> {
    match value.parse() {
        _ if value.is_empty() => Ok(None),
        Ok(limit) if limit > 0 => Ok(Some(limit)),
        _ => Err(Problem::bad(format!("invalid parameter \"group_limit\": {value:?} is not a number above 0"))),
    }
}
