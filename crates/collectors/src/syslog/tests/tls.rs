use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::world::open;
use crate::syslog::Syslog;

/// A root, and a certificate of it with its key, as files.
fn certificates(folder: &Path, name: &str) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &root).unwrap();
    for (file, pem) in [("ca", root.pem()), ("cert", own.pem()), ("key", key.serialize_pem())] {
        std::fs::write(folder.join(format!("{name}.{file}.pem")), pem).unwrap();
    }
}

fn client(folder: &Path, own: Option<&str>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("server.ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let cert = CertificateDer::from_pem_file(folder.join(format!("{name}.cert.pem"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key.pem"))).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    TlsConnector::from(Arc::new(config))
}

/// Sends a message; whether the other side took the connection until its end.
async fn send(connector: &TlsConnector, address: std::net::SocketAddr, text: &str) -> bool {
    let stream = TcpStream::connect(address).await.unwrap();
    let Ok(mut stream) = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await else {
        return false;
    };
    let message = format!("<13>1 - h a - - - {text}");
    let sent = stream.write_all(format!("{} {message}", message.len()).as_bytes()).await;
    let ended = stream.shutdown().await;
    // The other side has nothing to say, not even that it ends.
    let said = stream.read_to_end(&mut Vec::new()).await;
    let silent =
        said.as_ref().map_or_else(|error| error.kind() == std::io::ErrorKind::UnexpectedEof, |bytes| *bytes == 0);
    sent.is_ok() && ended.is_ok() && silent
}

fn settings(folder: &Path, more: &str) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        r#""protocol": "tls", "tls": {{"cert": "{}", "key": "{}"{more}}}"#,
        file("server.cert.pem"),
        file("server.key.pem")
    )
}

#[tokio::test]
async fn messages_come_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), "server");
    let (world, address) = open(&settings(folder.path(), "")).await;
    assert!(send(&client(folder.path(), None), address, "hidden").await);
    // Who speaks no TLS is closed, and nothing of it is a message.
    TcpStream::connect(address).await.unwrap().write_all(b"plain text\n").await.unwrap();
    world.until("the message", |bodies| bodies == ["hidden"]).await;
    world.end().await;
}

#[tokio::test]
async fn senders_may_have_to_show_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    ["server", "sender", "stranger"].iter().for_each(|name| certificates(folder.path(), name));
    let ca = format!(r#", "client_ca": "{}""#, folder.path().join("sender.ca.pem").display());
    let (world, address) = open(&settings(folder.path(), &ca)).await;
    for who in [None, Some("stranger")] {
        assert!(!send(&client(folder.path(), who), address, "refused").await, "{who:?}");
    }
    assert!(send(&client(folder.path(), Some("sender")), address, "known").await);
    world.until("the known one's", |bodies| bodies == ["known"]).await;
    world.end().await;
}

#[tokio::test]
async fn a_file_that_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    ["server", "other"].iter().for_each(|name| certificates(folder.path(), name));
    let bind =
        async |settings: String| Syslog::bind(&[super::world::config(&settings)]).await.err().unwrap().to_string();
    std::fs::copy(folder.path().join("other.key.pem"), folder.path().join("server.key.pem")).unwrap();
    assert!(bind(settings(folder.path(), "")).await.contains("does not fit"));
    std::fs::write(folder.path().join("server.cert.pem"), "nothing").unwrap();
    assert!(bind(settings(folder.path(), "")).await.contains("no certificate is in it"));
    std::fs::remove_file(folder.path().join("server.cert.pem")).unwrap();
    assert!(bind(settings(folder.path(), "")).await.contains("server.cert.pem"));
}
