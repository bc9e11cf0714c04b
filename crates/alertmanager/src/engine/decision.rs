//! Why an alert is told of, or is not.

use crate::labels::Fingerprint;

/// What became of an alert when its group was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Somebody was told of it.
    Told,
    /// These silences mute it.
    Silenced(Vec<String>),
    /// These alerts inhibit it.
    Inhibited(Vec<Fingerprint>),
    /// Its route is muted now, by these time intervals.
    Muted(Vec<String>),
    /// Its route is not active now: none of these time intervals is.
    Inactive(Vec<String>),
    /// It is told of in the incident that is named.
    Joined(String),
    /// Its receiver has no way out.
    Nowhere,
}

impl Decision {
    /// The word in the table of decisions.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Silenced(_) => "silenced",
            Self::Inhibited(_) => "inhibited",
            Self::Muted(_) => "muted",
            Self::Inactive(_) => "inactive",
            Self::Joined(_) => "joined",
            Self::Nowhere => "nowhere",
        }
    }

    /// By what, as one text.
    pub fn because(&self) -> String {
        match self {
            Self::Silenced(names) | Self::Muted(names) | Self::Inactive(names) => names.join(","),
            Self::Inhibited(alerts) => alerts.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            Self::Joined(by) => by.clone(),
            Self::Told | Self::Nowhere => String::new(),
        }
    }

    /// A number by which it is noticed that something else was decided.
    pub(super) fn mark(&self, resolved: bool) -> u32 {
        let text = format!("{}{}{resolved}", self.as_str(), self.because());
        text.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }
}
