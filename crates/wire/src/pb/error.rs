/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes end within a field.
    #[error("cut short")]
    Truncated,
    /// A varint of more than 64 bits.
    #[error("a varint of more than 64 bits")]
    Varint,
    /// A field number that is zero or over 2^29 - 1.
    #[error("no field has the number {0}")]
    Number(u64),
    /// Groups have not been sent since proto2 deprecated them, and the formats here have none.
    #[error("a group, which these messages do not have")]
    Group,
    /// A wire type that does not exist.
    #[error("wire type {0}, which does not exist")]
    NoWireType(u8),
    /// A field with another wire type than its declaration says.
    #[error("wire type {got} where {want} is declared")]
    WireType {
        /// What is there.
        got: u8,
        /// What the declaration says.
        want: u8,
    },
    /// A string that is not UTF-8.
    #[error("a string that is not UTF-8")]
    Utf8,
    /// Messages within messages, too many.
    #[error("messages within messages, more than {0} deep")]
    Depth(u8),
}

/// Why a message cannot be read, and where. A reader that failed has no more to give: what follows
/// the place cannot be trusted.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {}: {}", .0.path, .0.at, .0.fault)]
pub struct Error(Box<Place>); // boxed, so that results stay small where nothing fails

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    at: usize,
    path: String,
    fault: Fault,
}

impl Error {
    pub(super) fn new(at: usize, path: String, fault: Fault) -> Self {
        Self(Box::new(Place { at, path, fault }))
    }

    /// The byte of the body where the fault is.
    pub fn at(&self) -> usize {
        self.0.at
    }

    /// The names of the fields that lead there: `WriteRequest.timeseries[2].labels[0].name`.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What is wrong.
    pub fn fault(&self) -> &Fault {
        &self.0.fault
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
