//! Who may ask: SCRAM-SHA-256 (RFC 5802, RFC 7677), so that no password is ever sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{DigestKey, Secret};
use pgwire::api::auth::Password;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramServerAuth, gen_salted_password};
use query::Rights;

use crate::failure::Failure;
use crate::request::{self, Request};
use crate::wire::{Ended, Wire};
use crate::{PostgresConfig, PostgresError, UserConfig};

/// A shorter password could be guessed.
const MIN_PASSWORD: usize = 16;
const MECHANISM: &str = "SCRAM-SHA-256";

/// A token of the HTTP port, which is a user here.
#[derive(Clone, Debug)]
pub struct Token {
    /// Who has it.
    pub name: String,
    /// The token.
    pub secret: Secret,
    /// What may be read with it.
    pub rights: Rights,
}

/// Who was let in.
#[derive(Clone, Debug)]
pub struct Caller {
    pub name: Arc<str>,
    pub rights: Arc<Rights>,
}

/// The users.
#[derive(Debug)]
pub struct Users {
    users: BTreeMap<String, User>,
    /// For the salts of users that there are not.
    key: DigestKey,
}

#[derive(Debug)]
struct User {
    password: Password,
    rights: Arc<Rights>,
}

/// Reads a user of the configuration.
fn known(user: &UserConfig) -> Result<Token, PostgresError> {
    let name = user.name.clone();
    let secret = user.secret.resolve().map_err(|source| PostgresError::Secret { name: name.clone(), source })?;
    if secret.expose().len() < MIN_PASSWORD {
        return Err(PostgresError::Weak { name, min: MIN_PASSWORD });
    }
    let rights = Rights::new(user.tables.as_deref(), user.scopes.as_deref());
    let rights = rights.map_err(|source| PostgresError::Table { name: name.clone(), source })?;
    Ok(Token { name, secret, rights })
}

impl PostgresConfig {
    /// All that [`crate::Server::bind`] would refuse of the users, where `tokens` are users, too.
    pub fn problems<'a>(&'a self, tokens: impl IntoIterator<Item = &'a str>) -> Vec<PostgresError> {
        let mut problems: Vec<PostgresError> = self.users.iter().filter_map(|user| known(user).err()).collect();
        let mut names = BTreeSet::new();
        let all = tokens.into_iter().chain(self.users.iter().map(|user| user.name.as_str()));
        problems.extend(all.filter(|name| !names.insert(*name)).map(|name| PostgresError::Twice(name.to_owned())));
        problems
    }
}

impl Users {
    /// Reads the passwords.
    pub fn new(config: &PostgresConfig, tokens: Vec<Token>, key: DigestKey) -> Result<Self, PostgresError> {
        let mut users = BTreeMap::new();
        let mut all = tokens;
        for user in &config.users {
            all.push(known(user)?);
        }
        for Token { name, secret, rights } in all {
            let salt = salt(&key, &name);
            let salted = gen_salted_password(secret.expose(), &salt, SCRAM_ITERATIONS);
            let user = User { password: Password::new(Some(salt), salted), rights: Arc::new(rights) };
            if users.insert(name.clone(), user).is_some() {
                return Err(PostgresError::Twice(name));
            }
        }
        Ok(Self { users, key })
    }

    /// Lets `name` in once it has proved to know its password, with its rights; everybody, to everything, if there
    /// are no users.
    pub async fn admit(&self, wire: &mut Wire, name: &str) -> Result<Arc<Rights>, Ended> {
        let rights = if self.users.is_empty() { Arc::default() } else { self.proved(wire, name).await? };
        wire.reply.authentication(0, &[]);
        Ok(rights)
    }

    async fn proved(&self, wire: &mut Wire, name: &str) -> Result<Arc<Rights>, Ended> {
        let wrong = || Failure::fatal("28P01", format!("password authentication failed for user \"{name}\""));
        wire.reply.authentication(10, format!("{MECHANISM}\0\0").as_bytes());
        let (mechanism, first) = request::initial_proof(&answer(wire).await?)?;
        if mechanism != MECHANISM {
            return Err(Failure::protocol(format!("this server takes {MECHANISM} only")).into());
        }
        // A user that there is not is asked all the same, so that nobody learns who there is.
        let known = self.users.get(name);
        let password = known.map_or_else(|| self.nobody(name), |user| user.password.clone());
        let challenge = ScramServerAuth::new().on_client_first_message(&first, password);
        let (challenge, proof) = challenge.map_err(|_| Failure::protocol("malformed SCRAM message"))?;
        wire.reply.authentication(11, challenge.as_bytes());
        let verified = proof.on_client_final_message(&answer(wire).await?).map_err(|_| wrong())?;
        match known {
            None => Err(wrong().into()),
            Some(user) => {
                wire.reply.authentication(12, verified.as_bytes());
                Ok(Arc::clone(&user.rights))
            }
        }
    }

    /// A password that nobody has.
    fn nobody(&self, name: &str) -> Password {
        let secret = self.key.digest(format!("nobody {name}").as_bytes());
        Password::new(Some(salt(&self.key, name)), secret.into_bytes())
    }
}

/// The same each time for a name, as it would be for a stored password.
fn salt(key: &DigestKey, name: &str) -> Vec<u8> {
    key.digest(format!("salt {name}").as_bytes()).into_bytes().into_iter().rev().take(16).collect()
}

async fn answer(wire: &mut Wire) -> Result<Vec<u8>, Ended> {
    wire.flush().await?;
    match wire.early().await? {
        Request::Password(bytes) => Ok(bytes),
        Request::Terminate => Err(Ended::Gone),
        _ => Err(Failure::protocol("expected a SASL response").into()),
    }
}
