use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use model::ResourceId;
use serde::{Deserialize, Serialize};

use super::scope::Place;

/// A place that a collector sees all of, but for what it leaves out there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(super) struct Cover {
    written: Written,
    out: Option<GlobSet>,
}

/// As `collect::Cover` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    place: Place,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
}

/// Whether a collector would see a resource if it were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// It would.
    Yes,
    /// It looks there, and leaves this one out.
    LeftOut,
    /// It does not look there.
    No,
}

impl Cover {
    pub(super) fn looks(&self, id: &ResourceId) -> Looks {
        if !self.written.place.holds(id) {
            return Looks::No;
        }
        match &self.out {
            Some(out) if !out.is_match(format!("/{}", id.name())) => Looks::Yes,
            _ => Looks::LeftOut,
        }
    }
}

/// What the covers say together: one that looks is enough.
pub(super) fn looks(covers: &[Cover], id: &ResourceId) -> Looks {
    let mut answer = Looks::No;
    for cover in covers {
        match cover.looks(id) {
            Looks::Yes => return Looks::Yes,
            Looks::LeftOut => answer = Looks::LeftOut,
            Looks::No => {}
        }
    }
    answer
}

/// Whether one of them is of the resource's kind and namespace, whatever the name.
pub(super) fn looks_beside(covers: &[Cover], id: &ResourceId) -> bool {
    let beside = |place: &Place| Place { prefix: String::new(), ..place.clone() }.holds(id);
    covers.iter().any(|cover| beside(&cover.written.place))
}

impl From<Written> for Cover {
    fn from(written: Written) -> Self {
        // Of what cannot be read nothing is known: then everything may be left out.
        let out = globs(&written.except).ok();
        Self { written, out }
    }
}

impl From<Cover> for Written {
    fn from(cover: Cover) -> Self {
        cover.written
    }
}

impl PartialEq for Cover {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

fn globs(texts: &[String]) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for text in texts {
        builder.add(GlobBuilder::new(text).literal_separator(true).build()?);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(json: &str) -> Vec<Cover> {
        serde_json::from_str(json).unwrap()
    }

    fn id(kind: &str, name: &str) -> ResourceId {
        ResourceId::new("host", "a", kind, "", name).unwrap()
    }

    #[test]
    fn a_cover_may_be_of_one_namespace() {
        let covers = covers(r#"[{"kind":"apps.Deployment","namespace":"shop","prefix":""}]"#);
        let looks = |namespace| {
            super::looks(&covers, &ResourceId::new("k8s", "a", "apps.Deployment", namespace, "web").unwrap())
        };
        assert_eq!((looks("shop"), looks("other")), (Looks::Yes, Looks::No));
    }

    #[test]
    fn what_is_left_out_is_not_looked_at() {
        let json = r#"[{"kind":"file","prefix":"etc/","except":["**/*.swp","/etc/app/**"]},{"kind":"file","prefix":"etc/app/in/"}]"#;
        let covers = covers(json);
        let looks = |name| super::looks(&covers, &id("file", name));
        assert_eq!((looks("etc/hosts"), looks("srv/x")), (Looks::Yes, Looks::No));
        assert_eq!(
            (looks("etc/a.swp"), looks("etc/x/a.swp"), looks("etc/app/x")),
            (Looks::LeftOut, Looks::LeftOut, Looks::LeftOut)
        );
        assert_eq!(looks("etc/app/in/x"), Looks::Yes, "another place of the same collector");
        assert_eq!(super::looks(&covers, &id("user", "etc/hosts")), Looks::No);
        assert_eq!(serde_json::to_string(&covers).unwrap(), json);
    }

    #[test]
    fn an_exception_that_cannot_be_read_excepts_everything() {
        let covers = covers(r#"[{"kind":"file","prefix":"","except":["["]}]"#);
        assert_eq!(super::looks(&covers, &id("file", "etc/hosts")), Looks::LeftOut);
    }
}
