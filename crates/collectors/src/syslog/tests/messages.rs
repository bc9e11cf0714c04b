use ingest::LogBatch;
use model::rows::LogLine;

use crate::deliver::Delivery;
use crate::deliver::tests::world::World;
use crate::syslog::record::{Envelope, Read, record};

fn show(line: &LogLine) -> String {
    let host = line.resource.as_ref().and_then(|resource| resource.get("host.name")).map_or("-", String::as_str);
    let attributes: Vec<String> = line.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let trace = line
        .trace_id
        .as_ref()
        .map_or(String::new(), |trace| format!(" {trace}/{}", line.span_id.as_deref().unwrap_or("-")));
    let number = line.severity_number.unwrap_or(0);
    let (ts, service, severity, body) = (line.ts, &line.service, &line.severity, &line.body);
    format!("{ts} {service} {severity} {number} {host} {body:?}{trace}\n  {}", attributes.join(" "))
}

/// The record of a message, and how well it was read.
async fn read(bytes: &[u8], cut: bool) -> (LogLine, Read) {
    let world = World::new().await;
    let (now, zone) = ("2026-01-02T00:00:00Z".parse().unwrap(), "+01:00".parse().unwrap());
    let mut batch = LogBatch::default();
    let read = record(&mut batch, bytes, &Envelope { peer: "192.0.2.9", now, zone: &zone, cut }).unwrap();
    let delivery = Delivery::new(&world.parts, "test", std::time::Duration::ZERO);
    delivery.deliver(batch.finish().unwrap().unwrap()).await.unwrap();
    (world.log.logs().remove(0), read)
}

#[tokio::test]
async fn messages_become_records() {
    let file = include_str!("messages.txt");
    let mut lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let mut cases = 0;
    while let Some(message) = lines.next() {
        let expected = format!("{}\n{}", lines.next().unwrap(), lines.next().unwrap());
        let (line, of) = read(message.as_bytes(), false).await;
        assert_eq!(show(&line), expected, "of {message}");
        assert_eq!(of, Read { lossy: false, unparsed: line.attributes.contains_key("syslog.problem") }, "{message}");
        cases += 1;
    }
    assert!(cases > 6, "{cases}");
}

#[tokio::test]
async fn what_is_not_utf_8_is_kept_as_far_as_it_is_text_and_said() {
    let (line, of) = read(b"<13>1 - h a - - - caf\xe9", false).await;
    assert_eq!((line.body.as_str(), of), ("caf\u{fffd}", Read { lossy: true, unparsed: false }));
    assert_eq!((line.attributes["text.lossy"].as_str(), line.attributes.get("text.cut")), ("true", None));
    let (line, _) = read(b"<13>1 - h a - - [text lossy=\"no\"] caf\xe9", false).await;
    assert_eq!(line.attributes["text.lossy"], "true", "what we say");
    let (line, _) = read(b"<13>1 - h a - - - the beginning", true).await;
    assert_eq!(line.attributes["text.cut"], "true");
}

#[tokio::test]
async fn structured_data_without_end_is_bounded() {
    let params: String = (0..5_000).map(|n| format!(" p{n}=\"v\"")).collect();
    let (line, _) = read(format!("<13>1 - h a - - [x{params}] text").as_bytes(), false).await;
    assert_eq!(line.attributes.len(), 256 + 3);
}
