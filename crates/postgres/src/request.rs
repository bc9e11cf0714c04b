//! What a client sends: messages read from their bytes, none of which may be trusted.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use crate::column::Format;
use crate::failure::Failure;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Statements to be run as they are.
    Query(String),
    /// A statement to be kept.
    Parse {
        /// What it is kept as.
        name: String,
        /// The statement.
        text: String,
        /// The types of its parameters, 0 where they are not said.
        types: Vec<u32>,
    },
    /// Values for a kept statement.
    Bind(Bind),
    /// What a kept statement, or one with its values, takes and gives.
    Describe(Target, String),
    /// Rows, at most so many if that is not 0.
    Execute(String, usize),
    /// Forget one.
    Close(Target, String),
    /// The end of what belongs together.
    Sync,
    /// Send what there is.
    Flush,
    /// A part of a proof of who one is.
    Password(Vec<u8>),
    /// The end of the connection.
    Terminate,
    /// Rows for a table: nothing here asks for them.
    Copy,
    /// A call of a function by its number, which nobody uses any more.
    FunctionCall,
}

/// Values for a kept statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// What statement and values are kept as.
    pub portal: String,
    /// The statement.
    pub statement: String,
    /// One for every value, or one for all, or none: they are texts.
    pub formats: Vec<Format>,
    /// The values; nothing is null.
    pub values: Vec<Option<Vec<u8>>>,
    /// The same for the columns of the answer.
    pub result_formats: Vec<Format>,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A kept statement.
    Statement,
    /// One with its values.
    Portal,
}

/// Reads a message of that kind.
///
/// # Errors
/// If it is none: then nothing after it can be understood.
pub fn read(kind: u8, body: &[u8]) -> Result<Request, Failure> {
    let mut body = Body(body);
    let request = match kind {
        b'Q' => Request::Query(body.text()?),
        b'P' => Request::Parse { name: body.text()?, text: body.text()?, types: body.many(Body::number)? },
        b'B' => Request::Bind(bind(&mut body)?),
        b'D' => Request::Describe(body.target()?, body.text()?),
        b'E' => Request::Execute(body.text()?, usize::try_from(body.number()? as i32).unwrap_or(0)),
        b'C' => Request::Close(body.target()?, body.text()?),
        b'S' => Request::Sync,
        b'H' => Request::Flush,
        b'X' => Request::Terminate,
        b'p' => Request::Password(body.rest().to_vec()),
        b'd' | b'c' | b'f' => return Ok(Request::Copy),
        b'F' => return Ok(Request::FunctionCall),
        other => return Err(Failure::protocol(format!("invalid frontend message type {other}"))),
    };
    if body.0.is_empty() { Ok(request) } else { Err(malformed()) }
}

fn bind(body: &mut Body<'_>) -> Result<Bind, Failure> {
    Ok(Bind {
        portal: body.text()?,
        statement: body.text()?,
        formats: body.many(Body::format)?,
        values: body.many(Body::value)?,
        result_formats: body.many(Body::format)?,
    })
}

/// The format of value `n`, as a message gives formats.
pub fn format_of(formats: &[Format], n: usize) -> Format {
    match formats {
        [] => Format::Text,
        [all] => *all,
        each => each.get(n).copied().unwrap_or(Format::Text),
    }
}

/// The mechanism and the first words of a client that proves who it is.
pub fn initial_proof(body: &[u8]) -> Result<(String, Vec<u8>), Failure> {
    let mut body = Body(body);
    let mechanism = body.text()?;
    Ok((mechanism, body.value()?.unwrap_or_default()))
}

fn malformed() -> Failure {
    Failure::protocol("invalid message format")
}

/// What is left of a message.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Failure> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn text(&mut self) -> Result<String, Failure> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
        let text = self.take(end)?;
        self.take(1)?;
        let text = std::str::from_utf8(text);
        text.map(str::to_owned).map_err(|_| Failure::fatal("22021", "invalid byte sequence for encoding \"UTF8\""))
    }

    fn number(&mut self) -> Result<u32, Failure> {
        let bytes = self.take(4)?.try_into().map_err(|_| malformed())?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn short(&mut self) -> Result<u16, Failure> {
        let bytes = self.take(2)?.try_into().map_err(|_| malformed())?;
        Ok(u16::from_be_bytes(bytes))
    }

    fn many<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
        let count = self.short()?;
        // Grows as there are bytes for it: the count may be anything.
        (0..count).map(|_| item(self)).collect()
    }

    fn format(&mut self) -> Result<Format, Failure> {
        match self.short()? {
            0 => Ok(Format::Text),
            1 => Ok(Format::Binary),
            other => Err(Failure::protocol(format!("unsupported format code: {other}"))),
        }
    }

    fn value(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self.number()? {
            u32::MAX => Ok(None),
            length => Ok(Some(self.take(length as usize)?.to_vec())),
        }
    }

    fn target(&mut self) -> Result<Target, Failure> {
        match self.take(1)? {
            b"S" => Ok(Target::Statement),
            b"P" => Ok(Target::Portal),
            _ => Err(malformed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_are_sent() {
        assert_eq!(read(b'Q', b"SELECT 1\0"), Ok(Request::Query("SELECT 1".to_owned())));
        let parse = read(b'P', b"a\0SELECT $1\0\0\x01\0\0\0\x17");
        assert_eq!(parse, Ok(Request::Parse { name: "a".to_owned(), text: "SELECT $1".to_owned(), types: vec![23] }));
        let bind = read(b'B', b"p\0a\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0").unwrap();
        let values = vec![Some(b"x".to_vec()), None];
        let formats = vec![Format::Binary];
        let (portal, statement) = ("p".to_owned(), "a".to_owned());
        assert_eq!(bind, Request::Bind(Bind { portal, statement, formats, values, result_formats: vec![] }));
        assert_eq!(read(b'E', b"\0\0\0\0\x05"), Ok(Request::Execute(String::new(), 5)));
        assert_eq!(read(b'D', b"Sa\0"), Ok(Request::Describe(Target::Statement, "a".to_owned())));
    }

    #[test]
    fn no_prefix_and_no_garbage_is_a_message() {
        let whole: &[(u8, &[u8])] = &[
            (b'Q', b"SELECT 1\0"),
            (b'P', b"a\0SELECT $1\0\0\x01\0\0\0\x17"),
            (b'B', b"p\0a\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0"),
            (b'E', b"\0\0\0\0\x05"),
            (b'D', b"Sa\0"),
            (b'C', b"Pa\0"),
        ];
        for (kind, body) in whole {
            for end in 0..body.len() {
                assert!(read(*kind, &body[..end]).is_err(), "{} {end}", *kind as char);
            }
            let longer = [*body, b"\0"].concat();
            assert!(read(*kind, &longer).is_err(), "{}", *kind as char);
        }
        assert!(read(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xffx\0\0").is_err(), "a value longer than the message");
        assert!(read(b'B', b"\0\0\xff\xff").is_err(), "more formats than bytes");
        assert!(read(b'Q', b"\xff\0").is_err(), "no UTF-8");
        for kind in 0..=255 {
            let _ = read(kind, b"\x01\x02\x03\x04");
        }
    }
}
