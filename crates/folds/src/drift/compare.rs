//! The comparison of two host documents: pure, on trees and texts.

use model::{FieldChange, FieldReason};
use serde_json::Value;
use similar::TextDiff;

/// Lines of a diff that are kept; what is cut is said in its last line.
const DIFF_LINES: usize = 200;
/// Bytes of a headline.
const HEADLINE: usize = 2 << 10;

/// A document with the text behind its digest.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The tree.
    pub document: &'a Value,
    /// The text, where it is kept.
    pub text: Option<&'a str>,
}

/// Members by which a collector says that it did not see all of a resource: `true`, or a text that
/// says more.
const GAPS: [(&str, &str); 3] = [
    ("unreadable", "cannot be read"),
    ("oversize", "is too large to be read"),
    ("unstable", "changed each time it was read"),
];

/// Why a live document may lack members that the resource has; nothing if its collector saw all.
pub fn gap(live: &Value) -> Option<String> {
    GAPS.iter().find_map(|(member, says)| match live.get(member)? {
        Value::Bool(true) => Some((*says).to_owned()),
        Value::String(more) => Some(format!("{says}: {more}")),
        _ => None,
    })
}

/// The declared fields in which live differs, in order of path; none if live agrees.
///
/// Members that are not declared do not count. Lists are sets: order and repetition do not matter,
/// and each member is reported by its value. What the collector did not see is `unseen`.
pub fn compare(declared: Side<'_>, live: Side<'_>) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    walk("", declared.document, Some(live.document), &mut fields);
    // A capture writes them, too: they say nothing of what the resource must be.
    fields.retain(|field| !GAPS.iter().any(|(member, _)| field.path.strip_prefix('/') == Some(member)));
    if let Some(why) = gap(live.document) {
        let member = |path: &str| path.strip_prefix('/').is_some_and(|name| !name.contains('/'));
        let lacks = |field: &&mut FieldChange| field.reason == FieldReason::Absent && member(&field.path);
        for field in fields.iter_mut().filter(lacks) {
            (field.reason, field.live) = (FieldReason::Unseen, why.clone().into());
        }
    }
    for field in &mut fields {
        if field.path == "/digest"
            && let (Some(declared), Some(live)) = (declared.text, live.text)
        {
            field.diff = Some(line_diff(declared, live));
        }
    }
    fields
}

fn walk(path: &str, declared: &Value, live: Option<&Value>, fields: &mut Vec<FieldChange>) {
    match (declared, live) {
        (Value::Object(members), Some(Value::Object(others))) => {
            for (name, member) in members {
                walk(&format!("{path}/{}", escape(name)), member, others.get(name), fields);
            }
        }
        (Value::Array(items), Some(Value::Array(others))) => sets(path, items, others, fields),
        (declared, Some(live)) if declared == live => {}
        (Value::Null, None) => {}
        (declared, live) => {
            let reason = if live.is_some() { FieldReason::Modified } else { FieldReason::Absent };
            fields.push(change(path.to_owned(), reason, declared.clone(), live.cloned().unwrap_or_default()));
        }
    }
}

fn sets(path: &str, declared: &[Value], live: &[Value], fields: &mut Vec<FieldChange>) {
    let member = |value: &Value| match value {
        Value::String(text) => format!("{path}/{}", escape(text)),
        other => format!("{path}/{}", escape(&other.to_string())),
    };
    for value in declared.iter().filter(|value| !live.contains(value)) {
        fields.push(change(member(value), FieldReason::Absent, value.clone(), Value::Null));
    }
    for value in live.iter().filter(|value| !declared.contains(value)) {
        fields.push(change(member(value), FieldReason::Undeclared, Value::Null, value.clone()));
    }
}

/// A JSON pointer's step, see RFC 6901.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A field with only what a comparison knows of it.
pub(super) fn change(path: String, reason: FieldReason, declared: Value, live: Value) -> FieldChange {
    FieldChange {
        path,
        reason,
        declared,
        live,
        diff: None,
        owner: None,
        actor: None,
        line: None,
        since: None,
        commit: None,
    }
}

fn line_diff(declared: &str, live: &str) -> String {
    let diff = TextDiff::from_lines(declared, live);
    let text = diff.unified_diff().context_radius(2).header("declared", "live").to_string();
    let lines = text.lines().count();
    if lines <= DIFF_LINES {
        return text;
    }
    let mut cut: String = text.split_inclusive('\n').take(DIFF_LINES).collect();
    cut.push_str(&format!("... {} more lines\n", lines - DIFF_LINES));
    cut
}

/// The shortest line that says what a field's difference is, cut where it is long.
pub fn headline(field: &FieldChange) -> String {
    let line = whole_headline(field);
    let cut = cut(&line, HEADLINE);
    if cut.len() < line.len() { format!("{cut} ...") } else { line }
}

fn whole_headline(field: &FieldChange) -> String {
    if let Some(diff) = &field.diff {
        let changed = |sign: char| diff.lines().skip(2).find(|line| line.starts_with(sign)).map(str::to_owned);
        let lines: Vec<String> = [changed('-'), changed('+')].into_iter().flatten().collect();
        if !lines.is_empty() {
            return lines.join(" ");
        }
    }
    let show = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    };
    if field.reason == FieldReason::Unseen {
        return show(&field.live);
    }
    format!("{}: declared {}, live {}", field.path, show(&field.declared), show(&field.live))
}

/// What fits into `bytes` of a text.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(declared: Value, live: Value) -> Vec<(String, FieldReason)> {
        let side = |document| Side { document, text: None };
        compare(side(&declared), side(&live)).into_iter().map(|field| (field.path, field.reason)).collect()
    }

    #[test]
    fn only_declared_members_count() {
        assert_eq!(fields(json!({"mode": "0644"}), json!({"mode": "0644", "owner": "bob"})), []);
        assert_eq!(
            fields(json!({"mode": "0644", "owner": "root"}), json!({"mode": "0666"})),
            [("/mode".to_owned(), FieldReason::Modified), ("/owner".to_owned(), FieldReason::Absent)]
        );
    }

    #[test]
    fn lists_are_sets_and_their_members_are_named_by_value() {
        assert_eq!(fields(json!({"members": ["a", "b"]}), json!({"members": ["b", "a"]})), []);
        assert_eq!(
            fields(json!({"members": ["a", "b"]}), json!({"members": ["b", "eve"]})),
            [("/members/a".to_owned(), FieldReason::Absent), ("/members/eve".to_owned(), FieldReason::Undeclared)]
        );
    }

    #[test]
    fn what_a_collector_did_not_see_is_unseen_and_what_it_saw_is_compared() {
        let declared = json!({"mode": "0644", "digest": "blake3:a", "members": ["a"]});
        for member in ["unreadable", "oversize", "unstable"] {
            assert_eq!(
                fields(declared.clone(), json!({"mode": "0600", "members": [], member: true})),
                [
                    ("/digest".to_owned(), FieldReason::Unseen),
                    ("/members/a".to_owned(), FieldReason::Absent),
                    ("/mode".to_owned(), FieldReason::Modified),
                ]
            );
        }
        let other = json!({"mode": "0644", "members": ["a"], "digest": "blake3:b", "oversize": true});
        assert_eq!(fields(declared, other), [("/digest".to_owned(), FieldReason::Modified)]);
        assert_eq!(fields(json!({"mode": "0644", "unreadable": true}), json!({"mode": "0644"})), []);
        assert_eq!(gap(&json!({"unreadable": "EACCES"})).as_deref(), Some("cannot be read: EACCES"));
        assert_eq!(gap(&json!({"unreadable": false})), None);
    }

    #[test]
    fn a_digest_that_differs_shows_the_lines() {
        let (a, b) = (json!({"digest": "blake3:a"}), json!({"digest": "blake3:b"}));
        let fields =
            compare(Side { document: &a, text: Some("one\ntwo\n") }, Side { document: &b, text: Some("one\nthree\n") });
        let diff = fields[0].diff.clone().unwrap();
        assert!(diff.contains("-two\n+three\n"), "{diff}");
        assert_eq!(headline(&fields[0]), "-two +three");
    }

    #[test]
    fn a_long_diff_is_cut_and_says_so() {
        let (a, b) = (json!({"digest": "a"}), json!({"digest": "b"}));
        let long: String = (0..1000).map(|n| format!("{n}\n")).collect();
        let fields = compare(Side { document: &a, text: Some("") }, Side { document: &b, text: Some(&long) });
        assert!(fields[0].diff.as_ref().unwrap().ends_with("more lines\n"));
    }
}
