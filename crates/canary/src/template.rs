//! Names in queries that stand for something.

use std::time::Duration;

/// Where the arm's label matchers go.
pub(crate) const ARM: &str = "$arm";
/// Where the interval goes.
pub(crate) const INTERVAL: &str = "$interval";

/// A query in which names are filled in, and where its parts were.
pub(crate) struct Filled {
    pub text: String,
    /// Of each part: where it begins here, where it began, and whether it was filled in.
    parts: Vec<(usize, usize, bool)>,
}

/// Fills in what there is to fill in: names, each with what stands for it.
pub(crate) fn fill(query: &str, names: &[(&str, &str)]) -> Filled {
    let (mut text, mut parts, mut at) = (String::new(), Vec::new(), 0);
    while let Some(rest) = query.get(at..).filter(|rest| !rest.is_empty()) {
        let next = names
            .iter()
            .filter_map(|(name, value)| Some((rest.find(name)?, name, value)))
            .min_by_key(|(place, ..)| *place);
        let Some((place, name, value)) = next else {
            parts.push((text.len(), at, false));
            text.push_str(rest);
            break;
        };
        parts.push((text.len(), at, false));
        text.push_str(&rest[..place]);
        parts.push((text.len(), at + place, true));
        text.push_str(value);
        at += place + name.len();
    }
    Filled { text, parts }
}

impl Filled {
    /// Where in the query something stood that is at that byte now.
    pub(crate) fn origin(&self, byte: usize) -> usize {
        let part = self.parts.iter().rev().find(|(here, ..)| *here <= byte);
        part.map_or(byte, |(here, before, filled)| if *filled { *before } else { before + byte - here })
    }
}

/// As PromQL writes it.
pub(crate) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_has_its_place_in_what_was_written() {
        let query = "rate(x{a=\"b\", $arm}[$interval]) >";
        let (minute, short) = (duration(Duration::from_secs(60)), duration(Duration::from_millis(1500)));
        let filled = fill(query, &[(ARM, "version=\"v1\""), (INTERVAL, minute.as_str())]);
        assert_eq!(filled.text, "rate(x{a=\"b\", version=\"v1\"}[60s]) >");
        let of = |text: &str| filled.text.find(text).unwrap();
        assert_eq!(filled.origin(of("version")), query.find(ARM).unwrap());
        assert_eq!(filled.origin(of("v1")), query.find(ARM).unwrap());
        assert_eq!(filled.origin(of("60s")), query.find(INTERVAL).unwrap());
        assert_eq!(filled.origin(filled.text.len()), query.len());
        assert_eq!(filled.origin(2), 2);
        assert_eq!(fill("x", &[]).origin(0), 0);
        assert_eq!(fill("$interval", &[(INTERVAL, short.as_str())]).text, "1500ms");
    }
}
