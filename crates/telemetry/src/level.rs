use tracing_subscriber::filter::{EnvFilter, LevelFilter};

/// What is logged by `text`: a level, or directives such as `info,store=debug`.
///
/// # Errors
/// Says which word is no level. The library would take `lod` as a part of the program of which everything is
/// logged, and of the others nothing, errors included.
pub fn read(text: &str) -> Result<EnvFilter, String> {
    for directive in text.split(',').filter(|directive| !directive.is_empty()) {
        if let Some(word) = level(directive).filter(|word| word.parse::<LevelFilter>().is_err()) {
            return Err(format!("`{word}` is no level; of a part of the program write `store=debug`"));
        }
    }
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

/// What has to be a level in a directive; one of spans needs none.
fn level(directive: &str) -> Option<&str> {
    let (spans, rest) = directive.rsplit_once(']').map_or((false, directive), |(_, rest)| (true, rest));
    match rest.rsplit_once('=') {
        Some((_, level)) => Some(level),
        None => (!spans).then_some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_read() {
        for text in [
            "info",
            "WARN",
            "off",
            "info,store=debug",
            "info,kube_client=off",
            "warn,app[span{a=1}]=trace",
            "[sql]",
            "",
        ] {
            assert!(read(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for (text, word) in [
            ("lod", "lod"),
            ("info,stor=debugg", "debugg"),
            ("info,store", "store"),
            ("infos,a=info", "infos"),
            ("warn, debug", " debug"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.starts_with(&format!("`{word}` is no level")), "{text}: {problem}");
        }
    }
}
