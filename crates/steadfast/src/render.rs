//! Reports as people read them, drawn like a plan.

use std::fmt::Write as _;
use std::io::IsTerminal;

use app::{Entry, Report};
use comfy_table::{ContentArrangement, Table, presets};
use model::{FieldChange, FieldReason, Verdict};
use serde_json::Value;

/// Lines of a diff that the terminal shows.
const DIFF_LINES: usize = 24;

/// Colours, where the terminal has them.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// For standard output.
    pub fn stdout() -> Self {
        Self { colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn verdict(self, verdict: &str) -> String {
        let code = match verdict.parse::<Verdict>() {
            Ok(Verdict::InSync) => "32",
            Ok(Verdict::RollingOut | Verdict::Behind) => "33",
            Ok(Verdict::Unknown) | Err(_) => "35",
            Ok(_) => "31",
        };
        self.paint(code, verdict)
    }
}

/// The whole report.
pub fn report(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for entry in &report.resources {
        out.push_str(&self::entry(entry, style));
    }
    let _ = writeln!(out, "{}", summary(report, style));
    out
}

/// Who cannot read what is declared or live: a line each.
pub fn unread(report: &Report) -> String {
    let line = |unread: &app::Unread| {
        let more = match unread.scopes - 1 {
            n if n > 0 => format!(" and {} more", count(usize::try_from(n).unwrap_or_default(), "scope")),
            _ => String::new(),
        };
        let (source, scope, problem) = (&unread.source, &unread.scope, &unread.problem);
        format!("{} of {}{more}: {}\n", printable(source), printable(scope), printable(problem))
    };
    report.unread.iter().map(line).collect()
}

/// How many resources are not listed and where they are; nothing if all are.
pub fn left_out(report: &Report, elsewhere: &str) -> String {
    match report.left_out() {
        0 => String::new(),
        1 => format!("1 more is {elsewhere}\n"),
        more => format!("{more} more are {elsewhere}\n"),
    }
}

/// How many resources have each verdict, in one line.
pub fn summary(report: &Report, style: Style) -> String {
    let of = |verdict: &Verdict| report.summary.get(verdict.as_str()).copied().filter(|count| *count > 0);
    let counts: Vec<String> = Verdict::ALL
        .iter()
        .filter_map(|verdict| of(verdict).map(|count| format!("{count} {}", style.verdict(verdict.as_str()))))
        .collect();
    let counts = if counts.is_empty() { "nothing is declared".to_owned() } else { counts.join(", ") };
    let refuted = format!("; {} with fields that a dry run refuted", count(report.refuted as usize, "resource"));
    if report.refuted > 0 { counts + &refuted } else { counts }
}

/// One resource.
pub fn entry(entry: &Entry, style: Style) -> String {
    let sign = match entry.verdict.parse::<Verdict>() {
        Ok(Verdict::InSync) => "=",
        Ok(Verdict::Missing) => "-",
        Ok(Verdict::Unmanaged | Verdict::Undeclared) => "+",
        Ok(Verdict::Unknown) | Err(_) => "?",
        Ok(_) => "~",
    };
    let mut out = format!("{sign} {}  {}\n", printable(&entry.id), style.verdict(&entry.verdict));
    entry.fields.iter().for_each(|field| self::field(field, style, &mut out));
    let mut notes = Vec::new();
    let mut note = |name: &str, value: Option<String>| {
        notes.extend(value.map(|value| format!("{name} {}", printable(&value))));
    };
    note(
        "declared in",
        entry.file.as_ref().map(|file| match entry.line {
            Some(line) => format!("{file}:{line}"),
            None => file.clone(),
        }),
    );
    note("revision", entry.revision.as_deref().map(|revision| short(revision).to_owned()));
    note("by", entry.author.clone());
    note("changed by", entry.actor.clone());
    note("since", entry.since.clone());
    note("gitops", entry.gitops.clone());
    notes.extend(entry.confirm.as_deref().map(printable));
    if !notes.is_empty() {
        let _ = writeln!(out, "    {}", style.paint("2", &notes.join(", ")));
    }
    out
}

fn field(field: &FieldChange, style: Style, out: &mut String) {
    if let Some(diff) = &field.diff {
        let lines: Vec<&str> = diff.lines().skip(2).collect();
        for line in lines.iter().take(DIFF_LINES) {
            let code = if line.starts_with('+') {
                "32"
            } else if line.starts_with('-') {
                "31"
            } else {
                "2"
            };
            let _ = writeln!(out, "    {}", style.paint(code, &printable(line)));
        }
        if lines.len() > DIFF_LINES {
            let _ = writeln!(out, "    ... {} more lines", lines.len() - DIFF_LINES);
        }
        return;
    }
    let reason = match (field.reason, &field.commit) {
        (FieldReason::Modified, _) => String::new(),
        (reason, Some(commit)) => format!("  ({reason} {})", short(commit)),
        (reason, None) => format!("  ({reason})"),
    };
    let path = if field.path.is_empty() { "the resource" } else { &field.path };
    let (declared, live) = (value(&field.declared), value(&field.live));
    let _ = writeln!(out, "    {}: declared {declared}, live {live}{reason}{}", printable(path), origin(field));
}

/// Who wrote a field and where it is declared, where each field has its own.
fn origin(field: &FieldChange) -> String {
    let mut out = String::new();
    if let Some(owner) = &field.owner {
        let actor = field.actor.as_ref().filter(|actor| *actor != owner);
        let actor = actor.map(|actor| format!("{} with ", printable(actor))).unwrap_or_default();
        let _ = write!(out, "  by {actor}{}", printable(owner));
    }
    if let Some(line) = field.line {
        let _ = write!(out, "  line {line}");
    }
    out
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

/// A commit's hash as people write it.
fn short(revision: &str) -> &str {
    let hash = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hash { &revision[..10] } else { revision }
}

/// Text from outside must not steer the terminal. The end of a line has a sign of its own: U+FFFD would mean that bytes were damaged.
pub fn printable(text: &str) -> String {
    let sign = |c: char| match c {
        '\n' => '⏎',
        '\r' => '␍',
        '\t' => '\t',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(sign).collect()
}

/// Rows under their names.
pub fn table(columns: &[String], rows: &[Vec<Value>]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns);
    for row in rows {
        table.add_row(row.iter().map(|cell| match cell {
            Value::Null => String::new(),
            other => value(other),
        }));
    }
    table.to_string()
}

/// `1 row`, `2 rows`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_several_lines_does_not_look_damaged() {
        let table = table(&["body".to_owned()], &[vec!["boom\r\n at line\t1\u{7}".into()]]);
        assert!(table.contains("boom␍⏎ at line") && table.contains("1\u{fffd}"), "{table}");
        assert_eq!(table.lines().count(), 5, "{table}");
    }

    #[test]
    fn what_cannot_be_read_is_a_line_that_steers_nothing() {
        let problem = "not read since 2026-11-28T02:00:00Z: /srv/x: no\u{1b}[2J repository".to_owned();
        let unread = app::Unread { source: "git.infra".to_owned(), scope: "git/infra".to_owned(), scopes: 2, problem };
        let report = Report { unread: vec![unread], ..Report::default() };
        let line = "git.infra of git/infra and 1 scope more: not read since 2026-11-28T02:00:00Z: /srv/x: no\u{fffd}[2J repository\n";
        assert_eq!(super::unread(&report), line);
    }

    #[test]
    fn what_is_not_listed_is_told() {
        let summary = [("modified".to_owned(), 3), ("in_sync".to_owned(), 7)].into();
        let mut report = Report { summary, ..Report::default() };
        assert_eq!(left_out(&report, "there"), "3 more are there\n");
        report.resources = vec![Entry { verdict: "modified".to_owned(), ..Entry::default() }; 3];
        assert_eq!(left_out(&report, "there"), "");
    }

    #[test]
    fn a_report_reads_like_a_plan_and_text_from_outside_steers_nothing() {
        let field = FieldChange {
            path: "/mode".to_owned(),
            reason: FieldReason::Modified,
            declared: "0644".into(),
            live: "06\u{1b}[2J66".into(),
            diff: None,
            owner: None,
            line: None,
            actor: None,
            since: None,
            commit: None,
        };
        let entry = Entry {
            id: "host/web-1/file//etc/hosts".to_owned(),
            verdict: "modified".to_owned(),
            revision: Some("0123456789012345678901234567890123456789".to_owned()),
            file: Some("web-1/hosts.yaml".to_owned()),
            line: Some(3),
            fields: vec![field],
            confirm: Some("confirmed by dry run".to_owned()),
            ..Entry::default()
        };
        let summary = [("modified".to_owned(), 1), ("in_sync".to_owned(), 7)].into();
        let report = Report { resources: vec![entry], summary, refuted: 2, ..Report::default() };
        assert_eq!(
            super::report(&report, Style { colour: false }),
            "~ host/web-1/file//etc/hosts  modified\n    /mode: declared 0644, live 06\u{fffd}[2J66\n    \
             declared in web-1/hosts.yaml:3, revision 0123456789, confirmed by dry run\n7 in_sync, 1 modified; 2 resources with fields that a dry run refuted\n"
        );
    }
}
