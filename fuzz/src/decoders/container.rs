//! Lines of containers' logs: what was read and is written again reads the same.

use wire::container::{Line, cri, docker};
use wire::json::quoted;

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    seeds::lines("wire/tests/bodies/container.txt")
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    if let Ok(line) = cri(data) {
        let time = line.time.expect("a line of CRI has a time");
        let tag = if line.partial { "P" } else { "F" };
        let written = [format!("{time} {} {tag} ", line.stream).as_bytes(), &line.text].concat();
        assert_eq!(cri(&written), Ok(line));
    }
    if let Ok(line) = docker(data) {
        let text = std::str::from_utf8(&line.text).expect("JSON is text");
        let log = quoted(&format!("{text}{}", if line.partial { "" } else { "\r\n" }));
        let time = line.time.map_or(String::new(), |time| format!(",\"time\":\"{time}\""));
        let written = format!("{{\"log\":{log},\"stream\":{}{time}}}", quoted(&line.stream));
        if text.ends_with('\r') && line.partial {
            return; // a carriage return that nothing follows may be the end of the line
        }
        let again: Line<'_> = docker(written.as_bytes()).unwrap_or_else(|error| panic!("{error}: {written}"));
        assert_eq!(again, line);
    }
}
