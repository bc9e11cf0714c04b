use std::time::Duration;

use crate::logs::config::MultilineConfig;
use crate::logs::files::join::{Join, Multiline, Record, Rules};

fn rules(text: &str) -> Option<Multiline> {
    let mut config = MultilineConfig {
        start: None,
        continuation: None,
        timeout: Duration::from_secs(1),
        max_lines: 100,
        max_bytes: 1_000,
    };
    for (name, value) in text.split(' ').map(|rule| rule.split_once('=').unwrap()) {
        match name {
            "start" => config.start = Some(value.to_owned()),
            "continuation" => config.continuation = Some(value.to_owned()),
            "max_lines" => config.max_lines = value.parse().unwrap(),
            "max_bytes" => config.max_bytes = value.parse().unwrap(),
            other => panic!("{other}"),
        }
    }
    Some(Multiline::new(&config).unwrap())
}

fn show(record: &Record<'_>) -> String {
    let said = [(record.cut, " cut"), (record.split, " split")].into_iter().filter(|(is, _)| *is).map(|(_, said)| said);
    let stream = ["-", "o", "e"][record.stream];
    format!("> {} {stream} {:?}{}", record.start, String::from_utf8_lossy(&record.text), said.collect::<String>())
}

/// Plays a case; at each moment what is not given so far must be readable again.
fn play(lines: &[&str]) -> Vec<String> {
    let mut lines = lines.iter().filter(|line| !line.starts_with("> ")).peekable();
    let multiline = lines
        .next_if(|line| line.starts_with("start=") || line.starts_with("continuation="))
        .and_then(|line| rules(line));
    let rules = Rules { multiline: multiline.as_ref(), max_line: 20 };
    let (mut join, mut out, mut at, mut now) = (Join::default(), Vec::new(), 0, Duration::ZERO);
    for line in lines {
        let mut whole = |record: Record<'_>| out.push((record.start, show(&record)));
        match line.split_once(' ') {
            None => join.end(rules, &mut whole),
            Some(("+", millis)) => {
                now += Duration::from_millis(millis.parse().unwrap());
                join.late(now, rules, &mut whole);
            }
            Some((stream, text)) => {
                let number = ["-", "o", "e"].iter().position(|name| stream.starts_with(name)).unwrap();
                let record = Record {
                    start: at,
                    stream: number,
                    time: None,
                    text: text.as_bytes().into(),
                    cut: false,
                    split: false,
                };
                join.add(record, stream.ends_with('P'), now, rules, &mut whole);
                at += text.len() as u64 + 1;
            }
        }
        let safe = join.safe(at);
        assert!(safe <= at && (safe == at) == (join.deadline(rules).is_none() && !join.has_parts()), "{line}");
    }
    // Records of different streams may be given in another order than they began.
    out.sort_by_key(|(start, _)| *start);
    out.into_iter().map(|(_, shown)| shown).collect()
}

#[test]
fn lines_become_records() {
    let file = include_str!("join.txt");
    let mut count = 0;
    for case in file.split("\n\n").filter(|case| !case.starts_with("# ")) {
        let mut lines = case.lines();
        let name = lines.next().unwrap();
        let lines: Vec<_> = lines.collect();
        let expected: Vec<_> = lines.iter().filter(|line| line.starts_with("> ")).copied().collect();
        assert_eq!(play(&lines), expected, "{name}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}
