//! How receivers are reached: the HTTP client and TLS, as prometheus/common has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::settings::settings;
use super::types::{ProxyUrl, Secret, Url};

settings! {
    /// `http_config`.
    HttpConfig {
        basic_auth: Option<BasicAuth>,
        authorization: Option<Authorization>,
        oauth2: Option<OAuth2>,
        bearer_token: Option<Secret>,
        bearer_token_file: Option<PathBuf>,
        enable_http2: bool = true,
        follow_redirects: bool = true,
        proxy_url: Option<ProxyUrl>,
        no_proxy: Option<String>,
        proxy_from_environment: bool,
        proxy_connect_header: BTreeMap<String, Vec<Secret>>,
        tls_config: Option<TlsConfig>,
        http_headers: BTreeMap<String, Header>,
    }

    /// `basic_auth`.
    BasicAuth {
        username: Option<String>,
        username_file: Option<PathBuf>,
        username_ref: Option<String>,
        password: Option<Secret>,
        password_file: Option<PathBuf>,
        password_ref: Option<String>,
    }

    /// `authorization`.
    Authorization {
        kind as "type": Option<String>,
        credentials: Option<Secret>,
        credentials_file: Option<PathBuf>,
        credentials_ref: Option<String>,
    }

    /// `oauth2`.
    OAuth2 {
        client_id: String,
        client_secret: Option<Secret>,
        client_secret_file: Option<PathBuf>,
        client_secret_ref: Option<String>,
        client_certificate_key_id: Option<String>,
        client_certificate_key: Option<Secret>,
        client_certificate_key_file: Option<PathBuf>,
        client_certificate_key_ref: Option<String>,
        grant_type: Option<String>,
        signature_algorithm: Option<String>,
        iss: Option<String>,
        audience: Option<String>,
        claims: BTreeMap<String, serde_json::Value>,
        scopes: Vec<String>,
        token_url: String,
        endpoint_params: BTreeMap<String, String>,
        tls_config: Option<TlsConfig>,
        proxy_url: Option<ProxyUrl>,
        no_proxy: Option<String>,
        proxy_from_environment: bool,
        proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    }

    /// The values of a header in `http_headers`.
    Header {
        values: Vec<String>,
        secrets: Vec<Secret>,
        files: Vec<PathBuf>,
    }

    /// `tls_config`.
    TlsConfig {
        ca: Option<String>,
        cert: Option<String>,
        key: Option<Secret>,
        ca_file: Option<PathBuf>,
        cert_file: Option<PathBuf>,
        key_file: Option<PathBuf>,
        ca_ref: Option<String>,
        cert_ref: Option<String>,
        key_ref: Option<String>,
        server_name: Option<String>,
        insecure_skip_verify: bool,
        min_version: Option<String>,
        max_version: Option<String>,
    }

    /// `tracing`: read so that a file with it is taken; we trace nothing by it.
    Tracing {
        client_type: Option<String>,
        endpoint: Option<String>,
        sampling_fraction: Option<f64>,
        insecure: bool,
        tls_config: Option<TlsConfig>,
        headers: BTreeMap<String, Header>,
        http_headers: BTreeMap<String, Header>,
        compression: Option<String>,
        timeout: Option<String>,
    }

    /// `sigv4`: how requests to AWS are signed.
    SigV4 {
        region: Option<String>,
        access_key: Option<String>,
        secret_key: Option<Secret>,
        profile: Option<String>,
        role_arn: Option<String>,
        external_id: Option<String>,
        use_fips_sts_endpoint: bool,
        service_name: Option<String>,
    }
}

/// The `Url` of a place that is always there.
pub(super) fn known(url: &str) -> Option<Url> {
    Some(Url::from(url))
}
