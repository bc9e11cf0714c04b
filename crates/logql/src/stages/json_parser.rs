//! `| json` and `| unpack`.

use super::json::{Json, Step, find, members, unescape};
use super::names::sanitize;
use super::work::Work;

const JSON_ERROR: &str = "JSONParserErr";

/// Members as labels, those of objects within by the keys around them.
pub(super) fn all(line: &str, work: &mut Work) {
    let mut names = std::mem::take(&mut work.names);
    names.prefix.clear();
    // Where the prefix ended before each object that is open.
    let mut ends: Vec<usize> = Vec::new();
    let result = members(line, &mut |member| {
        while ends.len() > member.depth {
            names.prefix.truncate(ends.pop().unwrap_or_default());
        }
        let key = unescape(member.key, &mut names.text).unwrap_or_default();
        if member.value == Json::Object {
            ends.push(names.prefix.len());
            append(&mut names.prefix, key);
            return Ok(());
        }
        // The name is made where the prefix is, which may be long.
        let end = names.prefix.len();
        append(&mut names.prefix, key);
        let extracted = match member.value {
            Json::Text(text) => work.extract(&names.prefix, unescape(text, &mut names.text).unwrap_or_default()),
            Json::Bare(text) => work.extract(&names.prefix, text),
            Json::Null | Json::Object | Json::Array => Ok(()),
        };
        names.prefix.truncate(end);
        extracted
    });
    work.names = names;
    if let Err(details) = result {
        work.parser_fails(JSON_ERROR, &details);
    }
}

fn append(name: &mut String, key: &str) {
    let begins = name.is_empty();
    if !begins {
        name.push('_');
    }
    sanitize(key, begins, name);
}

/// Labels with the values to which paths lead; empty where there is none.
pub(super) fn paths(line: &str, paths: &[(String, Vec<Step>)], work: &mut Work) {
    if line.is_empty() {
        return;
    }
    if !line.starts_with(['"', '{', '[']) {
        return work.parser_fails(JSON_ERROR, "");
    }
    let mut buffer = String::new();
    for (label, path) in paths {
        let value = match find(line, path) {
            Ok(Some((Json::Text(text), _))) => unescape(text, &mut buffer).unwrap_or_default(),
            Ok(None | Some((Json::Null, _))) => "",
            Ok(Some((_, raw))) => raw,
            Err(error) => {
                work.parser_fails(JSON_ERROR, &error.to_string());
                ""
            }
        };
        if let Err(details) = work.extract(label, value) {
            return work.parser_fails(JSON_ERROR, &details);
        }
    }
}

/// Undoes what Promtail's `pack` did: texts become labels, `_entry` the line. Without one nothing changes.
pub(super) fn unpack(line: &str, work: &mut Work) -> Option<String> {
    if line.is_empty() {
        return None;
    }
    if !line.starts_with('{') {
        work.parser_fails(JSON_ERROR, "expecting json object(6), but it is not");
        return None;
    }
    let (mut entry, mut found) = (None, Vec::new());
    let mut buffer = String::new();
    let result = members(line, &mut |member| {
        if let (Json::Text(text), 0) = (member.value, member.depth) {
            let text = unescape(text, &mut buffer).unwrap_or_default();
            match member.key {
                "_entry" => entry = Some(text.to_owned()),
                key => found.push((key, text.to_owned())),
            }
        }
        Ok(())
    });
    if let Err(details) = result {
        work.parser_fails(JSON_ERROR, &details);
        return None;
    }
    let entry = entry?;
    for (key, value) in found {
        let mut name = String::new();
        sanitize(key, true, &mut name);
        if let Err(details) = work.extract(&name, &value) {
            work.parser_fails(JSON_ERROR, &details);
        }
    }
    Some(entry)
}
