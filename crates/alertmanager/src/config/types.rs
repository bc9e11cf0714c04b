//! What values of the configuration are: durations, addresses, secrets.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::settings::Setting;

/// What stands for a secret where a configuration is shown.
pub(crate) const HIDDEN: &str = "<secret>";

/// A secret: printed and written as `<secret>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(base::Secret);

/// An http or https URL that is a secret, or a template of one.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(base::Secret);

/// An http or https URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

/// Where a proxy is, of any scheme. It may have a password, which is shown nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ProxyUrl(String);

/// A duration in Prometheus' notation: `1h30m`, `1d`, `0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A duration in Go's notation: `1.5h`, `10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoSpan(pub Duration);

/// `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct HostPort {
    /// The host; may be empty.
    pub host: String,
    /// The port, a number or a service's name.
    pub port: String,
}

impl Setting for Span {}
impl Setting for GoSpan {}
impl Setting for Url {}

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(base::Secret::new(text))
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl SecretUrl {
    /// The URL, for the one place that uses it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl From<&Url> for SecretUrl {
    fn from(url: &Url) -> Self {
        Self(base::Secret::new(url.as_str()))
    }
}

impl Url {
    /// It, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With a slash at the end of its path.
    pub(crate) fn with_slash(mut self) -> Self {
        if !self.0.contains('?') && !self.0.ends_with('/') {
            self.0.push('/');
        }
        self
    }
}

impl ProxyUrl {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn shown(&self) -> String {
        match url::Url::parse(&self.0) {
            Ok(url) if url.password().is_some() => without_password(url),
            Ok(url) if url.has_host() => self.0.clone(),
            // What is before the sign may be a password, whatever the rest is.
            _ if self.0.contains('@') => HIDDEN.to_owned(),
            _ => self.0.clone(),
        }
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Serialize for ProxyUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

impl From<&str> for Url {
    /// Of one that is known to be right.
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

macro_rules! hidden {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(HIDDEN)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(HIDDEN)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(HIDDEN)
            }
        }
    )*};
}

hidden!(Secret SecretUrl);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // What was shown can be read again.
        if text != HIDDEN && !text.contains("{{") {
            check_url(&text).map_err(de::Error::custom)?;
        }
        Ok(Self(base::Secret::new(text)))
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        check_url(&text).map_err(de::Error::custom)?;
        Ok(Self(text))
    }
}

/// Says what is wrong with a URL, without it: it may be a secret.
fn check_url(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("unsupported scheme \"{}\" for URL", url.scheme()));
    }
    if url.host_str().is_none_or(str::is_empty) { Err("missing host for URL".to_owned()) } else { Ok(()) }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match url::Url::parse(&self.0) {
            Ok(url) if url.password().is_some() => serializer.serialize_str(&without_password(url)),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

/// As Go's URL prints it: with a password hidden.
fn without_password(mut url: url::Url) -> String {
    let _ = url.set_password(Some("xxxxx"));
    url.into()
}

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl Span {
    /// Reads a duration.
    ///
    /// # Errors
    /// If it is none: units from years to milliseconds, each at most once and in this order.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("not a valid duration string: \"{text}\"");
        if text.is_empty() {
            return Err("empty duration string".to_owned());
        }
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let (mut rest, mut units, mut total) = (text, UNITS.iter(), 0_u64);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0).ok_or_else(bad)?;
            let (number, after) = rest.split_at(digits);
            let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            let (_, millis) = units.find(|(name, _)| *name == unit).ok_or_else(bad)?;
            let value = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*millis));
            total = value.and_then(|value| total.checked_add(value)).ok_or("duration out of range")?;
            rest = after;
        }
        // As many nanoseconds as 64 bits with a sign hold.
        if total > i64::MAX as u64 / 1_000_000 {
            return Err("duration out of range".to_owned());
        }
        Ok(Self(Duration::from_millis(total)))
    }
}

impl fmt::Display for Span {
    /// As Prometheus prints it; years and weeks only where nothing smaller is left.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, millis) in UNITS {
            let only_exact = matches!(unit, "y" | "w");
            if rest >= millis && (!only_exact || rest % millis == 0) {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl GoSpan {
    /// Reads a duration.
    ///
    /// # Errors
    /// If it is none, or negative.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("invalid duration \"{text}\"");
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let mut total = 0.0;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(bad)?;
            let (number, after) = rest.split_at(end);
            let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            let seconds = match unit {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" | "μs" => 1e-6,
                "ns" => 1e-9,
                _ => return Err(bad()),
            };
            total += number.parse::<f64>().map_err(|_| bad())? * seconds;
            rest = after;
        }
        if text.is_empty() || total > 9.2e9 { Err(bad()) } else { Ok(Self(Duration::from_secs_f64(total))) }
    }
}

impl From<Duration> for GoSpan {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl Serialize for GoSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", self.0.as_secs_f64()))
    }
}

impl<'de> Deserialize<'de> for GoSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl HostPort {
    fn parse(text: &str) -> Result<Self, String> {
        let missing = || format!("address {text}: missing port in address");
        let (host, port) = text.rsplit_once(':').ok_or_else(missing)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bare.is_none() && host.contains([':', '[', ']']) {
            return Err(format!("address {text}: too many colons in address"));
        }
        if port.is_empty() {
            return Err(format!("address \"{text}\": port cannot be empty"));
        }
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port: port.to_owned() })
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_prometheus_has_them() {
        for (text, printed) in [
            ("30s", "30s"),
            ("1h30m", "1h30m"),
            ("90m", "1h30m"),
            ("7d", "1w"),
            ("8d", "8d"),
            ("0", "0s"),
            ("1y", "1y"),
            ("1500ms", "1s500ms"),
        ] {
            assert_eq!(Span::parse(text).unwrap().to_string(), printed, "{text}");
        }
        for bad in ["", "5", "m", "1m1h", "1m1m", "-1s", "1.5h", "1x", "99999999999y"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_read_as_go_has_them() {
        assert_eq!(GoSpan::parse("1m30.5s").unwrap().0, Duration::from_millis(90_500));
        for bad in ["", "5", "1d", "-1s", "1..5s"] {
            assert!(GoSpan::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_have_a_port() {
        assert_eq!(HostPort::parse("[::1]:25").unwrap().to_string(), "[::1]:25");
        assert_eq!(HostPort::parse(":25").unwrap().port, "25");
        for bad in ["mail", "mail:", "::1:25", ""] {
            assert!(HostPort::parse(bad).is_err(), "{bad}");
        }
    }
}
