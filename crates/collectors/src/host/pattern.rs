use collect::CollectError;
pub use secrecy::Pattern;
pub(crate) use secrecy::Patterns;

/// Makes one matcher of patterns.
///
/// # Errors
/// If together they are too large.
pub(crate) fn patterns(patterns: &[Pattern]) -> Result<Patterns, CollectError> {
    Patterns::new(patterns).map_err(too_large)
}

/// What is wrong with patterns, as a collector says it.
pub(crate) fn too_large(problem: String) -> CollectError {
    CollectError::Source { what: "patterns".to_owned(), problem }
}
