//! Releases of Helm, as it keeps them in Secrets of the type `helm.sh/release.v1`: base64 of gzip of
//! JSON (`pkg/storage/driver/util.go` of Helm).

use std::io::Read as _;

use base::{Limit, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

/// Bytes of a release as JSON: a chart and all that was made of it.
const RELEASE: Limit = Limit::new("helm_release_bytes", 64 << 20);

/// A version of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which version, from 1.
    pub version: i64,
    /// `deployed` for the one that counts.
    pub status: String,
    /// When it was deployed.
    pub deployed: Option<Timestamp>,
    /// What Helm says of it: `Upgrade complete`, `Rollback to 2`.
    pub description: String,
    /// The chart with its version: `web-1.2.3`.
    pub chart: String,
    /// The objects, as YAML; hooks are not among them.
    pub manifest: String,
}

#[derive(Deserialize)]
struct Stored {
    name: String,
    #[serde(default)]
    namespace: String,
    version: i64,
    #[serde(default)]
    manifest: String,
    #[serde(default)]
    info: Info,
    #[serde(default)]
    chart: Chart,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    status: String,
    last_deployed: String,
    description: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chart {
    metadata: ChartMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChartMetadata {
    name: String,
    version: String,
}

/// A Secret that holds no release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// It has no `data.release` in base64, twice.
    #[error("`data.release` is not base64")]
    Encoding,
    /// It cannot be decompressed.
    #[error("`data.release` is not gzip: {0}")]
    Gzip(std::io::Error),
    /// It is too large.
    #[error(transparent)]
    TooLarge(#[from] base::Exceeded),
    /// It is not what Helm writes.
    #[error("`data.release` is no release: {0}")]
    Json(serde_json::Error),
}

impl Release {
    /// The release in a Secret as the server gives it.
    ///
    /// # Errors
    /// Says what of it cannot be read.
    pub fn read(secret: &Value) -> Result<Self, ReleaseError> {
        let text = secret.pointer("/data/release").and_then(Value::as_str).ok_or(ReleaseError::Encoding)?;
        let once = STANDARD.decode(text).map_err(|_| ReleaseError::Encoding)?;
        let packed = STANDARD.decode(once).map_err(|_| ReleaseError::Encoding)?;
        let mut json = Vec::new();
        let most = RELEASE.max() + 1;
        GzDecoder::new(packed.as_slice()).take(most).read_to_end(&mut json).map_err(ReleaseError::Gzip)?;
        RELEASE.check(json.len() as u64)?;
        let stored: Stored = serde_json::from_slice(&json).map_err(ReleaseError::Json)?;
        Ok(Self {
            deployed: stored.info.last_deployed.parse().ok(),
            chart: format!("{}-{}", stored.chart.metadata.name, stored.chart.metadata.version),
            namespace: stored.namespace,
            name: stored.name,
            version: stored.version,
            status: stored.info.status,
            description: stored.info.description,
            manifest: stored.manifest,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    fn secret(bytes: &[u8]) -> Value {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(bytes).unwrap();
        json!({"data": {"release": STANDARD.encode(STANDARD.encode(gzip.finish().unwrap()))}})
    }

    #[test]
    fn a_release_is_read_from_its_secret() {
        let stored = json!({"name": "web", "namespace": "shop", "version": 3, "manifest": "kind: X\n",
            "info": {"status": "deployed", "last_deployed": "2026-11-26T05:00:10.4Z", "description": "Rollback to 1"},
            "chart": {"metadata": {"name": "web", "version": "1.2.3"}}, "config": {"password": "swordfish"}});
        let release = Release::read(&secret(stored.to_string().as_bytes())).unwrap();
        assert_eq!((release.name.as_str(), release.version, release.chart.as_str()), ("web", 3, "web-1.2.3"));
        assert_eq!((release.description.as_str(), release.manifest.as_str()), ("Rollback to 1", "kind: X\n"));
        assert!(release.deployed.is_some() && !format!("{release:?}").contains("swordfish"));
    }

    #[test]
    fn what_is_no_release_says_why() {
        let problem = |secret: &Value| Release::read(secret).unwrap_err().to_string();
        assert_eq!(problem(&json!({"data": {}})), "`data.release` is not base64");
        assert!(problem(&json!({"data": {"release": STANDARD.encode(STANDARD.encode("x"))}})).contains("not gzip"));
        assert!(problem(&secret(b"{}")).contains("missing field `name`"));
        let bomb = vec![b' '; (RELEASE.max() + 10) as usize];
        assert!(problem(&secret(&bomb)).contains("helm_release_bytes"));
    }
}
