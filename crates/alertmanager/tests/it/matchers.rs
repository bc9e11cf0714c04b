use alertmanager::{Matcher, Matchers};
use serde::Deserialize;

use super::{cases, labels};

#[derive(Deserialize)]
struct Cases {
    one: Vec<Case>,
    many: Vec<Case>,
    matching: Vec<Matching>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    /// As it is printed.
    prints: Option<String>,
    /// A part of the error.
    error: Option<String>,
}

#[derive(Deserialize)]
struct Matching {
    matchers: String,
    yes: Vec<String>,
    no: Vec<String>,
}

fn check(case: &Case, result: Result<String, String>) {
    match (result, &case.prints, &case.error) {
        (Ok(printed), Some(prints), None) => assert_eq!(printed, *prints, "{}", case.text),
        (Err(error), None, Some(part)) => assert!(error.contains(part.as_str()), "{}: {error}", case.text),
        (result, ..) => panic!("{}: {result:?}", case.text),
    }
}

#[test]
fn both_grammars_are_read_and_the_classic_one_wins() {
    let cases: Cases = cases("matchers");
    for case in &cases.one {
        check(case, Matcher::parse(&case.text).map(|it| it.to_string()).map_err(|error| error.to_string()));
    }
    for case in &cases.many {
        check(case, Matchers::parse(&case.text).map(|it| it.to_string()).map_err(|error| error.to_string()));
    }
}

#[test]
fn what_is_printed_reads_as_the_same() {
    let cases: Cases = cases("matchers");
    for case in cases.one.iter().chain(&cases.many).filter(|case| case.prints.is_some()) {
        let matchers = Matchers::parse(&case.text).unwrap();
        assert_eq!(Matchers::parse(&matchers.to_string()), Ok(matchers), "{}", case.text);
    }
}

#[test]
fn a_missing_label_is_an_empty_one() {
    for case in cases::<Cases>("matchers").matching {
        let matchers = Matchers::parse(&case.matchers).unwrap();
        case.yes.iter().for_each(|yes| assert!(matchers.matches(&labels(yes)), "{} on {yes}", case.matchers));
        case.no.iter().for_each(|no| assert!(!matchers.matches(&labels(no)), "{} on {no}", case.matchers));
    }
}
