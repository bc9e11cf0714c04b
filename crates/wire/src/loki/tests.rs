use std::fmt::Write;

use super::*;
use crate::mutate;
use crate::pb::Writer;

const LIMIT: base::Limit = base::Limit::new("test_push_bytes", 1 << 20);

#[derive(Default)]
struct Seen {
    text: String,
    stop_after: Option<usize>,
    calls: usize,
}

impl Seen {
    fn call(&mut self) -> ControlFlow<()> {
        self.calls += 1;
        if self.stop_after == Some(self.calls) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn pairs(labels: &[Label<'_>]) -> String {
    labels.iter().map(|(name, value)| format!(" {name}={value:?}")).collect()
}

impl Sink for Seen {
    fn stream(&mut self, labels: &[Label<'_>]) -> ControlFlow<()> {
        writeln!(self.text, "stream{}", pairs(labels)).unwrap();
        self.call()
    }

    fn entry(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        let lossy = if entry.lossy { " lossy" } else { "" };
        writeln!(self.text, "{} {:?}{}{lossy}", entry.time_ns, entry.line, pairs(entry.metadata)).unwrap();
        self.call()
    }

    fn refused(&mut self, stream: usize, error: &LabelsError) {
        writeln!(self.text, "stream {stream}: {error}").unwrap();
    }
}

const EXPECTED: &str = r#"stream app="ca\"rt" env="é"
1700000000000000001 "line\n1" k="v" l="w"
-5 ""
stream x="y"
7 "z"
"#;

const JSON: &str = r#"{"streams": [
  {"stream": {"app": "ca\"rt", "env": "é"}, "values": [["1700000000000000001", "line\n1", {"k": "v", "l": "w"}], [-5, ""]], "other": [1]},
  {"values": [["7", "z"]], "stream": {"x": "y"}}
], "more": null}"#;

fn protobuf() -> Vec<u8> {
    let pair = |w: &mut Writer, name: &str, value: &str| {
        w.message(3, |w| (w.bytes(1, name.as_bytes()), w.bytes(2, value.as_bytes())).1);
    };
    let entry = |w: &mut Writer, secs: i64, nanos: i64, line: &str, fill: &dyn Fn(&mut Writer)| {
        w.message(2, |w| {
            w.message(1, |w| (w.varint(1, secs.cast_unsigned()), w.varint(2, nanos.cast_unsigned())).1);
            w.bytes(2, line.as_bytes());
            fill(w);
        });
    };
    let mut w = Writer::default();
    w.message(1, |w| {
        w.bytes(1, r#"{app="ca\"rt", env="\u00e9"}"#.as_bytes());
        entry(w, 1_700_000_000, 1, "line\n1", &|w| (pair(w, "k", "v"), pair(w, "l", "w")).1);
        entry(w, 0, -5, "", &|_| ());
        w.varint(3, 99);
    });
    w.message(1, |w| {
        w.bytes(1, b"{x=`y`,}");
        entry(w, 0, 7, "z", &|_| ());
    });
    w.finish()
}

#[test]
fn protobuf_and_json_are_the_same_push() {
    let (mut from_json, mut from_protobuf) = (Seen::default(), Seen::default());
    read_json(JSON.as_bytes(), LIMIT, &mut from_json).unwrap();
    read_protobuf(&protobuf(), &mut from_protobuf).unwrap();
    assert_eq!(from_json.text, EXPECTED);
    assert_eq!(from_protobuf.text, EXPECTED);
}

#[test]
fn lines_and_labels_that_are_no_unicode_are_read_with_u_fffd_and_the_others_as_they_are() {
    let expected = "stream a=\"b\u{fffd}\"\n1 \"caf\u{fffd}\" lossy\n2 \"\" k=\"\u{fffd}\" lossy\n3 \"café\" lossy\nstream a=\"b\"\n4 \"café\"\n";
    let mut w = Writer::default();
    w.message(1, |w| {
        // As Go quotes a byte that is not UTF-8.
        w.bytes(1, br#"{a="b\xff"}"#);
        let bad = Some(&b"\xff"[..]);
        let entries = [(1, &b"caf\xe9"[..], None), (2, &b""[..], bad), (3, "café".as_bytes(), None)];
        for (nanos, line, value) in entries {
            w.message(2, |w| {
                w.message(1, |w| w.varint(2, nanos));
                w.bytes(2, line);
                value.into_iter().for_each(|value| w.message(3, |w| (w.bytes(1, b"k"), w.bytes(2, value)).1));
            });
        }
    });
    w.message(1, |w| {
        w.bytes(1, br#"{a="b"}"#);
        w.message(2, |w| (w.message(1, |w| w.varint(2, 4)), w.bytes(2, "café".as_bytes())).1);
    });
    let mut seen = Seen::default();
    read_protobuf(&w.finish(), &mut seen).unwrap();
    assert_eq!(seen.text, expected);
    let bytes = b"{\"streams\":[{\"values\":[[1,\"caf\xe9\"],[2,\"\",{\"k\":\"\xff\"}],[3,\"caf\xc3\xa9\"]],\
        \"stream\":{\"a\":\"b\xff\"}},{\"stream\":{\"a\":\"b\"},\"values\":[[4,\"caf\xc3\xa9\"]]}]}";
    let halves = r#"{"streams":[{"values":[[1,"caf\ud83d"],[2,"",{"k":"\udc00"}],[3,"café"]],"stream":{"a":"b\ud800"}},
        {"stream":{"a":"b"},"values":[[4,"café"]]}]}"#;
    for json in [&bytes[..], halves.as_bytes()] {
        let mut seen = Seen::default();
        read_json(json, LIMIT, &mut seen).unwrap();
        assert_eq!(seen.text, expected);
    }
}

#[test]
fn a_push_that_is_too_large_with_u_fffd_is_not_read() {
    let body = [&b"{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\""[..], &[0xff; 100], b"\"]]}]}"].concat();
    let small = base::Limit::new("test_push_bytes", 300);
    let mut seen = Seen::default();
    let error = read_json(&body, small, &mut seen).unwrap_err();
    assert!(matches!(&error, PushError::TooLarge(what) if what.name == "test_push_bytes"), "{error}");
    assert_eq!(seen.calls, 0);
    read_json(&body, LIMIT, &mut seen).unwrap();
}

#[test]
fn what_is_null_has_nothing_in_it() {
    let mut seen = Seen::default();
    let text =
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",null],[2,"y",{}]]},{"values":null,"stream":{"c":"d"}}]}"#;
    read_json(text.as_bytes(), LIMIT, &mut seen).unwrap();
    assert_eq!(seen.text, "stream a=\"b\"\n1 \"x\"\n2 \"y\"\nstream c=\"d\"\n");
    read_json(br#"{"streams":null}"#, LIMIT, &mut Seen::default()).unwrap();
}

#[test]
fn a_sink_that_has_enough_ends_reading_without_an_error() {
    for calls in 1..5 {
        for json in [true, false] {
            let mut seen = Seen { stop_after: Some(calls), ..Seen::default() };
            let read =
                if json { read_json(JSON.as_bytes(), LIMIT, &mut seen) } else { read_protobuf(&protobuf(), &mut seen) };
            assert_eq!((read, seen.calls), (Ok(()), calls));
        }
    }
}

#[test]
fn labels_are_read_as_go_writes_them() {
    let mut labels = Vec::new();
    parse_labels(r#" { a = "x\t\x41\101\U0001F600\\" , b_1 = `raw\n` } "#, &mut labels).unwrap();
    assert_eq!(pairs(&labels), r#" a="x\tAA😀\\" b_1="raw\\n""#);
    labels.clear();
    parse_labels("{}", &mut labels).unwrap();
    assert!(labels.is_empty());
}

#[test]
fn labels_that_are_none_name_the_byte() {
    for (text, expected) in [
        ("", "labels at byte 0: `{` is missing"),
        ("{a}", "labels at byte 2: `=` is missing"),
        ("{1a=\"\"}", "labels at byte 1: a label's name is missing"),
        ("{a=b}", "labels at byte 3: a label's value in quotes is missing"),
        ("{a=\"b}", "labels at byte 4: a value does not end"),
        ("{a=`b}", "labels at byte 4: a value does not end"),
        ("{a=\"b\nc\"}", "labels at byte 5: an escape that is none"),
        ("{a=\"b\nx41\"}", "labels at byte 5: an escape that is none"),
        (r#"{a="\q"}"#, "labels at byte 4: an escape that is none"),
        (r#"{a="\ud800"}"#, "labels at byte 4: an escape that is none"),
        (r#"{a="b" c="d"}"#, "labels at byte 7: `,` or `}` is missing"),
        (r#"{a="b"} x"#, "labels at byte 8: text behind the labels"),
    ] {
        assert_eq!(parse_labels(text, &mut Vec::new()).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn errors_name_the_path() {
    let json = |text: &str| read_json(text.as_bytes(), LIMIT, &mut Seen::default()).unwrap_err().to_string();
    assert_eq!(json(r#"{"streams":[{"values":[["1","x"]]}]}"#), "$.streams[0] at byte 34: a stream without labels");
    assert_eq!(json(r#"{"streams":[{"stream":{"a":1}}]}"#), "$.streams[0].stream.a at byte 27: `\"` is missing");
    assert_eq!(
        json(r#"{"streams":[{"stream":{},"values":[["x","y"]]}]}"#),
        "$.streams[0].values[0][0] at byte 36: a time in nanoseconds is missing"
    );
    assert_eq!(
        json(r#"{"streams":[{"values":[["1"]],"stream":{}}]}"#),
        "$.streams[0].values[0] at byte 23: time or line is missing"
    );
}

#[test]
fn a_stream_whose_labels_are_none_is_left_out_by_name() {
    let entry = |w: &mut Writer, line: &str| w.message(2, |w| w.bytes(2, line.as_bytes()));
    let mut w = Writer::default();
    for (labels, line) in [("{x=`y`}", "a"), ("{x}", "b"), ("{x=`z`}", "c")] {
        w.message(1, |w| {
            w.bytes(1, labels.as_bytes());
            entry(w, line);
        });
    }
    let mut seen = Seen::default();
    read_protobuf(&w.finish(), &mut seen).unwrap();
    let expected = "stream x=\"y\"\n0 \"a\"\nstream 1: labels at byte 2: `=` is missing\nstream x=\"z\"\n0 \"c\"\n";
    assert_eq!(seen.text, expected);
}

#[test]
fn damage_never_panics() {
    mutate::each(JSON.as_bytes(), 3000, |bytes| {
        let mut seen = Seen::default();
        let _ = read_json(bytes, LIMIT, &mut seen);
        assert!(seen.calls <= bytes.len());
    });
    mutate::each(&protobuf(), 3000, |bytes| {
        let mut seen = Seen::default();
        let _ = read_protobuf(bytes, &mut seen);
        assert!(seen.calls <= bytes.len());
    });
}
