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
fn fields_may_be_longer_than_rfc_5424_has_them_and_not_without_end() {
    for at in 0..4 {
        let of = |length: usize| {
            let mut fields = ["-".to_owned(), "-".to_owned(), "-".to_owned(), "-".to_owned()];
            fields[at] = "x".repeat(length);
            show(format!("<13>1 - {} - text", fields.join(" ")).as_bytes())
        };
        assert!(of(1024).ends_with("\"text\"") && of(1024).contains(&"x".repeat(1024)), "{at}");
        assert!(of(1025).ends_with("a field is longer than 1024 characters"), "{at}: {}", of(1025));
    }
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

/// What a stream gives whose bytes come `step` at a time, and what is left of it.
fn frames(stream: &[u8], step: usize) -> (Vec<String>, Vec<u8>, Result<(), FrameError>) {
    let (mut framer, mut buffer, mut seen) = (Framer::new(LIMIT), Vec::new(), Vec::new());
    for piece in stream.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            let consumed = match framer.next(&buffer) {
                Err(error) => return (seen, buffer, Err(error)),
                Ok(Frame::More) => break,
                Ok(Frame::Rest { consumed }) => consumed,
                Ok(Frame::Message { bytes, consumed, cut }) => {
                    let text = String::from_utf8_lossy(bytes);
                    seen.push(if cut { format!("{} bytes, cut", text.len()) } else { text.into_owned() });
                    consumed
                }
            };
            assert!(consumed > 0);
            buffer.drain(..consumed);
        }
        assert!(buffer.len() <= 100 + Framer::HEAD, "{}", buffer.len());
    }
    (seen, buffer, Ok(()))
}

#[test]
fn frames_of_both_kinds_may_follow_each_other() {
    for step in [1, 2, 7, 50] {
        let (seen, left, ended) = frames(b"<1>a b\r\n5 <2>x\n<3>c\0\n0\n7 <4>", step);
        assert_eq!(
            (seen, left, ended),
            (["<1>a b", "<2>x\n", "<3>c", "0"].map(str::to_owned).to_vec(), b"7 <4>".to_vec(), Ok(()))
        );
        assert_eq!(frames(b"12", step), (Vec::new(), b"12".to_vec(), Ok(())));
    }
}

#[test]
fn a_message_over_the_limit_is_cut_and_the_next_is_whole() {
    for step in [1, 7, 60] {
        let counted = [b"250 ", &[b'x'; 250][..], b"1 a"].concat();
        assert_eq!(frames(&counted, step), (vec!["100 bytes, cut".to_owned(), "a".to_owned()], Vec::new(), Ok(())));
        let line = [&[b'x'; 101][..], b"\nb\n", &[b'y'; 300], b"\nc\n"].concat();
        let expected = ["100 bytes, cut", "b", "100 bytes, cut", "c"].map(str::to_owned).to_vec();
        assert_eq!(frames(&line, step), (expected, Vec::new(), Ok(())));
        let whole = [&[b'x'; 100][..], b"\n"].concat();
        assert_eq!(frames(&whole, step).0, ["x".repeat(100)]);
    }
}

#[test]
fn a_length_that_is_none_ends_the_stream() {
    for stream in [&b"12x"[..], b"99999999999 ", b"<1>a\n5<2>"] {
        assert_eq!(frames(stream, 1).2, Err(FrameError), "{stream:?}");
    }
}

#[test]
fn a_time_is_of_the_clock_of_its_zone() {
    let zone: base::Zone = "Europe/Berlin".parse().unwrap();
    let sent = |text: &[u8], now: &str| Message::parse(text).unwrap().sent(at(now), &zone).map(|at| at.to_string());
    let (winter, summer) = ("2026-01-02T00:00:00Z", "2026-07-02T00:00:00Z");
    assert_eq!(sent(b"<13>Jan  1 12:00:00 h t: x", winter).unwrap(), "2026-01-01T11:00:00Z");
    assert_eq!(sent(b"<13>Jul  1 12:00:00 h t: x", summer).unwrap(), "2026-07-01T10:00:00Z");
    // Sent before the clocks were changed, seen after.
    assert_eq!(sent(b"<13>Mar 28 12:00:00 h t: x", "2026-03-30T00:00:00Z").unwrap(), "2026-03-28T11:00:00Z");
    assert_eq!(sent(b"<13>1 2003-10-11T22:14:15+02:00 - - - - -", summer).unwrap(), "2003-10-11T20:14:15Z");
    assert_eq!(sent(b"<13>x", summer), None);
}

#[test]
fn damage_never_panics() {
    let file = include_bytes!("../../tests/bodies/syslog.txt");
    for line in file.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"<")) {
        mutate::each(line, 200, |bytes| drop(show(bytes)));
    }
    mutate::each(b"5 <1>ab<2>cd\n<3>ef\n10 <4>ghijklm", 3000, |bytes| {
        drop(frames(bytes, 5));
    });
}
