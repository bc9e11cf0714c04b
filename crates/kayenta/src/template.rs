//! Templates of queries: of FreeMarker, what canary configurations use: `${name}`, `${name!"default"}`
//! and `${name!}`. What is more than that is refused, never left in the query.

use std::collections::BTreeMap;

/// Bytes of a query once everything is filled in.
const MAX_QUERY: usize = 256 << 10;

/// What names stand for.
pub type Bindings = BTreeMap<String, String>;

/// A template with every name replaced; what is wrong with it otherwise.
pub fn expand(template: &str, bindings: &Bindings) -> Result<String, String> {
    // Kayenta keeps templates so, where orca would otherwise fill them in.
    let template = template.replace("$\\{", "${");
    if template.contains("<#") || template.contains("</#") {
        return Err("directives of FreeMarker (<#...>) are not known here; ${name} is".to_owned());
    }
    let (mut out, mut rest) = (String::new(), template.as_str());
    while let Some((before, after)) = rest.split_once("${") {
        let (expression, tail) = after.split_once('}').ok_or("a ${ has no }")?;
        out.push_str(before);
        out.push_str(&value(expression.trim(), bindings)?);
        rest = tail;
        if out.len() > MAX_QUERY {
            break;
        }
    }
    out.push_str(rest);
    if out.len() > MAX_QUERY { Err(format!("the query has more than {MAX_QUERY} bytes")) } else { Ok(out) }
}

fn value(expression: &str, bindings: &Bindings) -> Result<String, String> {
    let (name, default) = match expression.split_once('!') {
        Some((name, default)) => (name.trim(), Some(literal(default.trim())?)),
        None => (expression, None),
    };
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err(format!("${{{}}} is no name", expression.escape_debug()));
    }
    let known = || bindings.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = bindings.get(name).cloned().or(default);
    found.ok_or_else(|| format!("${{{name}}} is not given by the scope, which has {}", known()))
}

/// What follows `!`: a text in quotes, or nothing.
fn literal(text: &str) -> Result<String, String> {
    let inner = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    match inner {
        Some(inner) => Ok(inner.to_owned()),
        None if text.is_empty() => Ok(String::new()),
        None => Err(format!("the default {} is no text in quotes", text.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bindings() -> Bindings {
        [("scope", "web-v2"), ("location", "eu"), ("_key", "app")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn names_are_replaced() {
        for (template, expected) in [
            ("x{a=\"${scope}\",b=\"${location}\"}", "x{a=\"web-v2\",b=\"eu\"}"),
            ("$\\{ scope }${_key}", "web-v2app"),
            ("${env!\"prod\"} ${env!} ${scope!'x'}", "prod  web-v2"),
            ("no names, $scope stays", "no names, $scope stays"),
        ] {
            assert_eq!(expand(template, &bindings()).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (template, problem) in [
            ("${env}", "${env} is not given by the scope, which has _key, location, scope"),
            ("${scope", "a ${ has no }"),
            ("${scope?upper_case}", "is no name"),
            ("${}", "is no name"),
            ("${env!prod}", "is no text in quotes"),
            ("<#if scope??>x</#if>", "directives"),
        ] {
            let error = expand(template, &bindings()).unwrap_err();
            assert!(error.contains(problem), "{template}: {error}");
        }
        let large = "${scope}".repeat(60_000);
        assert!(expand(&large, &bindings()).unwrap_err().contains("bytes"));
    }
}
