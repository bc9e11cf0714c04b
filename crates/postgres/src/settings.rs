//! What can be set in a session. Little of it changes anything: answers are always in UTF-8, UTC and
//! ISO's format, which all clients read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Limit;
use query::POSTGRES_VERSION;

use crate::failure::Failure;

/// Bytes of names and values that a session may set.
const SIZE: Limit = Limit::new("postgres.settings_bytes", 64 << 10);

/// What no client can change; what may be set to something else without harm is left as it is.
const FIXED: &[(&str, &str)] = &[
    ("server_version", POSTGRES_VERSION),
    ("server_version_num", "160006"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("datestyle", "ISO, MDY"),
    ("intervalstyle", "postgres"),
    ("timezone", "UTC"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
    ("bytea_output", "hex"),
    ("is_superuser", "off"),
    ("in_hot_standby", "off"),
    ("transaction_read_only", "on"),
    ("default_transaction_read_only", "on"),
    ("transaction_isolation", "read committed"),
    ("default_transaction_isolation", "read committed"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
];

/// What clients set and may read again.
const FREE: &[(&str, &str)] = &[
    ("application_name", ""),
    ("search_path", "\"$user\", public"),
    ("extra_float_digits", "1"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("client_min_messages", "notice"),
    ("row_security", "on"),
    ("jit", "off"),
    ("work_mem", "4MB"),
    ("geqo", "on"),
    ("synchronous_commit", "on"),
    ("default_transaction_deferrable", "off"),
    ("transaction_deferrable", "off"),
    ("check_function_bodies", "on"),
    ("escape_string_warning", "on"),
    ("backslash_quote", "safe_encoding"),
    ("xmloption", "content"),
    ("lc_messages", "C"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("lc_collate", "C"),
    ("lc_ctype", "C"),
    ("default_text_search_config", "simple"),
    ("cursor_tuple_fraction", "0.1"),
    ("max_parallel_workers_per_gather", "0"),
    ("enable_seqscan", "on"),
    ("enable_indexscan", "on"),
    ("enable_hashjoin", "on"),
    ("enable_nestloop", "on"),
    ("enable_mergejoin", "on"),
    ("log_statement", "none"),
    ("quote_all_identifiers", "off"),
    ("default_tablespace", ""),
    ("default_table_access_method", "heap"),
];

/// What a client is told of at its start and at each change.
const REPORTED: &[(&str, &str)] = &[
    ("server_version", "server_version"),
    ("server_encoding", "server_encoding"),
    ("client_encoding", "client_encoding"),
    ("application_name", "application_name"),
    ("default_transaction_read_only", "default_transaction_read_only"),
    ("in_hot_standby", "in_hot_standby"),
    ("is_superuser", "is_superuser"),
    ("session_authorization", "session_authorization"),
    ("datestyle", "DateStyle"),
    ("intervalstyle", "IntervalStyle"),
    ("timezone", "TimeZone"),
    ("integer_datetimes", "integer_datetimes"),
    ("standard_conforming_strings", "standard_conforming_strings"),
    ("search_path", "search_path"),
];

/// The settings of a session.
#[derive(Clone, Debug)]
pub struct Settings {
    values: Arc<BTreeMap<String, String>>,
    /// What they were when the session began.
    initial: Arc<BTreeMap<String, String>>,
}

impl Settings {
    /// Those of `user`, with what the client asked for at its start.
    ///
    /// # Errors
    /// If it asks for what is not to be had, such as another encoding.
    pub fn new(user: &str, asked: &[(String, String)]) -> Result<Self, Failure> {
        let known = FIXED.iter().chain(FREE).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut values: BTreeMap<String, String> = known.collect();
        values.insert("session_authorization".to_owned(), user.to_owned());
        let values = Arc::new(values);
        let mut settings = Self { initial: Arc::clone(&values), values };
        for (name, value) in asked {
            settings.set(&name.to_lowercase(), Some(value))?;
        }
        settings.initial = Arc::clone(&settings.values);
        Ok(settings)
    }

    /// All of them, by name.
    pub const fn values(&self) -> &Arc<BTreeMap<String, String>> {
        &self.values
    }

    /// One of them.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> Result<&str, Failure> {
        self.values.get(name).map(String::as_str).ok_or_else(|| unknown(name))
    }

    /// Sets one, or to its default; gives what the client has to be told.
    ///
    /// # Errors
    /// If there is none of that name, or it cannot be that.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<Option<(&'static str, String)>, Failure> {
        let value = match value.or_else(|| self.initial.get(name).map(String::as_str)) {
            Some(value) => value.to_owned(),
            None => String::new(),
        };
        if let Some((_, fixed)) = FIXED.iter().find(|(fixed, _)| *fixed == name) {
            unchanged(name, &value)?;
            return Ok(reported(name).map(|reported| (reported, (*fixed).to_owned())));
        }
        if name.ends_with("_timeout") {
            timeout(name, &value)?;
        }
        // A name with a dot is the client's own.
        if !self.values.contains_key(name) && !name.contains('.') || name == "session_authorization" {
            return Err(unknown(name));
        }
        let size = self.values.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        SIZE.check((size + name.len() + value.len()) as u64)?;
        Arc::make_mut(&mut self.values).insert(name.to_owned(), value.clone());
        Ok(reported(name).map(|name| (name, value)))
    }

    /// Sets all of them to what they were at the start.
    pub fn reset(&mut self) {
        self.values = Arc::clone(&self.initial);
    }

    /// What the client is told at its start.
    pub fn reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        REPORTED.iter().filter_map(|(name, reported)| Some((*reported, self.values.get(*name)?.as_str())))
    }

    /// What a statement may take, if the session says so.
    pub fn statement_timeout(&self) -> Option<Duration> {
        let text = self.values.get("statement_timeout")?;
        timeout("statement_timeout", text).ok().filter(|limit| !limit.is_zero())
    }
}

fn reported(name: &str) -> Option<&'static str> {
    REPORTED.iter().find(|(reported, _)| *reported == name).map(|(_, reported)| *reported)
}

fn unknown(name: &str) -> Failure {
    Failure::new("42704", format!("unrecognized configuration parameter \"{name}\""))
}

/// Refuses what would be relied upon.
fn unchanged(name: &str, value: &str) -> Result<(), Failure> {
    let plain: String = value.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let fits = match name {
        "client_encoding" => matches!(plain.as_str(), "utf8" | "unicode"),
        "standard_conforming_strings" => matches!(plain.as_str(), "on" | "true" | "1" | "yes"),
        "server_version"
        | "server_version_num"
        | "server_encoding"
        | "integer_datetimes"
        | "is_superuser"
        | "in_hot_standby"
        | "max_identifier_length"
        | "max_index_keys" => {
            return Err(Failure::new("55P02", format!("parameter \"{name}\" cannot be changed")));
        }
        _ => true,
    };
    let refused = || Failure::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""));
    if fits { Ok(()) } else { Err(refused()) }
}

/// Milliseconds, unless there is a unit.
fn timeout(name: &str, text: &str) -> Result<Duration, Failure> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let per = match unit.trim() {
        "" | "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let millis = number.parse::<u64>().ok().zip(per).and_then(|(number, per)| number.checked_mul(per));
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| Failure::new("22023", format!("invalid value for parameter \"{name}\": \"{text}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown_and_reset() {
        let asked = [("application_name".to_owned(), "psql".to_owned())];
        let mut settings = Settings::new("ann", &asked).unwrap();
        assert_eq!(settings.get("application_name").unwrap(), "psql");
        let told = settings.set("application_name", Some("x")).unwrap();
        assert_eq!(told, Some(("application_name", "x".to_owned())));
        settings.set("my.own", Some("1")).unwrap();
        settings.reset();
        assert_eq!(settings.get("application_name").unwrap(), "psql");
        assert!(settings.get("my.own").is_err());
        assert!(settings.reported().any(|told| told == ("session_authorization", "ann")));
    }

    #[test]
    fn what_answers_do_not_follow_is_not_pretended() {
        let mut settings = Settings::new("ann", &[]).unwrap();
        assert_eq!(settings.set("timezone", Some("Europe/Berlin")).unwrap(), Some(("TimeZone", "UTC".to_owned())));
        assert_eq!(settings.get("timezone").unwrap(), "UTC");
        for (name, value, code) in [
            ("client_encoding", "LATIN1", "22023"),
            ("standard_conforming_strings", "off", "22023"),
            ("server_version", "9", "55P02"),
            ("statment_timeout", "1", "42704"),
            ("nope", "1", "42704"),
            ("session_authorization", "root", "42704"),
            ("statement_timeout", "soon", "22023"),
        ] {
            assert_eq!(settings.set(name, Some(value)).unwrap_err().code, code, "{name}");
        }
        for encoding in ["UTF8", "utf-8", "'UNICODE'"] {
            assert!(settings.set("client_encoding", Some(encoding)).is_ok(), "{encoding}");
        }
        let much = "x".repeat(70_000);
        assert_eq!(settings.set("my.own", Some(&much)).unwrap_err().code, "54000");
    }

    #[test]
    fn a_statement_timeout_is_in_milliseconds_unless_it_says() {
        let mut settings = Settings::new("ann", &[]).unwrap();
        assert_eq!(settings.statement_timeout(), None);
        for (text, millis) in [("250", 250), ("2s", 2_000), ("1min", 60_000)] {
            settings.set("statement_timeout", Some(text)).unwrap();
            assert_eq!(settings.statement_timeout(), Some(Duration::from_millis(millis)));
        }
    }
}
