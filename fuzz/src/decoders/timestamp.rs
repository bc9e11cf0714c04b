//! Times of RFC 3339.

use base::Timestamp;

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    seeds::of(&[
        "2026-11-25T10:00:00Z",
        "1969-12-31T23:59:59.999999999-11:30",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00.000Z",
        "2026-02-29 10:00:60+00:00",
    ])
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let nearest = Timestamp::nearest(&text);
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(time.to_string().parse::<Timestamp>().ok(), Some(time));
        assert_eq!(nearest.ok(), Some(time));
    }
}
