use maud::{Markup, html};
use similar::TextDiff;

/// Lines of a diff that a page shows.
const MAX_LINES: usize = 400;
/// Texts that are longer are not compared by the page.
const MAX_TEXT: usize = 256 << 10;
/// Lines around a change.
const CONTEXT: usize = 3;

/// A unified diff, its lines coloured.
pub fn unified(diff: &str) -> Markup {
    let lines: Vec<&str> = diff.lines().take(MAX_LINES + 1).collect();
    html! {
        pre class="diff" {
            @for line in lines.iter().take(MAX_LINES) {
                span class=(class(line)) { (line) "\n" }
            }
            @if lines.len() > MAX_LINES { span class="hunk" { "... and more lines\n" } }
        }
    }
}

/// The diff from `declared` to `live`, if both are short enough.
pub fn between(declared: &str, live: &str) -> Option<String> {
    if declared.len().max(live.len()) > MAX_TEXT || declared == live {
        return None;
    }
    let diff = TextDiff::from_lines(declared, live);
    Some(diff.unified_diff().context_radius(CONTEXT).header("declared", "live").to_string())
}

fn class(line: &str) -> &'static str {
    match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => "file",
        [b'@', b'@', ..] => "hunk",
        [b'+', ..] => "add",
        [b'-', ..] => "del",
        _ => "same",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_coloured_and_escaped() {
        let diff = between("a\n<b>\n", "a\n<script>alert(1)</script>\n").unwrap();
        let html = unified(&diff).into_string();
        assert!(html.contains("<span class=\"del\">-&lt;b&gt;\n</span>"), "{html}");
        assert!(html.contains("<span class=\"add\">+&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script>"));
    }

    #[test]
    fn a_page_does_not_grow_with_a_file() {
        assert!(unified(&"+x\n".repeat(100_000)).into_string().len() < 50_000);
        assert_eq!(between(&"a\n".repeat(1 << 20), "b"), None);
    }
}
