//! Replacing by regular expressions, for functions of templates.

use regex::Regex;

use crate::LONGEST;

/// `text` with what the expression finds replaced; `$1` and `${name}` in the replacement stand for groups.
///
/// # Errors
/// If it becomes too long: a replacement may repeat what was found as often as it likes.
pub fn replace_all(regex: &Regex, text: &str, replacement: &str) -> Result<String, String> {
    let repeats = replacement.matches('$').count();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for captures in regex.captures_iter(text) {
        let Some(found) = captures.get(0) else { continue };
        out.push_str(text.get(from..found.start()).unwrap_or_default());
        let most = replacement.len().saturating_add(found.len().saturating_mul(repeats));
        if out.len().saturating_add(most) > LONGEST {
            return Err(format!("what is replaced becomes longer than {LONGEST} bytes"));
        }
        captures.expand(replacement, &mut out);
        from = found.end();
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_put_in_and_bombs_are_refused() {
        let regex = Regex::new("(a)(?P<b>.)").unwrap();
        assert_eq!(replace_all(&regex, "xaby ac", "<${b}$1>").as_deref(), Ok("x<ba>y <ca>"));
        assert_eq!(replace_all(&regex, "none", "$0").as_deref(), Ok("none"));
        let (all, text) = (Regex::new(".+").unwrap(), "a".repeat(1 << 20));
        assert!(replace_all(&all, &text, &"$0".repeat(1 << 10)).unwrap_err().contains("4194304"));
        assert!(replace_all(&Regex::new("a").unwrap(), &text, &"b".repeat(1 << 20)).is_err());
    }
}
