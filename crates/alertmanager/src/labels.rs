//! Label sets, and the fingerprint by which Prometheus names one.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A label set: names to values, sorted by name. A missing label and an empty one mean the same.
pub type Labels = BTreeMap<String, String>;

/// The name of the label that says what an alert is called.
pub const ALERTNAME: &str = "alertname";

/// What identifies a label set: 64 bits, shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

/// The fingerprint of a label set: FNV-1a (64 bits) over each name and value in order of the names,
/// each followed by a byte 0xff, which is in no UTF-8 text. As `Fingerprint` of prometheus/common.
pub fn fingerprint(labels: &Labels) -> Fingerprint {
    let mut hash = Fnv::default();
    for (name, value) in labels {
        hash.text(name);
        hash.text(value);
    }
    Fingerprint(hash.0)
}

/// The value of a label; empty if it is not there.
pub fn value<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).map(String::as_str).unwrap_or_default()
}

/// Which label set is listed first, as `Before` of prometheus/common: the smaller one; of two of one size that which
/// lacks the first name that not both have; then the one with the smaller value.
pub(crate) fn compare(a: &Labels, b: &Labels) -> Ordering {
    let pairs = || a.iter().zip(b).map(|(a, b)| b.0.cmp(a.0).then_with(|| a.1.cmp(b.1)));
    a.len().cmp(&b.len()).then_with(|| pairs().find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
}

/// FNV-1a, 64 bits.
pub(crate) struct Fnv(pub(crate) u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds a text and the byte that ends it.
    pub(crate) fn text(&mut self, text: &str) {
        text.bytes().chain([0xff]).for_each(|byte| {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        });
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is not 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fingerprint: 16 hexadecimal digits")]
pub struct NotAFingerprint(String);

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parsed = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        parsed.map(Self).ok_or_else(|| NotAFingerprint(text.to_owned()))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_fingerprint_is_fnv_1a_with_separators() {
        // FNV-1a of nothing is its offset basis.
        assert_eq!(fingerprint(&Labels::new()).to_string(), "cbf29ce484222325");
        let by_hand = b"a\xffb\xff"
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        assert_eq!(fingerprint(&labels(&[("a", "b")])), Fingerprint(by_hand));
    }

    #[test]
    fn a_fingerprint_is_that_of_prometheus() {
        // `TestLabelsToSignature` of prometheus/common.
        let it = labels(&[("name", "garland, briggs"), ("fear", "love is not enough")]);
        assert_eq!(fingerprint(&it), Fingerprint(5_799_056_148_416_392_346));
    }

    #[test]
    fn where_a_name_ends_counts() {
        assert_ne!(fingerprint(&labels(&[("ab", "c")])), fingerprint(&labels(&[("a", "bc")])));
    }

    #[test]
    fn fewer_labels_come_first_then_who_lacks_a_name_then_values() {
        let sets = [
            labels(&[]),
            labels(&[("z", "9")]),
            // It lacks `a`, so it is before those that have it.
            labels(&[("b", "1"), ("c", "1")]),
            labels(&[("a", "1"), ("c", "1")]),
            labels(&[("a", "1"), ("b", "1")]),
            labels(&[("a", "1"), ("b", "2")]),
            labels(&[("a", "2"), ("b", "1")]),
        ];
        for (n, a) in sets.iter().enumerate() {
            for (m, b) in sets.iter().enumerate() {
                assert_eq!(compare(a, b), n.cmp(&m), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_fingerprint_reads_as_it_prints() {
        let it = fingerprint(&labels(&[("alertname", "Down")]));
        assert_eq!(it.to_string().parse::<Fingerprint>(), Ok(it));
        assert!("00".parse::<Fingerprint>().is_err());
        assert!("+000000000000001".parse::<Fingerprint>().is_err());
    }
}
