//! `| regexp`: named groups as labels.

use regex::Regex;

use re2::Room;

use super::work::Work;
use crate::labels::is_label_name;
use crate::matcher::RegexpError;

#[derive(Clone, Debug)]
pub(super) struct RegexpParser {
    regex: Regex,
    /// The numbers of the groups that have names.
    groups: Vec<(usize, String)>,
}

impl RegexpParser {
    pub(super) fn new(pattern: &str, room: &mut Room) -> Result<Self, String> {
        let regex = room.anywhere(pattern).map_err(|error| RegexpError(error).to_string())?;
        let names = regex.capture_names().enumerate().filter_map(|(group, name)| Some((group, name?.to_owned())));
        let groups: Vec<(usize, String)> = names.collect();
        if groups.is_empty() {
            return Err("at least one named capture must be supplied".to_owned());
        }
        match groups.iter().find(|(_, name)| !is_label_name(name)) {
            Some((_, name)) => Err(format!("invalid extracted label name '{name}'")),
            None => Ok(Self { regex, groups }),
        }
    }

    pub(super) fn run(&self, line: &str, work: &mut Work) -> Result<(), String> {
        let Some(found) = self.regex.captures(line) else { return Ok(()) };
        self.groups
            .iter()
            .try_for_each(|(group, name)| work.extract(name, found.get(*group).map_or("", |found| found.as_str())))
    }
}
