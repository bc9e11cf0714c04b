//! Go's templates with its own functions: limits are kept whatever a template does.

use go_template::{Escape, Fault, Functions, Limits, Templates, Value, quote, unquote};

use crate::{input, seeds};

const LIMITS: Limits = Limits { output_bytes: 1 << 14, steps: 3_000, depth: 30 };

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts();
    seeds.extend(seeds::of(&["\"a\\tb\\x41\\u00e9\"", "`raw`", "'c'"]));
    seeds.push(seeds::growing("", "{{.a}}", ""));
    seeds.push(seeds::growing("", "{{if .a}}", ""));
    seeds.push(seeds::growing("{{", "(", ""));
    seeds.push(seeds::growing("{{.a", ".b", "}}"));
    seeds.push(seeds::growing("{{$x := 1}}", "{{$x = print $x $x}}", ""));
    seeds
}

/// Templates of every kind, from the tests of the crate.
pub fn texts() -> Vec<Vec<u8>> {
    let tests = seeds::text("go-template/src/tests.rs");
    let quoted = tests.split('"').skip(1).filter(|text| text.contains("{{"));
    let lines = tests.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.rsplit_once("\", \""));
    let whole = lines.filter_map(|(text, _)| unquote(text).ok());
    quoted.map(str::to_owned).chain(whole).map(String::into_bytes).collect()
}

fn data() -> Value {
    Value::map([
        ("name".to_owned(), Value::from("x<y>")),
        ("n".to_owned(), Value::Int(3)),
        ("f".to_owned(), Value::Float(-1.5e10)),
        ("list".to_owned(), Value::list(["a", "b", "c"].map(Value::from))),
        ("map".to_owned(), Value::map([("b".to_owned(), Value::Int(2)), ("a".to_owned(), Value::Nil)])),
        ("at".to_owned(), Value::from(base::Timestamp::from_secs(1_700_000_000))),
        ("span".to_owned(), Value::Duration(90_000_000_001)),
    ])
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let templates = Templates::new(Functions::new(), LIMITS);
    let checked = templates.check(&text);
    for escape in [Escape::None, Escape::Html] {
        match templates.render(&text, &self::data(), escape) {
            Ok(out) if text.contains("{{") => {
                assert!(checked.is_ok() && out.len() as u64 <= LIMITS.output_bytes, "{} bytes", out.len());
            }
            Ok(out) => assert_eq!(out, text),
            Err(error) => {
                let lines = text.lines().count() + 1;
                assert!(error.line <= lines && !error.fault.to_string().is_empty(), "{error}");
                assert_eq!(matches!(error.fault, Fault::Syntax(_)), checked.is_err(), "{error}");
            }
        }
    }
    let quoted = quote(&text);
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quotes");
    assert_eq!(unquote(inner).as_deref(), Ok(&*text), "{quoted}");
}
