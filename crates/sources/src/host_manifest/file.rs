use model::{escape_name, unescape_name};
use serde_json::{Map, Value};

use super::read::Reading;
use super::schema::{CONTENT, FILES};
use super::suggest;
use super::value::{scalar, value};
use crate::yaml::{Errors, Key, Node, Place};

/// What a manifest says of a file.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) document: Map<String, Value>,
    pub(crate) text: Option<String>,
}

/// The name of the file at `path`: without its first slash, escaped.
///
/// # Errors
/// If it is not absolute and normal.
pub(crate) fn name(path: &str) -> Result<String, String> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(format!("`{path}` must be an absolute path, such as /etc/hosts"));
    };
    if rest.is_empty() || rest.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("`{path}` must be a path without `//`, `.`, `..` or a slash at its end"));
    }
    // Written raw or escaped, it is the same file.
    Ok(escape_name(&unescape_name(rest)))
}

/// Reads the members of a file that are neither `file` nor in `skip`.
pub(crate) fn file(
    path: (&str, Place),
    members: &[(Key, Node)],
    skip: &[&str],
    reading: &Reading<'_>,
    errors: &mut Errors,
) -> Option<File> {
    let name = name(path.0).map_err(|problem| errors.push(path.1, Some("file"), problem)).ok()?;
    let mut file = File { name, document: Map::new(), text: None };
    let mut content: Option<&Key> = None;
    for (key, node) in members.iter().filter(|(key, _)| !skip.contains(&key.text.as_str())) {
        let read = match key.text.as_str() {
            "content" => scalar(node).map(|text| text.as_bytes().to_vec()).map(Some),
            "source" => scalar(node).and_then(|path| (reading.include)(path)).map(Some),
            _ => field(key, node, &mut file.document).map(|()| None),
        };
        match read {
            Ok(Some(bytes)) => {
                if let Some(first) = content.replace(key) {
                    let problem =
                        format!("a file has one content, and `{}` is in line {}", first.text, first.place.line);
                    errors.push(key.place, Some(&key.text), problem);
                }
                with_content(&mut file, path.0, &bytes, reading);
            }
            Ok(None) => {}
            Err(problem) => errors.push(key.place, Some(&key.text), problem),
        }
    }
    digest_of_a_secret(path, members, content, reading, errors);
    if !reading.private {
        private(&mut file);
    }
    Some(file)
}

fn field(key: &Key, node: &Node, document: &mut Map<String, Value>) -> Result<(), String> {
    let Some(field) = FILES.fields.iter().find(|field| field.name == key.text) else {
        let known = FILES.fields.iter().map(|field| field.name).chain(CONTENT.iter().copied());
        return Err(format!("unknown key, {}", suggest::meant(&key.text, known)));
    };
    document.insert(key.text.clone(), value(node, field.of)?);
    Ok(())
}

/// The digest of a content, and its text unless it is a secret or not UTF-8.
fn with_content(file: &mut File, path: &str, bytes: &[u8], reading: &Reading<'_>) {
    let secret = reading.secrets.holds(path, bytes);
    let digest =
        if secret { reading.secrets.digest(bytes) } else { format!("blake3:{}", blake3::hash(bytes).to_hex()) };
    file.document.insert("digest".to_owned(), Value::from(digest));
    file.text = std::str::from_utf8(bytes).ok().filter(|_| !secret).map(|text| reading.secrets.redact(text));
}

/// Of a file that not every user of the host may read, not every user of the store may see the text.
fn private(file: &mut File) {
    let mode = file.document.get("mode").and_then(Value::as_str).and_then(|mode| u32::from_str_radix(mode, 8).ok());
    if mode.is_some_and(|mode| mode & 0o004 == 0) {
        file.text = None;
    }
}

fn digest_of_a_secret(
    path: (&str, Place),
    members: &[(Key, Node)],
    content: Option<&Key>,
    reading: &Reading<'_>,
    errors: &mut Errors,
) {
    let Some((key, node)) = members.iter().find(|(key, _)| key.text == "digest") else { return };
    if let Some(other) = content {
        let problem = format!("`{}` in line {} gives the digest already", other.text, other.place.line);
        errors.push(key.place, Some("digest"), problem);
    } else if reading.secrets.is_secret(path.0) && !scalar(node).is_ok_and(|text| text.starts_with("keyed:")) {
        let problem = format!("{} looks like a secret: its digest must be `keyed:...`", path.0);
        errors.push(key.place, Some("digest"), problem);
    }
}
