use alertmanager::interval::{TimeInterval, Zone};
use base::Timestamp;
use serde::Deserialize;

use super::cases;

#[derive(Deserialize)]
struct Cases {
    contains: Vec<Case>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Case {
    interval: TimeInterval,
    yes: Vec<String>,
    no: Vec<String>,
}

#[derive(Deserialize)]
struct Refused {
    interval: serde_json::Value,
    error: String,
}

#[test]
fn an_interval_has_the_times_that_it_says() {
    let local = Zone::named("Asia/Tokyo").unwrap();
    for case in cases::<Cases>("intervals").contains {
        let has = |time: &String| case.interval.contains(time.parse::<Timestamp>().unwrap(), &local);
        case.yes.iter().for_each(|time| assert!(has(time), "{time} is in {:?}", case.interval));
        case.no.iter().for_each(|time| assert!(!has(time), "{time} is not in {:?}", case.interval));
    }
}

#[test]
fn what_is_no_interval_is_refused() {
    for case in cases::<Cases>("intervals").refused {
        let error = serde_json::from_value::<TimeInterval>(case.interval.clone()).unwrap_err().to_string();
        assert!(error.contains(&case.error), "{}: {error}", case.interval);
    }
}

#[test]
fn an_interval_is_written_as_it_reads() {
    for case in cases::<Cases>("intervals").contains {
        let written = serde_json::to_string(&case.interval).unwrap();
        assert_eq!(serde_json::from_str::<TimeInterval>(&written).unwrap(), case.interval, "{written}");
    }
}
