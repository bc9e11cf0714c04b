//! How providers fail in a run.

use std::time::Duration;

use base::Rng;

use crate::world::outside::{Weather, What};
use crate::world::setup::Setup;

const STATUSES: [What; 14] = [
    What::Status(400, None),
    What::Status(401, None),
    What::Status(403, None),
    What::Status(404, None),
    What::Status(408, None),
    What::Status(429, None),
    What::Status(429, Some(30)),
    What::Status(429, Some(300)),
    What::Status(500, None),
    What::Status(503, Some(20)),
    What::Hang,
    What::Close,
    What::Slow(3000),
    What::Slow(8000),
];

/// What says nothing of whether it was taken.
const DOUBTFUL: [What; 3] = [What::TakenThenClose, What::TakenThenHang, What::TakenThenCut];

pub fn draw(rng: &Rng, setup: &Setup, horizon: Duration) -> Vec<Weather> {
    let names: Vec<&str> = setup.receivers().iter().map(|(name, ..)| *name).collect();
    let mut weather = Vec::new();
    for _ in 0..rng.below(7) {
        let receiver = names[rng.below(names.len() as u64) as usize];
        let from = rng.jitter(horizon);
        let long = [2, 30, 300, 600][rng.below(4) as usize];
        let doubtful = rng.below(3) == 0;
        let of = if doubtful { &DOUBTFUL[..] } else { &STATUSES[..] };
        let what = of[rng.below(of.len() as u64) as usize];
        weather.push(Weather {
            receiver: (rng.below(4) > 0).then(|| receiver.to_owned()),
            from,
            to: from + rng.jitter(Duration::from_secs(long)),
            one_in: if what == What::Status(400, None) { u64::MAX } else { 1 + rng.below(3) },
            what,
        });
    }
    if rng.below(15) == 0 {
        let from = rng.jitter(horizon);
        let what = [What::Hang, What::Close, What::Status(503, None), What::Status(401, None)][rng.below(4) as usize];
        let to = from + Duration::from_secs(3600 * (1 + rng.below(3)));
        weather.push(Weather { receiver: Some("pd".to_owned()), from, to, one_in: 1, what });
    }
    weather
}
