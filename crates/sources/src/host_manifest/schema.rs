//! The kinds of a host and their fields, as the collectors of hosts name them.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A text.
    Text,
    /// A whole number, not negative.
    Number,
    /// What a file is: one of [`FILE_TYPES`].
    Sort,
    /// Permission bits in octal: `"0644"`.
    Mode,
    /// A list of texts; the order does not matter.
    Names,
    /// `blake3:`, `keyed:`, `md5:` or `sha256:` and hexadecimal digits.
    Digest,
    /// Whether a password is `locked`, `set` or `empty`; never the password.
    Password,
}

/// A field of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) of: Type,
}

/// A kind of resources of a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// As ids have it.
    pub(crate) kind: &'static str,
    /// As manifests name a group of them.
    pub(crate) group: &'static str,
    /// As ids have it.
    pub(crate) namespace: &'static str,
    pub(crate) fields: &'static [Field],
    /// The field that a single value stands for: `nginx: 1.22.1-9`.
    pub(crate) short: Option<&'static str>,
}

const fn field(name: &'static str, of: Type) -> Field {
    Field { name, of }
}

/// What a file can be.
pub(crate) const FILE_TYPES: &[&str] = &["file", "directory", "symlink", "fifo", "socket", "block", "char"];

/// The fields of a file, but for `content` and `source`, which become `digest`.
const FILE: &[Field] = &[
    field("type", Type::Sort),
    field("mode", Type::Mode),
    field("owner", Type::Text),
    field("group", Type::Text),
    field("target", Type::Text),
    field("digest", Type::Digest),
];
const PACKAGE: &[Field] =
    &[field("version", Type::Text), field("architecture", Type::Text), field("status", Type::Text)];

/// Every kind; `file` is the first.
pub(crate) const KINDS: &[Kind] = &[
    Kind { kind: "file", group: "files", namespace: "", fields: FILE, short: None },
    Kind { kind: "package", group: "packages", namespace: "dpkg", fields: PACKAGE, short: Some("version") },
    Kind { kind: "package", group: "rpm_packages", namespace: "rpm", fields: PACKAGE, short: Some("version") },
    Kind {
        kind: "unit",
        group: "units",
        namespace: "",
        fields: &[field("enabled", Type::Text), field("active", Type::Text), field("fragment", Type::Text)],
        short: None,
    },
    Kind {
        kind: "user",
        group: "users",
        namespace: "",
        fields: &[
            field("uid", Type::Number),
            field("gid", Type::Number),
            field("home", Type::Text),
            field("shell", Type::Text),
            field("comment", Type::Text),
            field("password", Type::Password),
        ],
        short: None,
    },
    Kind {
        kind: "group",
        group: "groups",
        namespace: "",
        fields: &[field("gid", Type::Number), field("members", Type::Names)],
        short: None,
    },
    Kind {
        kind: "sysctl",
        group: "sysctl",
        namespace: "",
        fields: &[field("value", Type::Text)],
        short: Some("value"),
    },
    Kind {
        kind: "socket",
        group: "sockets",
        namespace: "",
        fields: &[field("process", Type::Text), field("user", Type::Text)],
        short: None,
    },
];

/// The kind `file`.
pub(crate) const FILES: &Kind = &KINDS[0];

/// The kind whose group has that name.
pub(crate) fn group(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.group == name)
}

/// Keys of a document besides groups and the fields of a file.
pub(crate) const KEYS: &[&str] = &["host", "hosts", "manage", "resources", "file"];

/// Keys of a file besides its fields.
pub(crate) const CONTENT: &[&str] = &["content", "source"];
