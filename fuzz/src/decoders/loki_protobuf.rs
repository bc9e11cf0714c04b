//! Loki's push in protobuf, and the labels that it has as text.

use wire::loki::{PushError, parse_labels, read_protobuf};

use super::loki_json::Calls;
use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let body = b"\n\x37\n\x0f{app=\"c\",b=`d`}\x12\x17\n\x06\x08\x90\xce\x0b\x10\x01\x12\x03abc\x1a\x08\n\x01m\x12\x03nop\x12\x0b\n\x02\x08\x01\x12\x05hello";
    let mut seeds = seeds::of(&["{app=\"a\\x41\\101\\u00e9\\\\\", b=`c`, }"]);
    seeds.push(body.to_vec());
    seeds.push(seeds::growing("{", "a=\"b\",", "}"));
    seeds.push(seeds::growing("{a=\"", "\\u00e9", "\"}"));
    seeds
}

pub fn run(data: &[u8]) {
    let mut calls = Calls::default();
    match read_protobuf(data, &mut calls) {
        Ok(()) => calls.check(),
        Err(PushError::Protobuf(error)) => assert!(error.at() <= data.len() && !error.path().is_empty(), "{error}"),
        Err(error) => panic!("not of protobuf: {error}"),
    }
    let Some(text) = input::text(data) else { return };
    let mut labels = Vec::new();
    if let Err(error) = parse_labels(&text, &mut labels) {
        assert!(error.at <= text.len(), "{error}");
    }
}
