//! The port over a small fleet.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Secret, SecretRef, Shutdown, Tasks};
use postgres::{Parts, PostgresConfig, Server, Token, UserConfig};
use query::{Engine, QueryConfig, Rights};
use tokio_rustls::TlsAcceptor;

use super::world::World;

pub const PASSWORD: &str = "correct-horse-battery";

pub struct Port {
    pub world: World,
    pub addr: SocketAddr,
    pub shutdown: Shutdown,
    tasks: Tasks,
}

/// On a free port of this machine, for everybody.
pub fn config() -> PostgresConfig {
    PostgresConfig { listen: "127.0.0.1:0".parse().unwrap(), ..PostgresConfig::default() }
}

/// The same for one user, `ann`.
pub fn guarded() -> PostgresConfig {
    let secret = SecretRef::Given(Secret::new(PASSWORD));
    let ann = UserConfig { name: "ann".to_owned(), secret, tables: None, scopes: None };
    PostgresConfig { users: vec![ann], ..config() }
}

/// A token that is limited to a scope.
pub fn limited() -> Token {
    let rights = Rights::new(None, Some(&["host/web-2".to_owned()])).unwrap();
    Token { name: "team".to_owned(), secret: Secret::new("a-token-of-the-team"), rights }
}

impl Port {
    pub async fn open() -> Self {
        Self::with(config(), QueryConfig::default(), vec![], None).await
    }

    pub async fn with(
        config: PostgresConfig,
        limits: QueryConfig,
        tokens: Vec<Token>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let world = World::fleet().await;
        // Time passes for the wire, but not for what the queries see.
        let engine = Arc::new(Engine::new(world.store.clone(), limits, Clock::system()));
        let parts = Parts { engine, clock: Clock::system(), tokens, tls };
        let server = Server::bind(config, parts).await.unwrap();
        let (addr, shutdown, tasks) = (server.addr(), Shutdown::new(), Tasks::new());
        let ending = shutdown.clone();
        tasks.spawn("postgres", async move { server.run(ending).await });
        Self { world, addr, shutdown, tasks }
    }

    /// Ends it, which must take no longer than statements may.
    pub async fn end(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(15)).await.unwrap();
        assert!(self.tasks.panicked().is_empty());
        self.world.end().await;
    }
}

/// An acceptor with a certificate for `localhost`, which is written to `file`.
pub fn tls(file: &Path) -> TlsAcceptor {
    use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
