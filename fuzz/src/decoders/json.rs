//! The JSON parser, beside serde_json.

use serde_json::{Map, Value};
use wire::json::{JsonError, Parser, Shape, quoted};

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::of(&[
        r#"{"a":[1,-2.5e-3,1E5,0,"x\u00e9\ud83d\ude00\n\/",true,false,null,{}],"":{"b":[[]]}} "#,
        r#""\ud800""#,
        "-0.0e+1",
    ]);
    seeds.push(seeds::file("wire/tests/bodies/otlp_logs.json"));
    seeds.push(seeds::growing("", "[", ""));
    seeds.push(seeds::growing("[", "1,", "1]"));
    seeds.push(seeds::growing("\"", "\\u0041", "\""));
    seeds
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let ours = read(data);
    let theirs: Result<Value, _> = serde_json::from_slice(data);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs);
            let written = ours.to_string();
            assert_eq!(read(written.as_bytes()).as_ref(), Ok(&ours), "{written}");
        }
        // Their numbers are read, ours are only looked at; depth is counted from another end; half of a pair of surrogates is
        // replaced here.
        (Ok(_), Err(error)) => {
            let text = error.to_string();
            let known =
                ["number out of range", "recursion limit", "surrogate in hex escape", "unexpected end of hex escape"];
            assert!(known.iter().any(|known| text.contains(known)), "{text}");
        }
        (Err(error), Ok(_)) => panic!("{error}"),
        (Err(error), Err(_)) => assert!(error.at <= data.len() && error.path.starts_with('$'), "{error}"),
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(serde_json::from_str::<String>(&quoted(text)).ok().as_deref(), Some(text));
    }
}

fn read(data: &[u8]) -> Result<Value, JsonError> {
    let mut skipped = Parser::new(data)?;
    let skips = skipped.raw().map(str::len).and_then(|len| skipped.end().map(|()| len));
    let mut parser = Parser::new(data)?;
    let value = value(&mut parser).and_then(|value| parser.end().map(|()| value));
    assert_eq!(skips.is_ok(), value.is_ok(), "{skips:?} {value:?}");
    value
}

fn value(parser: &mut Parser<'_>) -> Result<Value, JsonError> {
    Ok(match parser.shape()? {
        Shape::Object => {
            let mut members = Map::new();
            parser.object(|parser, key| {
                let value = value(parser)?;
                members.insert(key.to_string(), value);
                Ok(())
            })?;
            Value::Object(members)
        }
        Shape::Array => {
            let mut items = Vec::new();
            parser.array(|parser, _| {
                items.push(value(parser)?);
                Ok(())
            })?;
            Value::Array(items)
        }
        Shape::String => Value::String(parser.string()?.into_owned()),
        // One that is too large for them is none of theirs.
        Shape::Number => serde_json::from_str(parser.number()?).unwrap_or(Value::Null),
        Shape::Bool => Value::Bool(parser.bool()?),
        Shape::Null => {
            parser.null()?;
            Value::Null
        }
    })
}
