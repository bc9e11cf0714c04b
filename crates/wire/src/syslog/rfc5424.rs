use super::header::{visible, word};
use super::structured::StructuredData;
use super::time::Time;
use super::{Message, SyslogError};

/// Characters of a field of the header. RFC 5424 has fewer, from 32 for the kind of message to 255 for the host; senders
/// do not keep to it (Docker writes a container's name as both program and kind), and what is longer is no header.
const MAX_FIELD: usize = 1024;

/// Reads `VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]` behind the priority.
pub(super) fn parse<'a>(bytes: &'a [u8], priority: u8, rest: &'a [u8]) -> Result<Message<'a>, SyslogError> {
    let mut header = Header { all: bytes.len(), rest: rest.get(2..).unwrap_or_default() };
    let mut message = Message::new(priority, true);
    let at = header.at();
    let wrong = SyslogError { at, what: "no time of RFC 3339" };
    message.time = header.field()?.map(|text| text.parse().map(Time::At).map_err(|_| wrong)).transpose()?;
    message.hostname = header.field()?;
    message.app_name = header.field()?;
    message.proc_id = header.field()?;
    message.msg_id = header.field()?;
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

    /// A field of visible characters; none for `-`.
    fn field(&mut self) -> Result<Option<&'a str>, SyslogError> {
        let at = self.at();
        let (field, rest) = word(self.rest);
        let wrong = |what| Err(SyslogError { at, what });
        match visible(field) {
            None => wrong("a field that is not visible ASCII"),
            Some("") => wrong("a field is missing"),
            Some(text) if text.len() > MAX_FIELD => wrong("a field is longer than 1024 characters"),
            Some(text) => {
                self.rest = rest;
                Ok(Some(text).filter(|text| *text != "-"))
            }
        }
    }
}
