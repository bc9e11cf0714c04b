//! Loki's push in JSON: what is read says the same in JSON again, and in protobuf.

use std::ops::ControlFlow;

use wire::json::quoted;
use wire::loki::{Entry, Label, LabelsError, PushError, Sink, read_json, read_protobuf};
use wire::pb::Writer;

use crate::{input, seeds};

const LIMIT: base::Limit = base::Limit::new("fuzz.push_bytes", 1 << 30);

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::of(&[
        r#"{"streams":[{"stream":{"app":"cart","env":"p\u00e9"},"values":[["1700000000000000001","a\nline",{"trace_id":"x"}],["2","b"]]}]}"#,
        r#"{"x":[1],"streams":[{"values":[["1",""]],"stream":{}},{"stream":{"a":"b"}}]}"#,
    ]);
    seeds.push(seeds::growing(r#"{"streams":[{"stream":{},"values":["#, r#"["1","b"],"#, r#"["2","c"]]}]}"#));
    seeds
}

/// What a push says, call by call.
#[derive(Debug, Default, PartialEq)]
pub struct Calls(Vec<Call>);

#[derive(Debug, PartialEq)]
enum Call {
    Stream(Vec<(String, String)>),
    Entry(i64, String, Vec<(String, String)>),
}

fn owned(labels: &[Label<'_>]) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

impl Sink for Calls {
    fn stream(&mut self, labels: &[Label<'_>]) -> ControlFlow<()> {
        self.0.push(Call::Stream(owned(labels)));
        ControlFlow::Continue(())
    }

    fn entry(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        self.0.push(Call::Entry(entry.time_ns, entry.line.to_owned(), owned(entry.metadata)));
        ControlFlow::Continue(())
    }

    fn refused(&mut self, _: usize, _: &LabelsError) {}
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let mut calls = Calls::default();
    match read_json(data, LIMIT, &mut calls) {
        Ok(()) => calls.check(),
        Err(PushError::Json(error)) => {
            assert!(error.at <= wire::utf8::lossy(data).len() && error.path.starts_with('$'), "{error}");
        }
        Err(error) => panic!("not of JSON: {error}"),
    }
}

impl Calls {
    /// Written again in both forms, it reads the same.
    pub fn check(&self) {
        let mut again = Self::default();
        read_json(self.json().as_bytes(), LIMIT, &mut again).unwrap_or_else(|error| panic!("{error}: {}", self.json()));
        assert_eq!(again, *self);
        if self.0.iter().all(Call::is_classic) {
            let mut again = Self::default();
            read_protobuf(&self.protobuf(), &mut again).unwrap_or_else(|error| panic!("{error}: {self:?}"));
            assert_eq!(again, *self);
        }
    }

    fn json(&self) -> String {
        let (mut out, mut open) = (r#"{"streams":["#.to_owned(), false);
        for call in &self.0 {
            match call {
                Call::Stream(labels) => {
                    out += if open { "]}," } else { "" };
                    out += &format!(r#"{{"stream":{},"values":["#, object(labels));
                    open = true;
                }
                Call::Entry(time, line, metadata) => {
                    out += if out.ends_with('[') { "" } else { "," };
                    out += &format!(r#"["{time}",{},{}]"#, quoted(line), object(metadata));
                }
            }
        }
        out + if open { "]}]}" } else { "]}" }
    }

    fn protobuf(&self) -> Vec<u8> {
        let mut out = Writer::default();
        let mut open = None;
        for call in &self.0 {
            match call {
                Call::Stream(labels) => {
                    open.into_iter().for_each(|start| out.end(start));
                    let start = out.begin(1);
                    let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={}", go(value))).collect();
                    out.bytes(1, format!("{{{}}}", pairs.join(",")).as_bytes());
                    open = Some(start);
                }
                Call::Entry(time, line, metadata) => out.message(2, |out| {
                    out.message(1, |out| {
                        out.varint(1, time.div_euclid(1_000_000_000).cast_unsigned());
                        out.varint(2, time.rem_euclid(1_000_000_000).cast_unsigned());
                    });
                    out.bytes(2, line.as_bytes());
                    for (name, value) in metadata {
                        out.message(3, |out| {
                            out.bytes(1, name.as_bytes());
                            out.bytes(2, value.as_bytes());
                        });
                    }
                }),
            }
        }
        open.into_iter().for_each(|start| out.end(start));
        out.finish()
    }
}

impl Call {
    /// Whether its labels can be written as the text that protobuf has.
    fn is_classic(&self) -> bool {
        let classic = |name: &str| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match self {
            Self::Stream(labels) => labels.iter().all(|(name, _)| classic(name)),
            // A second before the first time that nanoseconds have does not come back.
            Self::Entry(time, ..) => *time > i64::MIN + 1_000_000_000,
        }
    }
}

fn object(pairs: &[(String, String)]) -> String {
    let members: Vec<_> = pairs.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    format!("{{{}}}", members.join(","))
}

/// A string as Go quotes it.
fn go(text: &str) -> String {
    let one = |c: char| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(one).collect::<String>())
}
