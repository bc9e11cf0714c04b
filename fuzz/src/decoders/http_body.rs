//! Bodies that are compressed: never larger than the limit, nor the room that they take.

use std::io::Write;

use base::Limit;
use wire::body::{BodyError, Encoding};

use crate::input;

const LIMIT: Limit = Limit::new("fuzz_body_bytes", 1 << 16);
const ALL: [Encoding; 5] = [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Snappy];

pub fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 3] = [b"", b"some text, some text, some text", &[0; 100_000]];
    let mut seeds = Vec::new();
    for (n, encoding) in ALL.into_iter().enumerate() {
        for text in texts {
            let seed = [&[n as u8], encode(encoding, text).as_slice()].concat();
            seeds.push(seed);
        }
    }
    // Snappy, the last of them, in frames.
    let mut frames = snap::write::FrameEncoder::new(vec![4_u8]);
    frames.write_all(&[0; 100_000]).unwrap();
    seeds.push(frames.into_inner().unwrap());
    seeds
}

fn encode(encoding: Encoding, text: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::default();
    match encoding {
        Encoding::Identity => text[..text.len().min(100)].to_vec(),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Encoding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Encoding::Zstd => zstd::stream::encode_all(text, 3).unwrap(),
        Encoding::Snappy => snap::raw::Encoder::new().compress_vec(text).unwrap(),
    }
}

pub fn run(data: &[u8]) {
    let (choice, body) = input::choice(data);
    let encoding = ALL[usize::from(choice) % ALL.len()];
    let mut buffer = Vec::new();
    match encoding.decode(body, LIMIT, &mut buffer) {
        Ok(text) => assert!(text.len() as u64 <= LIMIT.max(), "{encoding:?}: {} bytes", text.len()),
        Err(BodyError::TooLarge(exceeded)) => assert_eq!(exceeded.name, LIMIT.name()),
        Err(error) => assert!(error.to_string().contains(encoding.name()), "{error}"),
    }
    assert!(buffer.capacity() as u64 <= 4 * LIMIT.max(), "{encoding:?}: room for {}", buffer.capacity());
    if let Ok(header) = std::str::from_utf8(body)
        && let Ok(found) = Encoding::parse(header)
    {
        assert_eq!(Encoding::parse(found.name()), Ok(found));
    }
}
