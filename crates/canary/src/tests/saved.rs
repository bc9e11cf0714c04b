use super::{at, points};
use crate::Book;

/// A checkpoint of the first version, which knew no canaries that are found.
const FIRST: &str = include_str!("book_v1.json");

#[test]
fn a_book_of_the_first_version_goes_on() {
    let mut book = Book::restored(FIRST).unwrap();
    assert!(!book.finds() && !book.knows_rollouts() && book.found().next().is_none());
    let wanted = book.wanted("checkout").unwrap();
    assert_eq!((wanted.interval, wanted.started), (6, at(0.0)));
    let rows = points(&wanted.run, 6, Some((20.0, 1.0, 0.2)), Some((21.0, 1.0, 0.2)));
    let out = book.points(&rows, at(7.1));
    assert_eq!((out.runs[0].intervals, out.runs[0].revision.as_deref()), (7, Some("b")));
    assert_eq!((out.evidence[0].n, out.evidence[0].missing), (5, 0), "the judge has seen what was kept");
    let saved = book.save().unwrap();
    assert_eq!(Book::restored(&saved).unwrap().save().unwrap(), saved, "in the present form");
    assert!(saved.starts_with('{') && Book::restored("[{}]").is_err() && Book::restored("{}").is_err());
}
