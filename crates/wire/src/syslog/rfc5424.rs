use super::header::{visible, word};
use super::structured::StructuredData;
use super::time::Time;
use super::{Message, SyslogError};

/// Reads `VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]` behind the priority.
pub(super) fn parse<'a>(bytes: &'a [u8], priority: u8, rest: &'a [u8]) -> Result<Message<'a>, SyslogError> {
    let mut header = Header { all: bytes.len(), rest: rest.get(2..).unwrap_or_default() };
    let mut message = Message::new(priority, true);
    let at = header.at();
    let wrong = SyslogError { at, what: "no time of RFC 3339" };
    message.time = header.field(64)?.map(|text| text.parse().map(Time::At).map_err(|_| wrong)).transpose()?;
    message.hostname = header.field(255)?;
    message.app_name = header.field(48)?;
    message.proc_id = header.field(128)?;
    message.msg_id = header.field(32)?;
    let at = header.at();
    let (structured, rest) =
        StructuredData::parse(header.rest).map_err(|(offset, what)| SyslogError { at: at + offset, what })?;
    message.structured = structured;
    message.message = match rest.split_first() {
        None => rest,
        Some((b' ', text)) => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
        Some(_) => return Err(SyslogError { at: bytes.len() - rest.len(), what: "no space before the message" }),
    };
    Ok(message)
}

struct Header<'a> {
    all: usize,
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    fn at(&self) -> usize {
        self.all - self.rest.len()
    }

    /// A field of at most `max` visible characters; none for `-`.
    fn field(&mut self, max: usize) -> Result<Option<&'a str>, SyslogError> {
        let at = self.at();
        let (field, rest) = word(self.rest);
        let wrong = |what| Err(SyslogError { at, what });
        match visible(field) {
            None => wrong("a field that is not visible ASCII"),
            Some("") => wrong("a field is missing"),
            Some(text) if text.len() > max => wrong("a field is longer than RFC 5424 allows"),
            Some(text) => {
                self.rest = rest;
                Ok(Some(text).filter(|text| *text != "-"))
            }
        }
    }
}
