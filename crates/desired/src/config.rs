use std::time::Duration;

use base::Limit;

/// How sources are driven, and what they may hand over.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// How long a source may wait before it is asked again.
    pub poll: Duration,
    /// How long a scope stays known after the last fetch that worked; at least three polls.
    pub unknown_after: Duration,
    /// How often a source that has nothing new says that it is well.
    pub heartbeat: Duration,
    /// The wait after the first failed fetch; it doubles.
    pub first_retry: Duration,
    /// The longest wait after a failed fetch.
    pub max_retry: Duration,
    /// Manifests of one scope in one revision.
    pub max_manifests: Limit,
    /// Bytes of one canonical document as JSON.
    pub max_document: Limit,
    /// Bytes of one declared text; a longer one is dropped, its digest stays.
    pub max_text: Limit,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(30),
            unknown_after: Duration::from_secs(300),
            heartbeat: Duration::from_secs(30),
            first_retry: Duration::from_secs(1),
            max_retry: Duration::from_secs(60),
            max_manifests: Limit::new("desired_manifests", 1_000_000),
            max_document: Limit::new("desired_document_bytes", 1 << 20),
            max_text: Limit::new("desired_text_bytes", 256 << 10),
        }
    }
}

impl HostConfig {
    /// How long after the last fetch that worked a scope turns unknown.
    pub fn window(&self) -> Duration {
        self.unknown_after.max(self.poll.saturating_mul(3))
    }
}
