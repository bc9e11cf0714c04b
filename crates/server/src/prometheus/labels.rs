//! Series and their labels.

use axum::extract::{Path, State as With};
use axum::response::Response;
use query::Selection;

use super::answer::{Problem, Remarks, success, success_text};
use super::ask::Ask;
use super::data;
use crate::state::State;

/// What is asked about; `wrong` says what is no selector.
fn selection(ask: &Ask, wrong: impl Fn(String) -> Problem) -> Result<Selection, Problem> {
    let (start, end) = ask.times()?;
    if end < start {
        return Err(Problem::parameter("end", "end timestamp must not be before start timestamp"));
    }
    let selection = Selection::new(ask.all("match[]"), (start, end)).map_err(|error| wrong(error.to_string()))?;
    if selection.selects_all() {
        return Err(wrong("match[] must contain at least one non-empty matcher".to_owned()));
    }
    Ok(selection)
}

/// `series`: the labels of each.
pub async fn series(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    if ask.all("match[]").next().is_none() {
        return Err(Problem::bad("no match[] parameter provided"));
    }
    let mut remarks = Remarks::default();
    let limit = ask.limit()?;
    let selection = selection(&ask, |wrong| Problem::parameter("match[]", wrong))?;
    let mut found = state.engine.series(&selection).await?;
    cut(&mut found, limit, &mut remarks);
    let mut text = String::from("[");
    for (n, labels) in found.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        data::labels(&mut text, labels);
    }
    text.push(']');
    Ok(success_text(&text, &remarks))
}

/// `labels`: the names.
pub async fn names(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let limit = ask.limit()?;
    let selection = selection(&ask, Problem::bad)?;
    Ok(texts(state.engine.label_names(&selection).await?, limit))
}

/// `label/<name>/values`.
pub async fn values(With(state): With<State>, Path(name): Path<String>, ask: Ask) -> Result<Response, Problem> {
    let name = unescaped(&name);
    if name.is_empty() {
        return Err(Problem::bad("invalid label name: \"\""));
    }
    let limit = ask.limit()?;
    let selection = selection(&ask, Problem::bad)?;
    Ok(texts(state.engine.label_values(&name, &selection).await?, limit))
}

fn texts(mut found: Vec<std::sync::Arc<str>>, limit: Option<usize>) -> Response {
    let mut remarks = Remarks::default();
    cut(&mut found, limit, &mut remarks);
    let found: Vec<&str> = found.iter().map(|text| &**text).collect();
    success(found, remarks)
}

fn cut<T>(found: &mut Vec<T>, limit: Option<usize>, remarks: &mut Remarks) {
    if let Some(limit) = limit.filter(|limit| *limit < found.len()) {
        found.truncate(limit);
        remarks.truncated();
    }
}

/// A name with other signs than letters, digits and `_` comes as `U__` and their code points in
/// hexadecimal between `_`; `__` is `_`.
fn unescaped(name: &str) -> String {
    let Some(rest) = name.strip_prefix("U__") else { return name.to_owned() };
    let (mut out, mut rest) = (String::new(), rest);
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        if sign != '_' {
            out.push(sign);
            continue;
        }
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let code = rest
            .split_once('_')
            .and_then(|(code, after)| Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, after)));
        let Some((code, after)) = code else { return name.to_owned() };
        out.push(code);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        assert_eq!(unescaped("job"), "job");
        assert_eq!(unescaped("U__http_2e_status_3a_sum"), "http.status:sum");
        assert_eq!(unescaped("U__a__b"), "a_b");
        assert_eq!(unescaped("U__broken_zz_"), "U__broken_zz_");
        assert_eq!(unescaped("U__open_2e"), "U__open_2e");
    }
}
