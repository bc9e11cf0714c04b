use base::{Limit, Timestamp};

use super::*;
use crate::mutate;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn show(bytes: &[u8]) -> String {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => return error.to_string(),
    };
    let time = message.time.map_or("-".to_owned(), |time| match time {
        Time::At(at) => at.to_string(),
        Time::Local(time) => format!("local {}", time.resolve(at("2026-01-02T00:00:00Z"), 3600)),
    });
    let mut out = format!(
        "{}.{} {time} {:?}",
        FACILITIES[usize::from(message.facility)],
        SEVERITIES[usize::from(message.severity)],
        [message.hostname, message.app_name, message.proc_id, message.msg_id].map(|field| field.unwrap_or("-")),
    );
    for element in message.structured.iter() {
        let params: Vec<_> = element.params().map(|(name, value)| format!("{name}={value:?}")).collect();
        out.push_str(&format!(" [{} {}]", element.id, params.join(" ")));
    }
    format!("{out} {:?}", message.text())
}

/// Cases: a message, then what is read of it.
#[test]
fn messages_are_read() {
    let file = include_str!("../../tests/bodies/syslog.txt");
    let mut lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let mut cases = 0;
    while let Some(message) = lines.next() {
        assert_eq!(show(message.as_bytes()), lines.next().unwrap(), "of {message}");
        cases += 1;
    }
    assert!(cases > 20, "{cases}");
}

#[test]
fn a_text_may_begin_with_a_mark_and_be_of_any_bytes() {
    let message = Message::parse(b"<34>1 - - - - - - \xef\xbb\xbf\xc3\xa9\xff").unwrap();
    assert_eq!((message.message, &*message.text()), (&b"\xc3\xa9\xff"[..], "é\u{fffd}"));
    assert_eq!(show(b"<13>\xff\xfe: x"), "user.notice - [\"-\", \"-\", \"-\", \"-\"] \"\u{fffd}\u{fffd}: x\"");
    assert_eq!(show(b"<13>1 - h\xe9 - - - -"), "syslog message at byte 8: a field that is not visible ASCII");
    assert_eq!(show(b"<13>1 - - - - - [a b=\"\xff\"]"), "syslog message at byte 22: structured data that is not UTF-8");
}

#[test]
fn a_time_without_a_year_is_the_nearest() {
    let resolve =
        |text: &[u8], now: &str, offset: i32| LocalTime::parse(text).unwrap().0.resolve(at(now), offset).to_string();
    assert_eq!(resolve(b"Dec 31 23:59:59", "2026-01-01T00:00:05Z", 0), "2025-12-31T23:59:59Z");
    assert_eq!(resolve(b"Jan  1 00:00:01", "2025-12-31T23:59:59Z", 0), "2026-01-01T00:00:01Z");
    assert_eq!(resolve(b"Jan  1 01:00:01", "2025-12-31T23:59:59Z", 3600), "2026-01-01T00:00:01Z");
    assert_eq!(resolve(b"Feb 29 12:00:00", "2024-03-01T00:00:00Z", -7200), "2024-02-29T14:00:00Z");
    assert_eq!(resolve(b"Jul  4 1999 01:02:03.5", "2026-01-01T00:00:00Z", 0), "1999-07-04T01:02:03.5Z");
    for time in [Timestamp::MIN, Timestamp::ZERO, Timestamp::MAX] {
        let _ = LocalTime::parse(b"Dec 31 23:59:60").unwrap().0.resolve(time, i32::MIN);
    }
}

const LIMIT: Limit = Limit::new("test_syslog_bytes", 100);

#[test]
fn frames_of_both_kinds_may_follow_each_other() {
    let mut buffer: &[u8] = b"<1>a b\r\n5 <2>x\n<3>c\0\n0\n7 <4>";
    let mut seen = Vec::new();
    while let Frame::Message { bytes, consumed } = next_frame(buffer, LIMIT).unwrap() {
        seen.push(std::str::from_utf8(bytes).unwrap());
        buffer = &buffer[consumed..];
    }
    assert_eq!((seen, buffer), (vec!["<1>a b", "<2>x\n", "<3>c", "0"], &b"7 <4>"[..]));
    assert_eq!(next_frame(b"", LIMIT), Ok(Frame::More));
    assert_eq!(next_frame(b"12", LIMIT), Ok(Frame::More));
}

#[test]
fn a_frame_that_is_too_large_is_refused_before_it_is_there() {
    for buffer in [&b"101 "[..], &[b'<'; 101]] {
        let error = next_frame(buffer, LIMIT).unwrap_err();
        assert_eq!(error.to_string(), "a syslog message is too large: 101 exceeds the limit test_syslog_bytes = 100");
    }
    assert!(matches!(next_frame(b"99999999999", LIMIT), Err(FrameError::TooLarge(_))));
    assert_eq!(next_frame(b"12x", LIMIT), Err(FrameError::Length));
}

#[test]
fn damage_never_panics() {
    let file = include_bytes!("../../tests/bodies/syslog.txt");
    for line in file.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"<")) {
        mutate::each(line, 200, |bytes| drop(show(bytes)));
    }
    mutate::each(b"5 <1>ab<2>cd\n<3>ef\n10 <4>ghijklm", 3000, |bytes| {
        let mut buffer = bytes;
        while let Ok(Frame::Message { consumed, .. }) = next_frame(buffer, LIMIT) {
            assert!(consumed > 0);
            buffer = &buffer[consumed..];
        }
    });
}
