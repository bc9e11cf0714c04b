use super::*;
use crate::mutate;

/// Writes a value back in a form that serde_json can be compared with.
fn rewrite(parser: &mut Parser<'_>, out: &mut String) -> Result<(), JsonError> {
    match parser.shape()? {
        Shape::Object => {
            out.push('{');
            parser.object(|parser, key| {
                push_quoted(out, key);
                out.push(':');
                rewrite(parser, out)?;
                out.push(',');
                Ok(())
            })?;
            out.truncate(out.trim_end_matches(',').len());
            out.push('}');
        }
        Shape::Array => {
            out.push('[');
            parser.array(|parser, _| {
                rewrite(parser, out)?;
                out.push(',');
                Ok(())
            })?;
            out.truncate(out.trim_end_matches(',').len());
            out.push(']');
        }
        Shape::String => push_quoted(out, &parser.string()?),
        Shape::Number => out.push_str(parser.number()?),
        Shape::Bool => out.push_str(if parser.bool()? { "true" } else { "false" }),
        Shape::Null => {
            parser.null()?;
            out.push_str("null");
        }
    }
    Ok(())
}

fn read(text: &[u8]) -> Result<String, JsonError> {
    let mut parser = Parser::new(text)?;
    let mut out = String::new();
    rewrite(&mut parser, &mut out)?;
    parser.end()?;
    Ok(out)
}

const TEXT: &str =
    r#" {"a": [1, -0.5e+3, true, false, null, "\u00e9\ud83d\ude00\n\/\"", {}, []], "é": {"x": "y", "n": 0}} "#;

#[test]
fn what_is_read_is_what_serde_json_reads() {
    let ours: serde_json::Value = serde_json::from_str(&read(TEXT.as_bytes()).unwrap()).unwrap();
    assert_eq!(ours, serde_json::from_str::<serde_json::Value>(TEXT).unwrap());
}

#[test]
fn errors_name_byte_and_path() {
    let cases: [(&[u8], &str); 14] = [
        (b"", "$ at byte 0: a value is missing"),
        (br#"{"a":[1,}"#, "$.a[1] at byte 8: a value is missing"),
        (br#"{"a":{"b":tru}}"#, "$.a.b at byte 10: `false` is missing"),
        (br#"[1 2]"#, "$ at byte 3: `,` or `]` is missing"),
        (br#"["a"#, "$[0] at byte 3: a string does not end"),
        (br#"["\x"]"#, "$[0] at byte 2: an escape that is none"),
        (br#"["\ud80x"]"#, "$[0] at byte 2: an escape that is none"),
        (b"[\"\n\"]", "$[0] at byte 2: a control character in a string"),
        (br#"[01]"#, "$[0] at byte 1: a number is missing"),
        (br#"[1.]"#, "$[0] at byte 1: a number is missing"),
        (br#"{"a" 1}"#, "$ at byte 5: `:` is missing"),
        (br#"{a:1}"#, "$ at byte 1: `\"` is missing"),
        (br#"1 2"#, "$ at byte 2: text behind the value"),
        (b"\"\xff\"", "$ at byte 1: not UTF-8"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn half_of_a_pair_of_surrogates_is_replaced() {
    let cases = [
        (r#""a\ud83d""#, "a\u{fffd}", true),
        (r#""\ud83d!""#, "\u{fffd}!", true),
        (r#""\udc00\ud83d\ude00""#, "\u{fffd}😀", true),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀", true),
        (r#""\ud83d\u0041""#, "\u{fffd}A", true),
        (r#""\ud83d\ude00\ufffd""#, "😀\u{fffd}", false),
    ];
    for (text, expected, replaced) in cases {
        let mut parser = Parser::new(text.as_bytes()).unwrap();
        assert_eq!((&*parser.string().unwrap(), parser.replaced()), (expected, replaced), "{text}");
    }
}

#[test]
fn depth_has_a_bound() {
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(Parser::new(deep(128).as_bytes()).unwrap().skip().is_ok());
    let error = Parser::new(deep(100_000).as_bytes()).unwrap().skip().unwrap_err();
    assert!(error.to_string().ends_with("more than 128 deep"), "{error}");
}

/// With `\ufffd` for each half of a pair of surrogates, which serde_json refuses.
fn paired(text: &[u8]) -> Vec<u8> {
    let unit = |rest: &[u8]| {
        let digits = std::str::from_utf8(rest.strip_prefix(b"\\u")?.get(..4)?).ok()?;
        u32::from_str_radix(digits, 16).ok().filter(|_| !digits.contains('+'))
    };
    let (mut out, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let next = rest.get(6..).and_then(unit);
        let (taken, written): (usize, &[u8]) = match unit(rest) {
            Some(0xd800..0xdc00) if next.is_some_and(|low| (0xdc00..0xe000).contains(&low)) => (12, &rest[..12]),
            Some(0xd800..0xe000) => (6, br"\ufffd"),
            _ if rest[0] == b'\\' => (rest.len().min(2), &rest[..rest.len().min(2)]),
            _ => (1, &rest[..1]),
        };
        out.extend_from_slice(written);
        rest = &rest[taken..];
    }
    out
}

#[test]
fn damage_is_refused_where_serde_json_refuses_it() {
    mutate::each(TEXT.as_bytes(), 3000, |bytes| {
        let theirs = serde_json::from_slice::<serde_json::Value>(&paired(bytes));
        assert_eq!(read(bytes).is_ok(), theirs.is_ok(), "{}", String::from_utf8_lossy(bytes));
    });
}
