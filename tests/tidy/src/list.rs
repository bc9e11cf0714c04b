//! A part of a page that is written from the code, between two marks. `UPDATE=1 cargo test -p tidy`
//! writes it; without that, a test fails if it is not what the code gives.

use crate::project;

/// Where such a part is.
pub struct List {
    /// The page.
    pub page: &'static str,
    /// What it is a list of.
    pub name: &'static str,
}

impl List {
    fn start(&self) -> String {
        format!("<!-- {}: written by `UPDATE=1 cargo test -p tidy` -->\n", self.name)
    }

    fn end(&self) -> String {
        format!("<!-- end of {} -->\n", self.name)
    }

    /// The text before the list, the list, and the text after it.
    fn split<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
        let (before, rest) = text.split_once(&self.start())?;
        let (list, after) = rest.split_once(&self.end())?;
        Some((before, list, after))
    }

    /// The page's text with `list` in its place; nothing if the marks are gone.
    pub fn with(&self, text: &str, list: &str) -> Option<String> {
        let (before, _, after) = self.split(text)?;
        Some(format!("{before}{}{list}{}{after}", self.start(), self.end()))
    }

    /// The list in the page's text as it is.
    pub fn of<'a>(&self, text: &'a str) -> &'a str {
        self.split(text).map_or("", |(_, list, _)| list)
    }

    /// Compares the page's text with `list`.
    pub fn check(&self, text: &str, list: &str) -> Vec<String> {
        match self.with(text, list) {
            None => vec![format!("{}: the marks around the list of {} are gone", self.page, self.name)],
            Some(right) if right == text => Vec::new(),
            Some(_) => {
                vec![format!(
                    "{}: the {} are not what the code has: `UPDATE=1 cargo test -p tidy`",
                    self.page, self.name
                )]
            }
        }
    }

    /// Checks the page on disk; writes `list` into it first if `UPDATE` is set.
    pub fn settle(&self, list: &str) -> Vec<String> {
        let mut text = project::read(self.page);
        if std::env::var_os("UPDATE").is_some() {
            text = self.with(&text, list).unwrap_or(text);
            std::fs::write(project::root().join(self.page), &text).unwrap();
        }
        self.check(&text, list)
    }
}

#[test]
fn a_list_that_is_old_and_marks_that_are_gone_are_found() {
    let list = List { page: "a.md", name: "things" };
    let page = list.with(&format!("# A\n{}{}rest", list.start(), list.end()), "one\n").unwrap();
    assert_eq!(list.of(&page), "one\n");
    assert!(list.check(&page, "one\n").is_empty());
    assert_eq!(list.check(&page, "two\n").len(), 1);
    assert_eq!(list.check("# A", "one\n").len(), 1);
}
