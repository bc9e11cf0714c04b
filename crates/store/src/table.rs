use std::time::Duration;

use model::Stream;

use crate::layout;

/// What becomes of the rows of a stream in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Every row is kept.
    Append,
    /// The newest row of each key is kept: by the offset on the log, then by its place in the
    /// record.
    Keyed {
        /// The columns that make the key.
        key: &'static [&'static str],
        /// A boolean column: where it is false, the row says that nothing has this key any more.
        present: Option<&'static str>,
    },
}

/// A table: the rows of one stream.
#[derive(Clone, Copy, Debug)]
pub struct TableDef {
    /// Its name in queries and paths.
    pub name: &'static str,
    /// The stream whose batches are its rows.
    pub stream: Stream,
    /// Which rows are kept.
    pub kind: TableKind,
    /// The columns by which files are sorted.
    pub sort: &'static [&'static str],
    /// The column of times, for retention and for finding files.
    pub time: &'static str,
    /// How long rows are kept if the configuration does not say.
    pub retention: Option<Duration>,
    /// Whether of rows with equal sort columns only the last is kept.
    pub last_wins: bool,
    /// Whether its files hold rows of one day each.
    pub daily: bool,
    /// How often its sort columns were changed: the rows of a file with another number are in another order.
    pub order: u32,
    /// What it holds, for people.
    pub doc: &'static str,
}

impl TableDef {
    /// Its columns: those of the stream, and for streams of the state log the offset of the record
    /// as a last column `log_offset` (Int64).
    pub fn schema(&self) -> arrow::datatypes::SchemaRef {
        layout::schema(self)
    }

    /// Whether two rows with equal sort columns are one row.
    pub const fn unique(&self) -> bool {
        self.last_wins || matches!(self.kind, TableKind::Keyed { .. })
    }
}

const fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * 86_400))
}

const fn keyed(
    name: &'static str,
    stream: Stream,
    key: &'static [&'static str],
    present: Option<&'static str>,
    doc: &'static str,
) -> TableDef {
    let kind = TableKind::Keyed { key, present };
    TableDef {
        name,
        stream,
        kind,
        sort: key,
        time: "time",
        retention: None,
        last_wins: false,
        daily: false,
        order: 0,
        doc,
    }
}

const fn append(
    name: &'static str,
    stream: Stream,
    sort: &'static [&'static str],
    retention: Option<Duration>,
    doc: &'static str,
) -> TableDef {
    TableDef {
        name,
        stream,
        kind: TableKind::Append,
        sort,
        time: "time",
        retention,
        last_wins: false,
        daily: true,
        order: 0,
        doc,
    }
}

const KEY: &[&str] = &["key"];
const KEY_TIME: &[&str] = &["key", "time"];

static TABLES: [TableDef; 35] = [
    keyed("resources", Stream::Live, KEY, Some("present"), "What is live now."),
    append("resource_history", Stream::Live, KEY_TIME, days(30), "Every document seen live, and its end."),
    keyed("desired", Stream::Declared, KEY, Some("present"), "What is declared now."),
    append("desired_history", Stream::Declared, KEY_TIME, days(365), "Every manifest that was new, changed or gone."),
    append("revisions", Stream::Revisions, &["scope", "source", "time"], None, "Versions of the desired state."),
    keyed("scopes", Stream::Scopes, &["scope", "source"], None, "How collectors and sources are now."),
    keyed("drift", Stream::Verdicts, KEY, None, "What is said of each resource now."),
    append("drift_history", Stream::Verdicts, KEY_TIME, days(90), "Every change of a verdict."),
    keyed("summaries", Stream::Summaries, &["scope", "verdict"], None, "How many resources have each verdict."),
    append(
        "summary_history",
        Stream::Summaries,
        &["scope", "verdict", "time"],
        days(90),
        "Every change of how many resources have each verdict.",
    ),
    keyed("findings", Stream::Findings, KEY, None, "What is wrong, or was."),
    append("finding_history", Stream::Findings, KEY_TIME, days(180), "Every change of a finding."),
    append("rollouts", Stream::Rollouts, &["scope", "time"], days(90), "Rollouts: what began, spread and ended."),
    append("confirmations", Stream::Confirmations, KEY_TIME, days(90), "What servers said of suspects."),
    keyed("alerts", Stream::Alerts, KEY, None, "Incidents as they are now."),
    append("alert_history", Stream::Alerts, KEY_TIME, days(365), "Every change of an incident."),
    keyed("silences", Stream::Silences, KEY, None, "What nobody is told of, or was not."),
    TableDef {
        last_wins: true,
        ..append("silence_history", Stream::Silences, KEY_TIME, days(90), "Every change of a silence.")
    },
    append("postings", Stream::Postings, &["time"], days(30), "Alerts as others posted them."),
    append("decisions", Stream::Decisions, &["fingerprint", "time"], days(90), "Why somebody was told, or was not."),
    TableDef {
        retention: days(30),
        ..keyed("rules", Stream::Evaluations, KEY, None, "The last evaluation of each rule.")
    },
    append("canary_points", Stream::CanaryPoints, &["run", "time"], days(30), "What queries of canaries found."),
    TableDef {
        retention: days(365),
        ..keyed("canary_runs", Stream::CanaryRuns, KEY, None, "Runs of canaries, and what is said of each.")
    },
    append(
        "canary_evidence",
        Stream::CanaryEvidence,
        KEY_TIME,
        days(90),
        "What each metric showed after each interval.",
    ),
    append("intents", Stream::Intents, KEY_TIME, days(365), "What was to be sent."),
    append("receipts", Stream::Receipts, KEY_TIME, days(365), "What providers did with intents."),
    TableDef {
        last_wins: true,
        ..append("reactions", Stream::Reactions, KEY_TIME, days(365), "What was done about incidents at providers.")
    },
    keyed("canary_objects", Stream::CanaryObjects, KEY, Some("present"), "What Kayenta's API keeps."),
    TableDef {
        daily: true,
        order: 1,
        ..keyed("series", Stream::Series, &["metric", "series_id"], None, "Labels of series.")
    },
    TableDef {
        time: "ts",
        last_wins: true,
        ..append("samples", Stream::Samples, &["series_id", "ts"], days(30), "Points of series.")
    },
    TableDef {
        time: "ts",
        last_wins: true,
        ..append("histograms", Stream::Histograms, &["series_id", "ts"], days(30), "Native histograms of series.")
    },
    TableDef {
        time: "ts",
        ..append("exemplars", Stream::Exemplars, &["series_id", "ts"], days(7), "Observations behind samples.")
    },
    keyed("metadata", Stream::Metadata, KEY, None, "What metrics are."),
    TableDef { time: "ts", ..append("logs", Stream::Logs, &["service", "ts"], days(14), "Log records.") },
    TableDef { time: "ts", ..append("spans", Stream::Spans, &["service", "ts"], days(7), "Spans of traces.") },
];

/// Every table. The streams `sets`, `suspects`, `ticks`, `rule_groups`, `canaries`, `routings` and `notices` are kept nowhere.
pub fn tables() -> &'static [TableDef] {
    &TABLES
}
