/// A query with a name.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// What it is, for the documentation.
    pub doc: &'static str,
    /// The query; over tables only.
    pub sql: &'static str,
    /// Its rows have the column `scope`, of the rows that it is made of.
    pub(crate) scoped: bool,
}

/// The views that come with the engine.
pub const VIEWS: &[View] = &[
    View {
        name: "metrics",
        doc: "Points of series with their metric's name and labels.",
        sql: "SELECT p.ts, s.metric, s.labels, p.value, p.series_id \
              FROM samples AS p JOIN series AS s ON p.series_id = s.series_id",
        scoped: false,
    },
    View {
        name: "notifications",
        doc: "What was to be sent, with what became of it at the provider.",
        sql: "SELECT i.time, i.intent, i.receiver, i.incident, i.sequence, i.action, i.reason, \
                     coalesce(r.outcome, 'pending') AS outcome, coalesce(r.attempts, 0) AS attempts, \
                     coalesce(r.done, false) AS done, r.status, r.message, r.reference, r.answered, r.took_ms, i.payload, \
                     regexp_replace(i.receiver, '^alertmanager/(.*)/[^/]+/[0-9]+$', '\\1') AS receiver_name \
              FROM intents AS i LEFT JOIN ( \
                     SELECT intent, count(*) AS attempts, max(time) AS answered, bool_or(last) AS done, \
                            last_value(outcome ORDER BY attempt, time) AS outcome, \
                            last_value(status ORDER BY attempt, time) AS status, \
                            last_value(message ORDER BY attempt, time) AS message, \
                            last_value(reference ORDER BY attempt, time) AS reference, \
                            last_value(took_ms ORDER BY attempt, time) AS took_ms \
                     FROM receipts GROUP BY intent) AS r ON i.intent = r.intent",
        scoped: false,
    },
    View {
        name: "incidents",
        doc: "Incidents as they are now: what people are paged for, and who has acknowledged or resolved them at a provider.",
        sql: "SELECT a.incident, a.state, a.severity, a.summary, a.cause, a.scope, a.since, a.time, a.findings, a.labels, a.reason, \
                     a.evidence, \
                     CASE WHEN r.action = 'acknowledged' THEN coalesce(r.actor, 'somebody') END AS acknowledged_by, \
                     CASE WHEN r.action = 'resolved' AND r.person THEN coalesce(r.actor, 'somebody') END AS resolved_by \
              FROM alerts AS a LEFT JOIN ( \
                     SELECT incident, last_value(action ORDER BY time, event) AS action, last_value(actor ORDER BY time, event) AS actor, \
                            last_value(person ORDER BY time, event) AS person \
                     FROM reactions \
                     WHERE action IN ('triggered', 'acknowledged', 'unacknowledged', 'resolved', 'reopened') AND incident IS NOT NULL \
                     GROUP BY incident) AS r ON a.incident = r.incident",
        scoped: true,
    },
];

/// The names of tables and views.
pub fn names() -> Vec<String> {
    let tables = store::tables().iter().map(|table| table.name);
    tables.chain(VIEWS.iter().map(|view| view.name)).map(str::to_owned).collect()
}
