//! Fitting texts to what a provider takes: cuts fall between characters, and sizes are those of
//! the JSON that is sent.

use std::collections::BTreeMap;

/// Ends a text that was cut.
const MARK: char = '…';

/// `text` in at most `max` characters, on one line and without control characters.
pub(crate) fn line(text: &str, max: usize) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut out: String = clean.take(max + 1).collect();
    if let Some((at, _)) = out.char_indices().nth(max) {
        out.truncate(at);
        out.pop();
        out.push(MARK);
    }
    out
}

/// Bytes of `c` within a JSON string as `serde_json` writes it.
const fn json_size(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if (c as u32) < 0x20 => 6,
        c => c.len_utf8(),
    }
}

/// One character as it counts where characters count.
pub(crate) const fn one(_: char) -> usize {
    1
}

/// What is left of a body or field; counts what had to be cut.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
    cut: u64,
    /// What a character takes.
    size: fn(char) -> usize,
    /// What a text takes beside its characters, and what is around it.
    around: (usize, usize),
}

impl Budget {
    /// Bytes of JSON: a text has its quotes, and a name, a colon and a comma around it.
    pub const fn new(bytes: usize) -> Self {
        Self { left: bytes, cut: 0, size: json_size, around: (2, 24) }
    }

    /// A text in which a character takes `size`; between its parts is a short name and a line end.
    pub const fn of(max: usize, size: fn(char) -> usize) -> Self {
        Self { left: max, cut: 0, size, around: (0, 16) }
    }

    /// Keeps so much free.
    pub const fn reserve(mut self, size: usize) -> Self {
        self.left = self.left.saturating_sub(size);
        self
    }

    /// How many texts were cut or left out.
    pub const fn cut(&self) -> u64 {
        self.cut
    }

    /// `text` so that it takes at most `max` (of JSON: with its quotes) and what is left; nothing if it is
    /// empty or has no room. Control characters but line ends and tabs become spaces.
    pub fn text(&mut self, text: &str, max: usize) -> Option<String> {
        let (mut size, mut out, limit) = (self.around.0, String::new(), max.min(self.left));
        let room = limit.saturating_sub((self.size)(MARK));
        let mut chars = text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c });
        let whole = chars.all(|c| {
            size += (self.size)(c);
            let fits = size <= room;
            if fits {
                out.push(c);
            }
            fits
        });
        if !whole {
            self.cut += 1;
            if out.is_empty() {
                return None;
            }
            out.push(MARK);
        }
        self.left = self.left.saturating_sub(size.min(limit) + self.around.1);
        if out.is_empty() { None } else { Some(out) }
    }

    /// The same for a text that may not be there.
    pub fn option(&mut self, text: Option<&String>, max: usize) -> Option<String> {
        text.and_then(|text| self.text(text, max))
    }

    /// As many of `labels` as fit, each value at most `max` bytes.
    pub fn labels(&mut self, labels: &BTreeMap<String, String>, count: usize, max: usize) -> BTreeMap<String, String> {
        self.cut += labels.len().saturating_sub(count) as u64;
        let pair = |(name, value): (&String, &String)| Some((self.text(name, 128)?, self.text(value, max)?));
        labels.iter().take(count).filter_map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_characters_and_has_no_control_characters() {
        for (text, max, expected) in [
            ("größe", 5, "größe"),
            ("größen", 5, "größ…"),
            (" a\nb\u{0} ", 10, "a b"),
            ("", 3, ""),
            ("\u{1F525}\u{1F525}\u{1F525}", 2, "\u{1F525}…"),
        ] {
            assert_eq!(line(text, max), expected);
        }
    }

    #[test]
    fn a_text_never_takes_more_json_than_allowed() {
        for text in ["plain text", "größe\u{1F525}", "\"\\\n\t\u{1}\u{7f}", &"ß\"".repeat(500)] {
            for max in 0..60 {
                let mut budget = Budget::new(1000);
                if let Some(fitted) = budget.text(text, max) {
                    let size = serde_json::to_string(&fitted).unwrap().len();
                    assert!(size <= max, "{text:?} in {max}: {fitted:?} takes {size}");
                    assert_eq!(budget.cut() == 0, !fitted.ends_with(MARK));
                }
            }
        }
    }

    #[test]
    fn where_characters_count_only_they_do() {
        let mut budget = Budget::of(100, one).reserve(10);
        assert_eq!(budget.text("größe\u{1F525}\"", 7).as_deref(), Some("größe\u{1F525}…"));
        assert_eq!(budget.text(&"ß".repeat(200), 200).map(|text| text.chars().count()), Some(67));
    }

    #[test]
    fn a_budget_that_is_spent_gives_nothing_and_counts() {
        let mut budget = Budget::new(40);
        assert!(budget.text("0123456789", 100).is_some());
        assert_eq!((budget.text("x", 100), budget.cut()), (None, 1));
        assert_eq!((budget.text("", 100), budget.cut()), (None, 1), "nothing is no loss");
    }
}
