//! Headers that authorize, and what of them is secret.

use std::collections::BTreeMap;

use base::{Secret, SecretRef};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::plugin::BuildError;

/// A user with a password.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// The user's name.
    pub username: String,
    /// Where the password is.
    pub password: SecretRef,
}

/// What a configuration says of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Auth<'a> {
    pub bearer_token: Option<&'a SecretRef>,
    pub basic_auth: Option<&'a BasicAuth>,
    pub headers: Option<&'a BTreeMap<String, SecretRef>>,
}

/// Headers as they are collected, with every text that must not show.
#[derive(Default)]
struct Collected {
    headers: HeaderMap,
    secrets: Vec<Secret>,
}

impl Collected {
    fn add(&mut self, key: &'static str, name: HeaderName, value: String) -> Result<(), BuildError> {
        let mut header = HeaderValue::try_from(&value)
            .map_err(|_| BuildError::value(key, "it has characters that a header cannot have"))?;
        header.set_sensitive(true);
        self.secrets.push(Secret::new(value));
        if self.headers.insert(name, header).is_some() {
            return Err(BuildError::value(key, "the header that it sets is set twice"));
        }
        Ok(())
    }
}

/// What is sent with each request.
pub(crate) fn headers(auth: Auth<'_>) -> Result<(HeaderMap, Vec<Secret>), BuildError> {
    let mut all = Collected::default();
    for (name, secret) in auth.headers.into_iter().flatten() {
        let value = secret.resolve().map_err(BuildError::secret("headers"))?;
        let header = HeaderName::try_from(name)
            .map_err(|_| BuildError::value("headers", format!("`{name}` is no name of a header")))?;
        all.add("headers", header, value.expose().to_owned())?;
    }
    if let Some(secret) = auth.bearer_token {
        let token = secret.resolve().map_err(BuildError::secret("bearer_token"))?;
        all.add("bearer_token", AUTHORIZATION, format!("Bearer {}", token.expose()))?;
        all.secrets.push(token);
    }
    if let Some(BasicAuth { username, password }) = auth.basic_auth {
        let password = password.resolve().map_err(BuildError::secret("basic_auth"))?;
        let pair = base64(format!("{username}:{}", password.expose()).as_bytes());
        all.add("basic_auth", AUTHORIZATION, format!("Basic {pair}"))?;
        all.secrets.extend([Secret::new(pair), password]);
    }
    Ok((all.headers, all.secrets))
}

/// A header `Authorization` with a scheme and a secret, and what must not show of it.
pub(crate) fn key(key: &'static str, scheme: &str, secret: Secret) -> Result<(HeaderMap, Vec<Secret>), BuildError> {
    let mut all = Collected::default();
    all.add(key, AUTHORIZATION, format!("{scheme} {}", secret.expose()))?;
    all.secrets.push(secret);
    Ok((all.headers, all.secrets))
}

/// RFC 4648, 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, &byte| group << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = ALPHABET[(group >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfb]), "//77");
    }
}
