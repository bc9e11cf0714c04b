//! Matchers in both grammars: they print as they read.

use alertmanager::{Labels, Matcher, Matchers};

use crate::{input, seeds};

/// Bytes of matchers that are read.
const MAX: usize = 1 << 16;

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::of(&[
        "foo=bar",
        "{foo=~\"a|b\", \"x y\"!='z', Προμηθεύς!~\"\"}",
        "foo=\"\\xf0\\x9f\\n\\t\\\"\"",
        "a=\"b\",c!=d,",
        "foo=a=b~!",
    ]);
    seeds.extend(seeds::lines("alertmanager/tests/cases/matchers.yaml"));
    seeds.push(seeds::growing("{", "a=b,", "c=d}"));
    seeds.push(seeds::growing("a=\"", "\\\\", "\""));
    seeds.push(seeds::growing("a=~\"", "(b|", "\""));
    seeds
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let labels = Labels::from([("foo".to_owned(), "bar".to_owned()), ("a".to_owned(), text.chars().take(9).collect())]);
    match Matcher::parse(&text) {
        Ok(matcher) => {
            let printed = matcher.to_string();
            let again = Matchers::parse(&printed);
            assert_eq!(again, Ok(Matchers::new(vec![matcher.clone()])), "{printed}");
            assert_eq!(again.is_ok_and(|again| again.matches(&labels)), matcher.matches(&labels), "{printed}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(matchers) = Matchers::parse(&text) {
        let printed = matchers.to_string();
        // With every value in quotes it may be longer than what is read.
        if printed.len() <= MAX {
            assert_eq!(Matchers::parse(&printed).as_ref(), Ok(&matchers), "{printed}");
        }
    }
}
