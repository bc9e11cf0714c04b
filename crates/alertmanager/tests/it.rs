#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "what goes wrong in a test ends it")]

//! Alertmanager's rules as cases: files under `cases`, written from what its documentation and source
//! say it does.

mod it {
    mod alerts;
    mod config;
    mod dedup;
    mod inhibition;
    mod intervals;
    mod matchers;
    mod parsers;
    mod routing;
    mod silences;
    mod templates;

    use alertmanager::Labels;
    use base::Timestamp;
    use serde::de::DeserializeOwned;

    /// The cases of a file.
    fn cases<T: DeserializeOwned>(file: &str) -> T {
        let path = format!("{}/tests/cases/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A time by its second; far from zero, so that times before it are times too.
    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + second)
    }

    /// Labels of `a=b c=d`.
    fn labels(text: &str) -> Labels {
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        text.split_whitespace().map(pair).collect()
    }
}
