use std::path::PathBuf;
use std::time::Duration;

use base::SecretRef;
use serde::Deserialize;

use crate::StoreError;

/// A bucket of an object store that speaks S3's protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// The bucket; it is there already.
    pub bucket: String,
    /// What the names of all objects begin with, such as `steadfast/prod`. Two installations that
    /// share a bucket need two.
    pub prefix: String,
    /// The region; without it the environment's `AWS_REGION`, else `us-east-1`.
    pub region: Option<String>,
    /// Where the server is, such as `https://minio.example.org:9000`; without it AWS.
    pub endpoint: Option<String>,
    /// Whether the endpoint may be `http://`: then what is sent can be read on the way.
    pub allow_http: bool,
    /// The bucket is a part of the host's name, not of the path.
    pub virtual_hosted_style: bool,
    /// The access key. Without it, the credentials are those of the environment (`AWS_ACCESS_KEY_ID`
    /// and others), the container, a web identity, or the instance's role.
    pub access_key_id: Option<SecretRef>,
    /// The key's secret.
    pub secret_access_key: Option<SecretRef>,
    /// The token of a key that is valid for a session.
    pub session_token: Option<SecretRef>,
    /// A file in PEM with authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a request may take, its body included.
    #[serde(with = "base::duration")]
    pub timeout: Duration,
    /// How long a connection may take.
    #[serde(with = "base::duration")]
    pub connect_timeout: Duration,
    /// How often a request that failed is made again, with growing pauses.
    pub retries: usize,
    /// After this time it is not made again.
    #[serde(with = "base::duration")]
    pub retry_for: Duration,
    /// Bytes of files that are kept in memory, so that they need not be fetched again.
    pub cache_bytes: usize,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            prefix: String::new(),
            region: None,
            endpoint: None,
            allow_http: false,
            virtual_hosted_style: false,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            ca_file: None,
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            retries: 3,
            retry_for: Duration::from_secs(30),
            cache_bytes: 128 << 20,
        }
    }
}

/// The longest prefix; with the longest name of ours it is far below S3's 1,024 bytes.
const PREFIX_BYTES: usize = 512;
const LONGEST: Duration = Duration::from_secs(600);

impl S3Config {
    /// Finds settings that make no sense.
    ///
    /// # Errors
    /// [`StoreError::Config`], which names the field.
    pub fn check(&self) -> Result<(), StoreError> {
        let wrong = |field, problem: &str| Err(StoreError::Config { field, problem: problem.to_owned() });
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        if !(3..=63).contains(&self.bucket.len()) || !self.bucket.chars().all(legal) {
            return wrong("s3.bucket", "a bucket's name is 3 to 63 small letters, digits, dots and hyphens");
        }
        let in_prefix = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        let empty_part = !self.prefix.is_empty() && self.prefix.trim_end_matches('/').split('/').any(str::is_empty);
        if self.prefix.len() > PREFIX_BYTES || !self.prefix.chars().all(in_prefix) || empty_part {
            return wrong("s3.prefix", "letters, digits, dots, - and _, in parts between slashes; 512 bytes at most");
        }
        if let Some(endpoint) = &self.endpoint {
            let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            let Some(host) = host.filter(|host| !host.is_empty()) else {
                return wrong("s3.endpoint", "it begins with https:// or http://");
            };
            if host.contains(['@', '?', '#', ' ']) {
                return wrong("s3.endpoint", "only a host, a port and a path: credentials have settings of their own");
            }
            if endpoint.starts_with("http://") && !self.allow_http {
                return wrong("s3.endpoint", "http:// sends everything in the open; set allow_http if that is meant");
            }
        }
        if self.access_key_id.is_some() != self.secret_access_key.is_some() {
            return wrong("s3.access_key_id", "it and secret_access_key are set together, or neither");
        }
        if self.session_token.is_some() && self.access_key_id.is_none() {
            return wrong("s3.session_token", "it belongs to an access_key_id");
        }
        if [self.timeout, self.connect_timeout].iter().any(|time| time.is_zero() || *time > LONGEST) {
            return wrong("s3.timeout", "it and connect_timeout are above zero and at most 10m");
        }
        // A request keeps its signature while it is repeated, and that is valid for some minutes only.
        if self.retry_for > Duration::from_secs(240) || self.retries > 20 {
            return wrong("s3.retry_for", "at most 4m, and at most 20 retries");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        type Change = fn(&mut S3Config);
        let good = r#""bucket": "telemetry", "endpoint": "https://s3.example.org""#;
        let read = |more: &str| serde_json::from_str::<S3Config>(&format!("{{{good}{more}}}")).unwrap();
        read("").check().unwrap();
        let with = |change: Change| {
            let mut config = read("");
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        let cases: [(Change, &str); 10] = [
            (|config| config.bucket.clear(), "store.s3.bucket"),
            (|config| config.bucket = "A/b".to_owned(), "store.s3.bucket"),
            (|config| config.prefix = "a//b".to_owned(), "store.s3.prefix"),
            (|config| config.prefix = "a?b".to_owned(), "store.s3.prefix"),
            (|config| config.endpoint = Some("s3.example.org".to_owned()), "store.s3.endpoint"),
            (|config| config.endpoint = Some("http://s3.example.org".to_owned()), "allow_http"),
            (|config| config.endpoint = Some("https://key:secret@s3.example.org".to_owned()), "store.s3.endpoint"),
            (|config| config.access_key_id = Some(SecretRef::Env("KEY".to_owned())), "secret_access_key"),
            (|config| config.timeout = Duration::ZERO, "store.s3.timeout"),
            (|config| config.retry_for = Duration::from_secs(3_600), "store.s3.retry_for"),
        ];
        for (change, named) in cases {
            let error = with(change);
            assert!(error.contains(named) && !error.contains("key:secret"), "{named}: {error}");
        }
    }

    #[test]
    fn a_secret_in_the_text_is_refused() {
        let text = r#"{"bucket": "telemetry", "secret_access_key": "hunter2"}"#;
        assert!(serde_json::from_str::<S3Config>(text).is_err());
    }
}
