use yaml::{Fields, Node, Place, Problem};

/// What is wrong so far, and where in the configuration the reader is.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    within: Vec<String>,
    pub list: Vec<Problem>,
}

impl Mistakes {
    /// Reads something that is in `part`.
    pub fn within<R>(&mut self, part: impl Into<String>, read: impl FnOnce(&mut Self) -> R) -> R {
        self.within.push(part.into());
        let result = read(self);
        self.within.pop();
        result
    }

    pub fn add(&mut self, place: Place, key: &str, message: impl Into<String>) {
        let mut path = String::new();
        for part in self.within.iter().map(String::as_str).chain(Some(key)).filter(|part| !part.is_empty()) {
            if !path.is_empty() && !path.ends_with(' ') {
                path.push('.');
            }
            path += part;
        }
        self.list.push(Problem::new(place, path.trim_end_matches([':', ' ']), message));
    }

    /// About the key of a map, or the map if it is not there.
    pub fn of(&mut self, fields: &Fields<'_>, key: &str, message: impl Into<String>) {
        let place = fields.get(key).map_or(fields.place, |node| node.place);
        self.add(place, key, message);
    }

    pub fn take<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(problem.place, &problem.key, problem.message)).ok()
    }

    /// A member, if it is there and right.
    pub fn read<'a, T>(
        &mut self,
        fields: &Fields<'a>,
        key: &str,
        read: impl FnOnce(&'a Node, &str) -> Result<T, Problem>,
    ) -> Option<T> {
        self.take(fields.read(key, read)).flatten()
    }

    /// The same of a member that is known to Prometheus as text, where `""` is another thing than none.
    pub fn read_even_empty(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        self.read(fields, key, Node::text)
    }

    /// A list of texts.
    pub fn texts(&mut self, fields: &Fields<'_>, key: &str) -> Vec<String> {
        let nodes = self.read(fields, key, Node::list).unwrap_or_default();
        nodes.iter().filter_map(|node| self.take(node.text(key))).collect()
    }

    /// The members of a map. `missing` are what Prometheus knows and nobody here does.
    pub fn fields<'a>(
        &mut self,
        node: &'a Node,
        what: &'a str,
        known: &[&str],
        missing: &[&str],
    ) -> Option<Fields<'a>> {
        let members = self.take(node.members(what))?;
        for (key, value) in members {
            let off = value.is_null() || value.truth("").is_ok_and(|on| !on);
            if missing.contains(&key.text.as_str()) && !off {
                self.add(key.place, &key.text, "this setting of Prometheus is not supported here");
            } else if !missing.contains(&key.text.as_str()) && !known.contains(&key.text.as_str()) {
                let message = format!("is not a field of {what}, which has {}", known.join(", "));
                self.add(key.place, &key.text, message);
            }
        }
        self.take(node.fields(what, &[], true))
    }
}
