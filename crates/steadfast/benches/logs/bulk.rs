//! A body of Elasticsearch's `_bulk`, as its senders write it.

use serde_json::json;

use crate::Entry;

/// Two lines a record.
pub(crate) fn body(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let document = json!({
            "@timestamp": time(entry.nanos),
            "message": entry.text,
            "level": entry.severity.1.to_lowercase(),
            "service": {"name": "cart"},
            "kubernetes": {"namespace": "shop", "pod": {"name": entry.pod}},
            "host": {"name": "node-3"},
            "http": {"request": {"method": "GET"}, "response": {"status_code": entry.status}},
            "trace": {"id": hex(&entry.trace)},
        });
        out.extend_from_slice(b"{\"create\":{}}\n");
        serde_json::to_writer(&mut out, &document).unwrap();
        out.push(b'\n');
    }
    out
}

/// RFC 3339, in UTC: days by Hinnant's algorithm, <https://howardhinnant.github.io/date_algorithms.html>.
fn time(nanos: u64) -> String {
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = years + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{nanos:09}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}
