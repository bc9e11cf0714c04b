//! Elasticsearch's `_bulk`: actions written again read the same; answers are JSON.

use wire::bulk::{Action, Bulk, Item, Results};
use wire::json::quoted;

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::of(&[
        "{\"index\":{\"_index\":\"logs-a\",\"_id\":\"1\",\"pipeline\":\"p\"}}\n{\"x\":1}\n\n{ \"create\" : {} }\r\n{\"y\":\"\\u00e9\"}\r\n",
        "{\"delete\":{\"_index\":\"b\",\"_id\":7}}\n{\"update\":{\"_id\":null}}\n{\"doc\":{}}",
    ]);
    seeds.push(seeds::growing("", "{\"index\":{}}\n{}\n", ""));
    seeds.push(seeds::growing("{\"index\":{\"a\":", "[", ""));
    seeds
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let items: Vec<_> = Bulk::new(data).collect();
    assert!(items.iter().rev().skip(1).all(Result::is_ok), "an error is the last");
    let lines = data.split(|byte| *byte == b'\n').count();
    if let Some(Err(error)) = items.last() {
        assert!((1..=lines).contains(&error.line), "{error}");
    }
    let items: Vec<Item<'_>> = items.into_iter().map_while(Result::ok).collect();
    assert!(items.is_sorted_by(|a, b| a.line < b.line) && items.iter().all(|item| item.line <= lines));
    let written: Vec<u8> = items.iter().flat_map(write).collect();
    let again: Vec<_> = Bulk::new(&written).map(|item| item.expect("what was written is read")).collect();
    assert_eq!(again.len(), items.len());
    for (again, item) in again.iter().zip(&items) {
        assert_eq!(Item { line: item.line, ..again.clone() }, *item);
    }
    let answer = answer(&items);
    serde_json::from_str::<serde_json::Value>(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
}

fn write(item: &Item<'_>) -> Vec<u8> {
    let members = [("_index", &item.index), ("_id", &item.id)];
    let members = members.iter().filter_map(|(name, value)| Some(format!("\"{name}\":{}", quoted(value.as_deref()?))));
    let action = format!("{{\"{}\":{{{}}}}}\n", item.action.name(), members.collect::<Vec<_>>().join(","));
    let document = if item.action == Action::Delete { Vec::new() } else { [item.document, b"\n"].concat() };
    [action.into_bytes(), document].concat()
}

fn answer(items: &[Item<'_>]) -> String {
    let mut results = Results::default();
    for (n, item) in items.iter().enumerate() {
        let index = item.index.as_deref().unwrap_or("logs");
        if n % 2 == 0 {
            results.done(item.action, index, item.id.as_deref().unwrap_or_default());
        } else {
            results.failed(item, index, 400, "document_parsing_exception", &String::from_utf8_lossy(item.document));
        }
    }
    results.finish(1)
}
