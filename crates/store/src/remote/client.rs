//! The client of a bucket, from its settings.

use base::{Clock, Secret, SecretRef};
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use super::S3Config;
use super::metered::Metered;
use super::told::Teller;
use crate::StoreError;

/// The region if nobody says which; servers other than AWS mostly take any.
const REGION: &str = "us-east-1";

/// The client; nothing is asked of the server yet.
pub(super) fn connect(config: &S3Config, clock: &Clock) -> Result<Metered<PrefixStore<AmazonS3>>, StoreError> {
    let (builder, secrets) = credentials(config)?;
    let teller = Teller::new(secrets);
    let region = config.region.clone().or_else(|| std::env::var("AWS_REGION").ok());
    let mut builder = builder
        .with_bucket_name(&config.bucket)
        .with_allow_http(config.allow_http)
        .with_virtual_hosted_style_request(config.virtual_hosted_style)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: config.retries,
            retry_timeout: config.retry_for,
        })
        .with_client_options(options(config)?);
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let client = builder
        .build()
        .map_err(|error| StoreError::Config { field: "s3", problem: teller.clean(error).to_string() })?;
    let prefix = Path::from(config.prefix.trim_end_matches('/'));
    Ok(Metered::new(PrefixStore::new(client, prefix), teller, clock.clone()))
}

/// With keys of the configuration nothing is taken from the environment: half of each would fit nowhere.
fn credentials(config: &S3Config) -> Result<(AmazonS3Builder, Vec<Secret>), StoreError> {
    let read = |field, secret: &Option<SecretRef>| {
        let read = secret.as_ref().map(SecretRef::resolve).transpose();
        read.map_err(|error| StoreError::Config { field, problem: error.to_string() })
    };
    let id = read("s3.access_key_id", &config.access_key_id)?;
    let secret = read("s3.secret_access_key", &config.secret_access_key)?;
    let token = read("s3.session_token", &config.session_token)?;
    let (Some(id), Some(secret)) = (id, secret) else {
        let of_environment = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].into_iter().flat_map(std::env::var);
        let secrets = of_environment.filter(|secret| !secret.is_empty()).map(Secret::new).collect();
        return Ok((AmazonS3Builder::from_env(), secrets));
    };
    let mut builder = AmazonS3Builder::new()
        .with_region(REGION)
        .with_access_key_id(id.expose())
        .with_secret_access_key(secret.expose());
    if let Some(token) = &token {
        builder = builder.with_token(token.expose());
    }
    Ok((builder, [Some(secret), token].into_iter().flatten().collect()))
}

fn options(config: &S3Config) -> Result<ClientOptions, StoreError> {
    let mut options = ClientOptions::new()
        .with_allow_http(config.allow_http)
        .with_timeout(config.timeout)
        .with_connect_timeout(config.connect_timeout);
    if let Some(path) = &config.ca_file {
        let wrong = |problem: &dyn std::fmt::Display| StoreError::Config {
            field: "s3.ca_file",
            problem: format!("{}: {problem}", path.display()),
        };
        let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
        let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
        if authorities.is_empty() {
            return Err(wrong(&"there is no certificate in it"));
        }
        for authority in authorities {
            options = options.with_root_certificate(authority);
        }
    }
    Ok(options)
}
