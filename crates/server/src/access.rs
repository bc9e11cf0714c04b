//! Who may ask.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base::Secret;
use query::Rights;

use crate::api::ApiError;
use crate::{From, Intake, ServerConfig, ServerError, TokenConfig};

/// A shorter token could be guessed.
const MIN_TOKEN: usize = 16;
/// A longer one is none of ours.
const MAX_TOKEN: usize = 1_024;

/// The tokens.
#[derive(Debug)]
pub struct Gate(Vec<(Secret, Access)>);

/// What a request may see.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Who asks, as the configuration names the token.
    pub name: Arc<str>,
    /// The scopes that it is limited to.
    pub scopes: Option<Arc<[String]>>,
    /// What it may read in SQL.
    pub rights: Arc<Rights>,
}

impl Access {
    /// Refuses a token that is limited to scopes or tables what cannot be cut to them.
    pub fn unlimited(&self) -> Result<(), ApiError> {
        if self.rights.are_all() {
            return Ok(());
        }
        let message = "this token is limited to scopes or tables: it may ask /api/sql and /api/drift only";
        Err(ApiError::forbidden(message))
    }
}

impl Gate {
    /// Reads the tokens.
    pub fn new(config: &ServerConfig) -> Result<Self, ServerError> {
        let tokens = config.tokens.iter().map(admitted).collect::<Result<Vec<_>, _>>()?;
        let reached = [Some(config.listen), config.grpc_listen].into_iter().flatten();
        if let Some(listen) = reached.into_iter().find(|listen| !listen.ip().is_loopback())
            && tokens.is_empty()
            && !config.insecure
        {
            return Err(ServerError::Open { listen });
        }
        Ok(Self(tokens))
    }

    /// Whether everybody may ask.
    pub const fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Who asks; nobody if the token is none of ours.
    pub fn admit(&self, headers: &HeaderMap) -> Option<Access> {
        if self.is_open() {
            return Some(Access { name: "anyone".into(), ..Access::default() });
        }
        let given = token(headers.get(AUTHORIZATION)?.to_str().ok()?)?;
        // Every token is compared, so that the time tells nothing of which one is near.
        let found = self.0.iter().fold(None, |found, (secret, access)| {
            if same(secret.expose().as_bytes(), given.as_bytes()) { Some(access) } else { found }
        });
        found.cloned()
    }
}

/// Reads a token of the configuration.
fn admitted(token: &TokenConfig) -> Result<(Secret, Access), ServerError> {
    let name = token.name.clone();
    let secret = token.secret.resolve().map_err(|source| ServerError::Token { name: name.clone(), source })?;
    if secret.expose().len() < MIN_TOKEN {
        return Err(ServerError::Weak { name, min: MIN_TOKEN });
    }
    let rights = Rights::new(token.tables.as_deref(), token.scopes.as_deref());
    let rights = rights.map_err(|source| ServerError::Table { name: name.clone(), source })?.into();
    let scopes = token.scopes.as_ref().map(|scopes| scopes.as_slice().into());
    Ok((secret, Access { name: name.into(), scopes, rights }))
}

impl ServerConfig {
    /// All that [`crate::Server::bind`] would refuse of the tokens, of the certificate and of what others may post to,
    /// the address aside.
    pub fn problems<'a>(&self, intakes: impl IntoIterator<Item = (&'a String, &'a Intake)>) -> Vec<ServerError> {
        let mut problems: Vec<ServerError> = self.tokens.iter().filter_map(|token| admitted(token).err()).collect();
        problems.extend(self.tls.as_ref().and_then(|tls| tls.acceptor(&[]).err()));
        problems.extend(intakes.into_iter().filter_map(|(name, intake)| check(self, name, &intake.from).err()));
        problems
    }
}

/// Whether a request has that token.
pub fn bears(headers: &HeaderMap, secret: &Secret) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|header| token(header.to_str().ok()?));
    given.is_some_and(|given| same(secret.expose().as_bytes(), given.as_bytes()))
}

/// Refuses a token of an intake that is weak, and none where others than this machine can post.
pub fn check(config: &ServerConfig, name: &str, from: &From) -> Result<(), ServerError> {
    // Who signs says who it is.
    let From::Bearer(token) = from else { return Ok(()) };
    let problem = match token {
        Some(token) if token.expose().len() < MIN_TOKEN => format!("a token has at least {MIN_TOKEN} characters"),
        None if !config.listen.ip().is_loopback() && !config.insecure => {
            format!("needs a token, since {} can be reached from other machines", config.listen)
        }
        _ => return Ok(()),
    };
    Err(ServerError::Intake { name: name.to_owned(), problem })
}

/// The token of `Bearer TOKEN`, or the password of `Basic` (RFC 7617).
pub fn token(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if rest.len() > 2 * MAX_TOKEN {
        None
    } else if scheme.eq_ignore_ascii_case("bearer") {
        Some(rest.to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(base64(rest)?).ok()?;
        pair.split_once(':').map(|(_, password)| password.to_owned())
    } else {
        None
    }
}

/// Compares in a time that depends on the lengths only.
fn same(a: &[u8], b: &[u8]) -> bool {
    let differ = a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b));
    std::hint::black_box(differ) == 0 && a.len() == b.len()
}

/// The bytes of base64 text (RFC 4648, section 4), with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        let access = Access { name: "ci".into(), ..Access::default() };
        Gate(vec![(Secret::new("a-token-of-20-letters"), access)])
    }

    fn admit(header: &str) -> Option<Access> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().unwrap());
        gate().admit(&headers)
    }

    #[test]
    fn a_token_is_taken_as_bearer_and_as_a_password() {
        assert_eq!(&*admit("Bearer a-token-of-20-letters").unwrap().name, "ci");
        assert_eq!(&*admit("basic bWU6YS10b2tlbi1vZi0yMC1sZXR0ZXJz").unwrap().name, "ci");
    }

    #[test]
    fn everything_else_is_refused() {
        assert!(gate().admit(&HeaderMap::new()).is_none());
        let wrong = ["Bearer", "Bearer ", "Bearer a-token-of-20-letterz", "Bearer a-token-of-20-letters-more"];
        for header in wrong.into_iter().chain(["Basic !!", "Basic bWU6", "Digest a-token-of-20-letters", "Bearer a"]) {
            assert!(admit(header).is_none(), "{header}");
        }
        assert!(admit(&format!("Bearer {}", "x".repeat(10_000))).is_none());
    }

    #[test]
    fn base64_is_read_as_the_rfc_has_it() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(base64(text), Some(bytes.as_bytes().to_vec()));
        }
    }
}
