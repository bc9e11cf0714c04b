use std::fmt;

use base::DigestKey;
use sha2::Digest as _;

/// How a content is digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// BLAKE3, 256 bits.
    Blake3,
    /// BLAKE3 under the installation's key, 128 bits shown: for secrets.
    Keyed,
    /// As dpkg's databases have it.
    Md5,
    /// As rpm's databases have it.
    Sha256,
}

/// The digest of a content. Shown as `blake3:`, `keyed:`, `md5:` or `sha256:` and hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) algorithm: Algorithm,
    /// Shorter digests end in zeros.
    pub(crate) bytes: [u8; 32],
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Blake3, Self::Keyed, Self::Md5, Self::Sha256];

    /// Its number in a cache file.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    fn name_and_length(self) -> (&'static str, usize) {
        match self {
            Self::Blake3 => ("blake3", 32),
            Self::Keyed => ("keyed", 16),
            Self::Md5 => ("md5", 16),
            Self::Sha256 => ("sha256", 32),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, length) = self.algorithm.name_and_length();
        write!(f, "{name}:{}", hex::encode(&self.bytes[..length]))
    }
}

/// Digests a stream.
pub(crate) enum Hasher {
    Blake3(Box<blake3::Hasher>, Algorithm),
    Md5(md5::Md5),
    Sha256(sha2::Sha256),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm, key: &DigestKey) -> Self {
        match algorithm {
            Algorithm::Blake3 => Self::Blake3(Box::default(), algorithm),
            Algorithm::Keyed => Self::Blake3(Box::new(key.hasher()), algorithm),
            Algorithm::Md5 => Self::Md5(md5::Md5::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher, _) => _ = hasher.update(bytes),
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        let mut bytes = [0; 32];
        let algorithm = match self {
            Self::Blake3(hasher, algorithm) => {
                bytes = *hasher.finalize().as_bytes();
                algorithm
            }
            Self::Md5(hasher) => {
                bytes[..16].copy_from_slice(&hasher.finalize());
                Algorithm::Md5
            }
            Self::Sha256(hasher) => {
                bytes.copy_from_slice(&hasher.finalize());
                Algorithm::Sha256
            }
        };
        if algorithm == Algorithm::Keyed {
            bytes[16..].fill(0);
        }
        Digest { algorithm, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_tools_that_everyone_has() {
        let key = DigestKey::from_bytes([3; 32]);
        let digest = |algorithm| {
            let mut hasher = Hasher::new(algorithm, &key);
            hasher.update(b"ab");
            hasher.update(b"c");
            hasher.finish().to_string()
        };
        assert_eq!(digest(Algorithm::Md5), "md5:900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            digest(Algorithm::Sha256),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            digest(Algorithm::Blake3),
            "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
        assert_eq!(digest(Algorithm::Keyed), key.digest(b"abc"));
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::numbered(algorithm.number()), Some(algorithm));
        }
        assert_eq!(Algorithm::numbered(4), None);
    }
}
