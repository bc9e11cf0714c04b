use model::Document;
use serde_json::{Map, Value};

use crate::host::content::{Digest, FileType, Stat};
use crate::host::owners::Owners;

/// What stands for the content of a file in its document.
pub(crate) enum Body {
    /// A regular file's digest.
    Digest(Digest),
    /// Where a symbolic link leads, as it is written in it.
    Target(String),
    /// A file whose content we may not read, and what the system says.
    Unreadable(String),
    /// A file over the limit: its size.
    Oversize(u64),
    /// A file that changed each time it was read and was never read in one piece.
    Unstable,
    /// Nothing: directories, FIFOs, sockets, devices.
    None,
}

/// The document of a file: `type`, `mode`, `owner`, `group`, and by type `digest`, `target`,
/// `unreadable` with what the system says, `oversize` with `size`, or `unstable`.
pub(crate) fn document(stat: &Stat, owners: &Owners, body: Body) -> Document {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| _ = members.insert(name.to_owned(), value);
    put("type", stat.kind.as_str().into());
    // A link's own mode means nothing and differs by file system.
    if stat.kind != FileType::Symlink {
        put("mode", format!("{:04o}", stat.mode).into());
    }
    put("owner", owners.user(stat.uid).into());
    put("group", owners.group(stat.gid).into());
    match body {
        Body::Digest(digest) => put("digest", digest.to_string().into()),
        Body::Target(target) => put("target", target.into()),
        Body::Unreadable(why) => put("unreadable", why.into()),
        Body::Oversize(size) => {
            put("oversize", true.into());
            put("size", size.to_string().into());
        }
        Body::Unstable => put("unstable", true.into()),
        Body::None => {}
    }
    Document::new(Value::Object(members))
}
