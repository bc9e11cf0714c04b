//! Whether a canary is worse than its baseline: two judges over the same data.
//!
//! [`classic`] answers what Kayenta's judge answers; [`sequential`] may be asked after every interval
//! without more false alarms. [`Request`] is what is asked, in the shape of
//! Spinnaker's remote judge; [`JudgeResult`] is the answer.
//!
//! Pure: no I/O, no clock, no randomness. The same evidence gives the same verdict.

pub mod blue_green;
pub mod classic;
pub mod describe;
mod error;
pub mod evidence;
mod node;
mod num;
pub mod request;
pub mod result;
pub mod segments;
pub mod sequences;
pub mod sequential;
pub mod shifted;
pub mod special;

pub use error::JudgeError;
pub use node::Node;
pub use request::Request;
pub use result::JudgeResult;

/// Which judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// As Kayenta's `NetflixACAJudge-v1.0`.
    Classic,
    /// Anytime-valid.
    Sequential,
}

impl Judge {
    /// The names by which a user knows the judges.
    pub const NAMES: [&str; 2] = ["classic", "sequential"];

    /// By the name that a user or a configuration gives it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "classic" | classic::NAME => Some(Self::Classic),
            sequential::NAME | "RemoteJudge-v1.0" => Some(Self::Sequential),
            _ => None,
        }
    }

    /// Judges a request.
    ///
    /// # Errors
    /// Names the field of the request that this judge cannot use.
    pub fn judge(self, request: &Request) -> Result<JudgeResult, JudgeError> {
        match self {
            Self::Classic => Ok(classic::judge(request)),
            Self::Sequential => sequential::judge(request),
        }
    }
}
