use base::Timestamp;

use crate::Key;
use crate::row::row;

row! {
    /// A group of rules as it is from now on, or the end of a list of all groups of a shard.
    RuleGroup in RuleGroups {
        /// When.
        time: Timestamp,
        /// Which reading of the files it is from; a later one has a greater number.
        generation: i64,
        /// The group's definition with the settings that hold for it, as JSON. Empty: the list ends here,
        /// and groups that are not in it are gone.
        definition: String,
    }
}

row! {
    /// What the query of a rule found.
    Evaluation in Evaluations {
        /// The time that it was evaluated at.
        time: Timestamp,
        /// Key of the rule: its file, group and place.
        key: Key,
        /// The rule file.
        file: String,
        /// The group.
        rule_group: String,
        /// The rule's place in the group, from 0.
        rule: i64,
        /// The name of its alerts or series.
        name: String,
        /// The reading of the files that its definition is from.
        generation: i64,
        /// `ok`; `err`: there is no answer, see `error`.
        health: String,
        /// Why there is no answer.
        error: Option<String>,
        /// How many results there were.
        found: i64,
        /// The results of an alerting rule, as a JSON list of `[labels, value as text]`.
        vector: String,
        /// Where alerts may have gone with their data: how many series each selector found when the rule last
        /// had an answer, and finds now, as JSON `{selector: [then, now]}`.
        inputs: Option<String>,
        /// What templates asked, as JSON `{query: [[labels, value], ..] or error}`.
        queries: Option<String>,
        /// How long it took, in seconds.
        took_seconds: f64,
    }
}

impl Evaluation {
    /// The key of a rule.
    pub fn key(file: &str, group: &str, rule: usize) -> Key {
        Key::of(format!("{file}\0{group}\0{rule}").as_bytes())
    }
}
