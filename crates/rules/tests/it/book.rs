//! Scenarios of `cases/book.txt`.

use std::collections::BTreeMap;

use promql::text::parse_duration;
use promql::{Labels, Value};
use rules::book::{Book, Definition, Evaluation, Flapping, Missing, MissingPolicy, Outcome, Settings, Told};
use rules::{AlertState, Answers, Reading, parse_rules};

fn millis(text: &str) -> i64 {
    parse_duration(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What a paragraph says before its lines.
struct Setup {
    rule: String,
    limit: String,
    settings: Settings,
}

impl Setup {
    fn new() -> Self {
        let missing = Missing { policy: MissingPolicy::Keep, keep_for: millis("1h") };
        let flapping = Flapping { changes: 0, within: millis("10m"), quiet: millis("1m") };
        let settings = Settings {
            interval: millis("30s"),
            query_offset: 0,
            resend: millis("60s"),
            external_labels: BTreeMap::from([("cluster".to_owned(), "one".to_owned())]),
            external_url: "http://here/".to_owned(),
            missing,
            flapping,
        };
        Self { rule: String::new(), limit: "0".to_owned(), settings }
    }

    fn read(&mut self, key: &str, value: &str) {
        let words: Vec<&str> = value.split_whitespace().collect();
        match (key, words.as_slice()) {
            ("rule", _) => self.rule = value.to_owned(),
            ("limit", [limit]) => self.limit = (*limit).to_owned(),
            ("missing", [policy, rest @ ..]) => {
                let policy = match *policy {
                    "keep" => MissingPolicy::Keep,
                    "alert" => MissingPolicy::Alert,
                    "resolve" => MissingPolicy::Resolve,
                    other => panic!("{other}"),
                };
                self.settings.missing = Missing { policy, keep_for: rest.first().map_or(0, |text| millis(text)) };
            }
            ("flapping", [changes, "in", within, "quiet", quiet]) => {
                let (within, quiet) = (millis(within), millis(quiet));
                self.settings.flapping = Flapping { changes: changes.parse().unwrap(), within, quiet };
            }
            other => panic!("{other:?}"),
        }
    }

    fn definition(&self) -> Definition {
        let text = format!("groups:\n- name: g\n  limit: {}\n  rules:\n  - {}\n", self.limit, self.rule);
        let group = parse_rules(&text, Reading::default()).unwrap().remove(0);
        Definition { file: "f.yml".to_owned(), group, settings: self.settings.clone() }
    }
}

struct World {
    setup: Setup,
    book: Book,
    generation: i64,
}

impl World {
    fn define(&mut self, t: i64) -> Outcome {
        self.generation += 1;
        let mut outcome = self.book.define(self.generation, self.setup.definition(), t);
        outcome.told.extend(self.book.close(self.generation, t).told);
        outcome
    }

    fn happens(&mut self, t: i64, what: &str) -> Outcome {
        let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
        match word {
            "restart" => {
                let saved = self.book.save().unwrap();
                self.book = Book::restored(&saved).unwrap();
                assert_eq!(self.book.save().unwrap(), saved, "what is restored is what was saved");
                Outcome::default()
            }
            "rule" => {
                self.setup.rule = rest.to_owned();
                self.define(t)
            }
            "interval" => {
                self.setup.settings.interval = millis(rest) + 1;
                self.define(t)
            }
            "close" => self.book.close(i64::MAX, t),
            _ => self.evaluated(t, word, rest),
        }
    }

    fn evaluated(&mut self, t: i64, word: &str, found: &str) -> Outcome {
        let result = |name: &str| (Labels::new([("__name__", "x"), ("i", name)]), Value::Float(1.0));
        let vector = found.split_whitespace().map(result).collect();
        let inputs = match word {
            "lost" => BTreeMap::from([("x".to_owned(), (1, 0))]),
            "there" => BTreeMap::from([("x".to_owned(), (1, 1))]),
            "ok" | "err" | "late" => BTreeMap::new(),
            other => panic!("{other}"),
        };
        self.book.evaluated(Evaluation {
            file: "f.yml".to_owned(),
            group: "g".to_owned(),
            rule: 0,
            generation: if word == "late" { 1 } else { self.generation },
            t,
            took: 0.1,
            result: if word == "err" { Err("it is broken".to_owned()) } else { Ok(vector) },
            inputs,
            queries: Answers::default(),
        })
    }

    fn states(&self) -> String {
        let rules = self.book.groups().flat_map(|group| group.rules());
        let alerts = rules.flat_map(|(_, running)| &running.state().alerts);
        let shown = alerts.map(|alert| {
            let state = match alert.state {
                AlertState::Pending => "p",
                AlertState::Firing => "f",
                AlertState::Inactive => "r",
            };
            format!("{state} {}", alert.labels["i"])
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

fn shown(told: &Told) -> String {
    assert_eq!(told.labels["cluster"], "one", "external labels are there");
    assert!(told.link.starts_with("http://here/api/v1/rules?"), "{}", told.link);
    assert!(told.ends_at.is_none_or(|end| end >= told.starts_at));
    let name = match told.labels["alertname"].as_str() {
        "A" => told.labels["i"].clone(),
        "SteadfastRuleMissingData" => {
            assert_eq!(told.labels["rule"], "A");
            "!".to_owned()
        }
        other => panic!("{other}"),
    };
    let has = |name: &str| told.annotations.contains_key(name);
    match (told.ends_at, name.as_str()) {
        (None, "!") => name,
        (Some(_), _) => format!("-{name}"),
        _ if has("unknown") => format!("?{name}"),
        _ if has("flapping") => format!("~{name}"),
        _ => format!("+{name}"),
    }
}

/// What went otherwise than it says.
fn scenario(paragraph: &str) -> Vec<String> {
    let mut failures = Vec::new();
    let mut lines = paragraph.lines().peekable();
    let mut setup = Setup::new();
    let mut name = "";
    while let Some((key, value)) = lines.peek().and_then(|line| line.split_once(": ")) {
        if key.contains(' ') {
            break;
        }
        if key == "name" {
            name = value
        } else {
            setup.read(key, value)
        }
        lines.next();
    }
    let mut world = World { setup, book: Book::default(), generation: 0 };
    world.define(0);
    for line in lines {
        let (left, expected) = line.rsplit_once(" :").unwrap_or_else(|| panic!("{line}"));
        let (time, what) = left.split_once(' ').unwrap();
        let outcome = world.happens(millis(time), what);
        let mut told: Vec<String> = outcome.told.iter().map(shown).collect();
        let (expected, states) = match expected.split_once('[') {
            Some((told, states)) => (told, Some(states.trim_end_matches(']'))),
            None => (expected, None),
        };
        let mut expected: Vec<&str> = expected.split_whitespace().collect();
        told.sort();
        expected.sort_unstable();
        if told != expected {
            failures.push(format!("{name}: {line}: {told:?} is told"));
        }
        if let Some(states) = states.filter(|states| *states != world.states()) {
            failures.push(format!("{name}: {line}: [{}] is not [{states}]", world.states()));
        }
    }
    failures
}

#[test]
fn scenarios() {
    let text = include_str!("../cases/book.txt");
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.starts_with('#'));
    let failures: Vec<Vec<String>> = paragraphs.map(|paragraph| scenario(paragraph.trim_end())).collect();
    assert_eq!(failures.len(), text.matches("\nname: ").count());
    assert_eq!(failures.concat(), Vec::<String>::new());
}

#[test]
fn decisions_say_why_an_alert_is_told_otherwise_than_its_rule_has_it() {
    let mut setup = Setup::new();
    setup.read("rule", "{alert: A, expr: x}");
    setup.read("flapping", "1 in 10m quiet 1m");
    let mut world = World { setup, book: Book::default(), generation: 0 };
    world.define(0);
    let mut decided = Vec::new();
    for (t, what) in [(0, "ok a"), (30, "err"), (60, "ok a"), (90, "ok"), (180, "ok")] {
        let outcome = world.happens(t * 1000, what);
        decided.extend(outcome.decided.into_iter().map(|decided| (t, decided.decision, decided.because)));
    }
    let words: Vec<_> = decided.iter().map(|(t, decision, _)| (*t, *decision)).collect();
    assert_eq!(words, [(30, "unknown"), (60, "known"), (90, "flapping"), (180, "quiet")]);
    assert!(
        decided[0].2.contains("it is broken") && decided[2].2.contains("more than 1 changes in 10m"),
        "{decided:?}"
    );
}

#[test]
fn templates_are_expanded_by_what_they_asked() {
    let mut setup = Setup::new();
    setup.read("rule", "{alert: A, expr: x, annotations: {up: '{{ with query \"up\" }}{{ . | first | value }}{{ end }}', other: '{{ query \"down\" }}'}}");
    let mut world = World { setup, book: Book::default(), generation: 0 };
    world.define(0);
    let queries = [("up".to_owned(), Ok(vec![(Labels::empty(), 7.0)]))].into_iter().collect();
    let outcome = world.book.evaluated(Evaluation {
        file: "f.yml".to_owned(),
        group: "g".to_owned(),
        rule: 0,
        generation: 1,
        t: 0,
        took: 0.0,
        result: Ok(vec![(Labels::new([("i", "a")]), Value::Float(f64::NAN))]),
        inputs: BTreeMap::new(),
        queries,
    });
    assert_eq!(outcome.told[0].annotations["up"], "7");
    assert!(outcome.told[0].annotations["other"].contains("was not asked before"));
    let saved = world.book.save().unwrap();
    assert_eq!(Book::restored(&saved).unwrap().save().unwrap(), saved, "a value that is no number is kept");
}

#[test]
fn a_group_is_evaluated_at_the_times_that_prometheus_would_take() {
    let mut setup = Setup::new();
    setup.read("rule", "{alert: A, expr: x}");
    let definition = setup.definition();
    let at = definition.at_or_before(1_000_000_000_000_000_000);
    let interval = definition.interval() * 1_000_000;
    assert!(at <= 1_000_000_000_000_000_000 && at > 1_000_000_000_000_000_000 - interval);
    assert_eq!(definition.at_or_before(at), at);
    assert_eq!(definition.at_or_before(at - 1), at - interval);
    assert_eq!(definition.at_or_before(at + interval), at + interval);
    let identity = Labels::new([("name", "g"), ("file", "f.yml")]);
    assert_eq!(at.rem_euclid(interval), (identity.digest() % interval as u64) as i64);
}
