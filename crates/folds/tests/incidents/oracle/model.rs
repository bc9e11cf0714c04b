use std::collections::{BTreeMap, BTreeSet};

use super::keys::name;
use super::{At, Fact, History, Route, Seen, Told, rollouts};

/// A cause, from when it opened until it was over.
#[derive(Clone, Debug, PartialEq)]
pub struct Incarnation {
    pub cause: String,
    pub from: At,
    pub from_ms: i64,
    /// The time in its name, if it opens at once: two that open in one millisecond have two names.
    name_ms: i64,
    pub to: Option<(At, i64)>,
    /// Its severity over time: it only rises.
    pub severities: Vec<(At, u8)>,
    /// The most findings at once.
    pub peak: usize,
}

/// What was open when, and who was to be told.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub incarnations: Vec<Incarnation>,
    /// Causes that nobody was to be told of: cause, from, to, and the wall times of both.
    pub silences: Vec<Span>,
    routes: Vec<(At, Vec<Route>)>,
    /// Of each request the place of the incarnation that it is about; of children none.
    pub about: Vec<Option<usize>>,
}

/// A time during which a cause was held back.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub cause: String,
    pub from: At,
    pub to: At,
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Incarnation {
    pub fn end(&self) -> At {
        self.to.map_or(At::MAX, |(at, _)| at)
    }

    pub fn end_ms(&self) -> i64 {
        self.to.map_or(i64::MAX, |(_, ms)| ms)
    }

    /// What it was at a time.
    pub fn severity_at(&self, at: At) -> u8 {
        self.severities.iter().take_while(|(since, _)| *since <= at).last().map_or(0, |(_, severity)| *severity)
    }

    pub fn is_open_at_the_end(&self) -> bool {
        self.to.is_none()
    }
}

#[derive(Default)]
struct Open {
    findings: BTreeSet<String>,
    place: usize,
}

impl Model {
    pub fn of(history: &History) -> Self {
        let mut model = Self::default();
        let (mut open, mut of) = (BTreeMap::<String, Open>::new(), BTreeMap::<String, String>::new());
        let mut silenced = BTreeMap::<String, Span>::new();
        for told in &rollouts::told_as(&history.facts, history.window, history.end) {
            match &told.fact {
                Fact::Fires { cause, finding, severity } => {
                    of.insert(finding.clone(), cause.clone());
                    model.fire(&mut open, told, cause, finding, *severity);
                }
                Fact::Ends { finding } => model.end(&mut open, told, of.get(finding), finding),
                Fact::Silence { id, cause, on: true } => {
                    let (at, ms) = (told.at, told.wall_ms);
                    let span = Span { cause: cause.clone(), from: at, to: At::MAX, from_ms: ms, to_ms: i64::MAX };
                    silenced.entry(id.clone()).or_insert(span);
                }
                Fact::Silence { id, on: false, .. } => {
                    let span = silenced.remove(id);
                    model.silences.extend(span.map(|span| Span { to: told.at, to_ms: told.wall_ms, ..span }));
                }
                Fact::Routes(routes) => model.routes.push((told.at, routes.clone())),
                Fact::Reaction { .. } | Fact::Rolls { .. } => {}
            }
        }
        model.silences.extend(silenced.into_values());
        model.about = model.places(history);
        model
    }

    /// A resolve may not name its cause; others with its key do.
    fn places(&self, history: &History) -> Vec<Option<usize>> {
        let causes = history.seen.iter().filter_map(|seen| Some((seen.key.as_str(), seen.cause.as_ref()?)));
        let causes: BTreeMap<&str, &String> = causes.collect();
        let mut known = BTreeMap::new();
        let place = |key: &str, cause: &str| {
            let name = name(key).filter(|name| !name.child)?;
            let named = self.named(cause, name.opened_ms)?;
            self.incarnations.iter().position(|it| it == named)
        };
        let of = |seen: &'_ Seen| {
            let cause = seen.cause.as_ref().or_else(|| causes.get(seen.key.as_str()).copied())?;
            *known.entry((seen.key.clone(), cause.clone())).or_insert_with(|| place(&seen.key, cause))
        };
        history.seen.iter().map(of).collect()
    }

    fn fire(&mut self, open: &mut BTreeMap<String, Open>, told: &Told, cause: &str, finding: &str, severity: u8) {
        let is_new = !open.contains_key(cause);
        let place = self.incarnations.len();
        let entry = open.entry(cause.to_owned()).or_insert_with(|| Open { place, ..Open::default() });
        entry.findings.insert(finding.to_owned());
        if is_new {
            let before = self.incarnations.iter().rfind(|it| it.cause == cause);
            let name_ms = before.map_or(told.wall_ms, |it| told.wall_ms.max(it.name_ms + 1));
            self.incarnations.push(Incarnation {
                cause: cause.to_owned(),
                from: told.at,
                from_ms: told.wall_ms,
                name_ms,
                to: None,
                severities: Vec::new(),
                peak: 0,
            });
        }
        let incarnation = &mut self.incarnations[entry.place];
        incarnation.peak = incarnation.peak.max(entry.findings.len());
        if incarnation.severities.last().is_none_or(|(_, worst)| severity > *worst) {
            incarnation.severities.push((told.at, severity));
        }
    }

    fn end(&mut self, open: &mut BTreeMap<String, Open>, told: &Told, cause: Option<&String>, finding: &str) {
        let Some(entry) = cause.and_then(|cause| open.get_mut(cause)) else { return };
        entry.findings.remove(finding);
        if let (true, Some(cause)) = (entry.findings.is_empty(), cause) {
            self.incarnations[entry.place].to = Some((told.at, told.wall_ms));
            open.remove(cause);
        }
    }

    /// The incarnations of a cause that a key with that time can be of.
    pub fn named(&self, cause: &str, opened_ms: i64) -> Option<&Incarnation> {
        let of_cause = self.incarnations.iter().filter(|incarnation| incarnation.cause == cause);
        if let Some(exactly) = of_cause.clone().find(|it| it.name_ms == opened_ms) {
            return Some(exactly);
        }
        of_cause.filter(|incarnation| incarnation.from_ms <= opened_ms).rfind(|it| opened_ms <= it.end_ms())
    }

    /// Whether a receiver is to be told of something of that severity, at that time.
    pub fn routed(&self, receiver: &str, cause: &str, severity: u8, at: At) -> bool {
        let current = self.routes.iter().take_while(|(since, _)| *since <= at).last();
        current.into_iter().flat_map(|(_, routes)| routes).any(|route| {
            route.receiver == receiver && cause.starts_with(&route.prefix) && severity >= route.min_severity
        })
    }

    /// Times at which who is told may change.
    pub fn changes(&self) -> impl Iterator<Item = At> {
        self.routes.iter().map(|(at, _)| *at)
    }

    /// When a cause was held back: silenced, or another one fired that holds it back.
    pub fn held_back(&self, history: &History, cause: &str) -> Vec<Span> {
        let mut spans: Vec<Span> = self.silences.iter().filter(|span| span.cause == cause).cloned().collect();
        let sources = history.inhibits.iter().filter(|(_, targets)| targets.iter().any(|target| target == cause));
        for (source, _) in sources {
            let firing = self.incarnations.iter().filter(|incarnation| incarnation.cause == *source);
            spans.extend(firing.map(|it| Span {
                cause: cause.to_owned(),
                from: it.from,
                to: it.end(),
                from_ms: it.from_ms,
                to_ms: it.end_ms(),
            }));
        }
        spans
    }
}
