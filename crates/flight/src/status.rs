//! Errors as gRPC has them.

use std::fmt::Display;

use base::Exceeded;
use query::QueryError;
use tonic::{Code, Status};

/// Bytes of a message: it is sent as a header, and clients bound theirs.
const LONGEST: usize = 2_048;

/// Why a query has no answer.
pub fn of(error: &QueryError) -> Status {
    let code = match error {
        QueryError::Syntax { .. } | QueryError::Invalid { .. } | QueryError::Data(_) => Code::InvalidArgument,
        QueryError::NotAllowed(_) | QueryError::Denied(_) => Code::PermissionDenied,
        QueryError::Limit { .. } | QueryError::Busy { .. } => Code::ResourceExhausted,
        QueryError::Timeout { .. } => Code::DeadlineExceeded,
        QueryError::Unavailable(_) => Code::Unavailable,
        QueryError::Internal(_) => Code::Internal,
    };
    Status::new(code, shortened(error.to_string()))
}

/// What a client sent makes no sense.
pub fn invalid(problem: impl Display) -> Status {
    Status::invalid_argument(shortened(problem.to_string()))
}

/// What a client sent is too large.
pub fn exceeded(exceeded: &Exceeded) -> Status {
    Status::resource_exhausted(exceeded.to_string())
}

/// What should not happen.
pub fn internal(problem: impl Display) -> Status {
    Status::internal(shortened(problem.to_string()))
}

/// Something that changes what is stored.
pub fn read_only(what: &str) -> Status {
    of(&QueryError::NotAllowed(what.to_owned()))
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_kind_of_error_has_the_code_that_tells_what_to_do() {
        let limit = Duration::from_secs(1);
        let invalid = QueryError::Invalid { message: "there is no column".to_owned(), position: None };
        let too_much = QueryError::Limit { limit: "memory_bytes", message: "too much".to_owned() };
        for (error, code) in [
            (invalid, Code::InvalidArgument),
            (QueryError::NotAllowed("DELETE".to_owned()), Code::PermissionDenied),
            (too_much, Code::ResourceExhausted),
            (
                QueryError::Busy {
                    running: 1,
                    limit: "max_concurrent",
                    refused_by: "max_wait",
                    waited: limit,
                    retry_after: limit,
                },
                Code::ResourceExhausted,
            ),
            (QueryError::Timeout { limit }, Code::DeadlineExceeded),
            (QueryError::Unavailable("gone".to_owned()), Code::Unavailable),
            (QueryError::Internal("a bug".to_owned()), Code::Internal),
        ] {
            let status = of(&error);
            assert_eq!((status.code(), status.message()), (code, error.to_string().as_str()));
        }
    }

    #[test]
    fn a_long_message_is_cut_between_two_letters() {
        let status = super::invalid("ä".repeat(5_000));
        assert!(status.message().len() < LONGEST + 8 && status.message().ends_with("ä ..."), "{status}");
    }
}
