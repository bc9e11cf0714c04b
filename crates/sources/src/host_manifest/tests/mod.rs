mod again;
mod bad;
mod good;
mod round;

use base::DigestKey;

use super::{ManifestError, Parsed, Reading, Secrets, read};

fn secrets() -> Secrets {
    Secrets::new(DigestKey::from_bytes([7; 32]), secrecy::Names::new(&[]).unwrap())
}

fn try_read(text: &str) -> Result<Parsed, Vec<ManifestError>> {
    let include = |path: &str| match path {
        "motd.txt" => Ok(b"welcome\n".to_vec()),
        _ => Err(format!("{path} is not in the repository")),
    };
    read(text, "web-1/x.yaml", &Reading { secrets: &secrets(), include: &include, default_host: None, private: false })
}

fn good(text: &str) -> Parsed {
    try_read(text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The errors as they are printed.
fn errors(text: &str) -> Vec<String> {
    try_read(text).expect_err(text).iter().map(ToString::to_string).collect()
}
