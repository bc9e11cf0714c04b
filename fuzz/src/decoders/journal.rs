//! The journal's export: a stream gives the same entries in pieces of any size, none over the limits.

use base::Limit;
use wire::journal::{Entry, Limits, Reader};

use crate::{input, seeds};

const LIMITS: Limits =
    Limits { value: Limit::new("fuzz_journal_value", 64), fields: Limit::new("fuzz_journal_fields", 6) };

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds =
        seeds::of(&["\x04__CURSOR=s=1;i=2\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\nc\nPRIORITY=6\n\n__CURSOR=x\n\n"]);
    seeds.push(seeds::growing("", "A=b\n", "\n"));
    seeds.push(seeds::growing("MESSAGE=", "x", "\n\n"));
    seeds
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let (step, stream) = input::choice(data);
    let (entries, error) = read(stream, stream.len().max(1));
    assert_eq!(read(stream, usize::from(step) + 1), (entries.clone(), error.clone()));
    for entry in &entries {
        assert!(entry.fields().count() as u64 <= LIMITS.fields.max() && entry.fields().count() > 0);
        assert!(entry.fields().all(|(name, value)| !name.is_empty() && value.len() as u64 <= LIMITS.value.max()));
    }
    if error.is_none() {
        let written: Vec<u8> = entries.iter().flat_map(write).collect();
        let (again, error) = read(&written, written.len().max(1));
        assert!(error.is_none(), "{error:?}");
        let fields = |entries: &[Entry]| {
            entries.iter().map(|entry| format!("{:?}", entry.fields().collect::<Vec<_>>())).collect::<Vec<_>>()
        };
        assert_eq!(fields(&again), fields(&entries));
    }
}

fn read(stream: &[u8], step: usize) -> (Vec<Entry>, Option<String>) {
    let (mut reader, mut entries) = (Reader::new(LIMITS), Vec::new());
    for mut piece in stream.chunks(step) {
        loop {
            match reader.next(&mut piece) {
                Ok(Some(entry)) => entries.push(entry),
                Ok(None) => break,
                Err(error) => {
                    assert!(error.at <= stream.len() as u64, "{error}");
                    return (entries, Some(error.to_string()));
                }
            }
        }
    }
    (entries, None)
}

/// Every value with its length before it.
fn write(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in entry.fields() {
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
        out.extend((value.len() as u64).to_le_bytes());
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    out.push(b'\n');
    out
}
