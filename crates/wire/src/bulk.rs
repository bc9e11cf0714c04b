//! Elasticsearch's `_bulk`
//! (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk>): lines of JSON, an action
//! and then its document, and the answer with a result for each.

use std::borrow::Cow;

use crate::json::{JsonError, Parser, Shape, push_quoted};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put a document, whether it is there or not.
    Index,
    /// Put a document that is not there.
    Create,
    /// Change a document.
    Update,
    /// Take a document away.
    Delete,
}

impl Action {
    /// Its name in requests and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Index, Self::Create, Self::Update, Self::Delete].into_iter().find(|action| action.name() == name)
    }
}

/// An action with its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The action.
    pub action: Action,
    /// The line of the action, from 1.
    pub line: usize,
    /// The index; none means that of the request's path.
    pub index: Option<Cow<'a, str>>,
    /// The document's id, if it has one.
    pub id: Option<Cow<'a, str>>,
    /// The document as it was sent, which has not been looked at; empty for `delete`.
    pub document: &'a [u8],
}

/// A line that makes the whole request one that cannot be read: 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed action/metadata line [{line}]: {message}")]
pub struct BulkError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads a body action by action; an error is the last.
#[derive(Clone, Debug)]
pub struct Bulk<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Bulk<'a> {
    /// Reads `body`, decompressed.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body, line: 0 }
    }

    fn next_line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let mut parts = self.rest.splitn(2, |byte| *byte == b'\n');
        let line = parts.next()?;
        self.rest = parts.next().unwrap_or_default();
        self.line += 1;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn item(&mut self, action: &'a [u8]) -> Result<Item<'a>, BulkError> {
        let line = self.line;
        let mut item = read_action(action, line).map_err(|error| BulkError { line, message: error.to_string() })?;
        if item.action != Action::Delete {
            let missing = || BulkError { line, message: "the document of the action is missing".to_owned() };
            item.document = self.next_line().filter(|document| !document.is_empty()).ok_or_else(missing)?;
        }
        Ok(item)
    }
}

impl<'a> Iterator for Bulk<'a> {
    type Item = Result<Item<'a>, BulkError>;

    fn next(&mut self) -> Option<Self::Item> {
        let action = loop {
            match self.next_line()? {
                blank if blank.trim_ascii().is_empty() => {}
                line => break line,
            }
        };
        let item = self.item(action);
        if item.is_err() {
            self.rest = &[];
        }
        Some(item)
    }
}

fn read_action(text: &[u8], line: usize) -> Result<Item<'_>, JsonError> {
    let mut parser = Parser::new(text)?;
    let mut found: Option<Item<'_>> = None;
    parser.object(|parser, key| {
        let action = Action::of(key).filter(|_| found.is_none());
        let Some(action) = action else {
            return Err(parser.error(parser.at(), "not one action of index, create, update, delete"));
        };
        let mut item = Item { action, line, index: None, id: None, document: &[] };
        parser.object(|parser, key| {
            let place = match &**key {
                "_index" => &mut item.index,
                "_id" => &mut item.id,
                _ => return parser.skip(),
            };
            *place = match parser.shape()? {
                Shape::Null => parser.null().map(|()| None)?,
                // Ids are often numbers in the JSON of scripts.
                Shape::Number => Some(Cow::Borrowed(parser.number()?)),
                _ => Some(parser.string()?),
            };
            Ok(())
        })?;
        found = Some(item);
        Ok(())
    })?;
    parser.end()?;
    found.ok_or_else(|| parser.error(0, "no action"))
}

/// The body of the answer: a result for each action, in the order of the request.
#[derive(Clone, Debug, Default)]
pub struct Results {
    items: String,
    errors: bool,
}

impl Results {
    /// An action that was done; `index` and `id` are those that the document has now.
    pub fn done(&mut self, action: Action, index: &str, id: &str) {
        self.begin(action, index, Some(id));
        let (result, status) = match action {
            Action::Index | Action::Create => ("created", "201"),
            Action::Update => ("updated", "200"),
            Action::Delete => ("deleted", "200"),
        };
        self.items.push_str(",\"_version\":1,\"result\":\"");
        self.items.push_str(result);
        self.items.push_str("\",\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0},\"status\":");
        self.items.push_str(status);
        self.items.push_str("}}");
    }

    /// An action that was not done: the status that it alone would have had, a type such as
    /// `document_parsing_exception`, and why. Senders try again for 429 and 5xx, not for 4xx.
    pub fn failed(&mut self, item: &Item<'_>, index: &str, status: u16, kind: &str, reason: &str) {
        self.errors = true;
        self.begin(item.action, index, item.id.as_deref());
        self.items.push_str(&format!(",\"status\":{status},\"error\":{{\"type\":"));
        push_quoted(&mut self.items, kind);
        self.items.push_str(",\"reason\":");
        push_quoted(&mut self.items, reason);
        self.items.push_str("}}}");
    }

    fn begin(&mut self, action: Action, index: &str, id: Option<&str>) {
        if !self.items.is_empty() {
            self.items.push(',');
        }
        self.items.push_str("{\"");
        self.items.push_str(action.name());
        self.items.push_str("\":{\"_index\":");
        push_quoted(&mut self.items, index);
        self.items.push_str(",\"_id\":");
        match id {
            Some(id) => push_quoted(&mut self.items, id),
            None => self.items.push_str("null"),
        }
    }

    /// The body, with how many milliseconds the request took.
    pub fn finish(self, took_ms: u64) -> String {
        format!("{{\"took\":{took_ms},\"errors\":{},\"items\":[{}]}}", self.errors, self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate;

    const BODY: &[u8] = b"{\"index\":{\"_index\":\"logs-a\",\"_id\":\"1\",\"pipeline\":\"p\"}}\n{\"x\":1}\n\n\
        { \"create\" : {} }\r\n{\"y\":\"\\u00e9\"}\r\n{\"delete\":{\"_index\":\"b\",\"_id\":7}}\n{\"update\":{\"_id\":null}}\n{\"doc\":{}}";

    #[test]
    fn actions_come_with_their_documents() {
        let items: Vec<_> = Bulk::new(BODY).map(Result::unwrap).collect();
        let seen = |n: usize| {
            let item: &Item<'_> = &items[n];
            (
                item.action,
                item.line,
                item.index.as_deref(),
                item.id.as_deref(),
                std::str::from_utf8(item.document).unwrap(),
            )
        };
        assert_eq!(seen(0), (Action::Index, 1, Some("logs-a"), Some("1"), "{\"x\":1}"));
        assert_eq!(seen(1), (Action::Create, 4, None, None, "{\"y\":\"\\u00e9\"}"));
        assert_eq!(seen(2), (Action::Delete, 6, Some("b"), Some("7"), ""));
        assert_eq!(seen(3), (Action::Update, 7, None, None, "{\"doc\":{}}"));
        assert_eq!(items.len(), 4);
    }

    #[test]
    fn a_line_that_is_no_action_ends_the_request_and_is_named() {
        let good = "{\"index\":{}}\n{}\n";
        for (line, expected) in [
            ("{\"index\":[]}", "$.index at byte 9: `{` is missing"),
            ("{\"put\":{}}", "$.put at byte 7: not one action of index, create, update, delete"),
            ("{\"index\":{},\"create\":{}}", "$.create at byte 21: not one action of index, create, update, delete"),
            ("{}", "$ at byte 0: no action"),
            ("{\"index\":{}} x", "$ at byte 13: text behind the value"),
            ("{\"index\":{\"_id\":true}}", "$.index._id at byte 16: `\"` is missing"),
            ("{\"create\":{}}", "the document of the action is missing"),
            ("{\"create\":{}}\n\n{}", "the document of the action is missing"),
        ] {
            let text = format!("{good}{line}\n");
            let mut bulk = Bulk::new(text.as_bytes());
            assert!(bulk.next().unwrap().is_ok());
            let error = bulk.next().unwrap().unwrap_err().to_string();
            assert_eq!(error, format!("malformed action/metadata line [3]: {expected}"));
            assert!(bulk.next().is_none());
        }
    }

    #[test]
    fn the_answer_has_a_result_for_each_action() {
        let items: Vec<_> = Bulk::new(BODY).map(Result::unwrap).collect();
        let mut results = Results::default();
        results.done(Action::Index, "logs-a", "1");
        results.failed(&items[1], "d\"x", 429, "es_rejected_execution_exception", "later");
        let answer: serde_json::Value = serde_json::from_str(&results.finish(12)).unwrap();
        assert_eq!((&answer["took"], &answer["errors"]), (&12.into(), &true.into()));
        assert_eq!(answer["items"][0]["index"]["status"], 201);
        assert_eq!(answer["items"][1]["create"]["error"]["type"], "es_rejected_execution_exception");
        assert_eq!(answer["items"][1]["create"]["_index"], "d\"x");
        let empty: serde_json::Value = serde_json::from_str(&Results::default().finish(0)).unwrap();
        assert_eq!(empty, serde_json::json!({"took": 0, "errors": false, "items": []}));
    }

    #[test]
    fn damage_never_panics() {
        mutate::each(BODY, 3000, |bytes| {
            let items: Vec<_> = Bulk::new(bytes).collect();
            assert!(items.len() <= bytes.len());
            assert!(items.iter().rev().skip(1).all(Result::is_ok));
        });
    }
}
