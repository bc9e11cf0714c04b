//! Errors of an object store in few words that are the same each time, without what is secret.

use std::error::Error as StdError;

use base::Secret;
use object_store::Error;

/// Characters of a problem that are told.
const LONGEST: usize = 300;

/// Says what an object store's error is about; keeps `secrets` out of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Teller {
    secrets: Vec<Secret>,
}

/// A problem in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

impl Teller {
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self { secrets }
    }

    /// The same error with a source that says only what went wrong at the bottom: not the address
    /// with its query, not what was signed, not how long it took, so that one problem is one text.
    pub fn clean(&self, error: Error) -> Error {
        let told = |source: &(dyn StdError + 'static)| Box::new(Told(self.words(source)));
        match error {
            Error::Generic { store, source } => Error::Generic { store, source: told(source.as_ref()) },
            Error::NotFound { path, source } => Error::NotFound { path, source: told(source.as_ref()) },
            Error::AlreadyExists { path, source } => Error::AlreadyExists { path, source: told(source.as_ref()) },
            Error::Precondition { path, source } => Error::Precondition { path, source: told(source.as_ref()) },
            Error::NotModified { path, source } => Error::NotModified { path, source: told(source.as_ref()) },
            Error::PermissionDenied { path, source } => Error::PermissionDenied { path, source: told(source.as_ref()) },
            Error::Unauthenticated { path, source } => Error::Unauthenticated { path, source: told(source.as_ref()) },
            Error::NotSupported { source } => Error::NotSupported { source: told(source.as_ref()) },
            other => Error::Generic { store: "S3", source: told(&other) },
        }
    }

    fn words(&self, error: &(dyn StdError + 'static)) -> String {
        let mut bottom = error;
        while let Some(source) = bottom.source() {
            bottom = source;
        }
        let mut text = answer(&bottom.to_string());
        for secret in &self.secrets {
            text = text.replace(secret.expose(), "***");
        }
        text.chars().take(LONGEST).collect()
    }
}

/// Of an answer in XML its status, code and message; of other texts everything but queries of addresses.
fn answer(text: &str) -> String {
    let Some(code) = element(text, "Code") else {
        let words: Vec<&str> = text.split_whitespace().map(without_query).collect();
        return words.join(" ");
    };
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.split_once(": ")).map(|(status, _)| status);
    let message = element(text, "Message").map(|message| format!(": {message}")).unwrap_or_default();
    format!("{}{code}{message}", status.map(|status| format!("{status}, ")).unwrap_or_default())
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(content, _)| content)
}

fn without_query(word: &str) -> &str {
    match word.split_once('?') {
        Some((address, _)) if address.contains("://") => address,
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let teller = Teller::new(vec![Secret::new("hunter2")]);
        teller.clean(Error::Generic { store: "S3", source: text.into() }).to_string()
    }

    #[test]
    fn an_answer_is_told_by_its_code_and_message_only() {
        let text = "Server returned non-2xx status code: 403 Forbidden: <?xml?><Error><Code>SignatureDoesNotMatch</Code>\
                    <Message>it differs</Message><AWSAccessKeyId>AKIA1</AWSAccessKeyId><StringToSign>AWS4 x</StringToSign></Error>";
        assert_eq!(told(text), "Generic S3 error: 403 Forbidden, SignatureDoesNotMatch: it differs");
    }

    #[test]
    fn neither_a_signature_nor_a_secret_is_told() {
        let text = "GET https://b.s3.example.org/a?X-Amz-Signature=5e1&X-Amz-Credential=AKIA1 failed with hunter2";
        assert_eq!(told(text), "Generic S3 error: GET https://b.s3.example.org/a failed with ***");
        assert!(told(&"long ".repeat(1_000)).len() < 400);
    }

    #[test]
    fn what_is_told_is_what_went_wrong_first() {
        let refused = std::io::Error::other(Told("Connection refused (os error 111)".to_owned()));
        let error = Error::Generic { store: "S3", source: Box::new(refused) };
        assert_eq!(Teller::default().clean(error).to_string(), "Generic S3 error: Connection refused (os error 111)");
    }
}
