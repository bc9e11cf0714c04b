//! What is sent to a client: messages in one buffer, each with its length.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use std::fmt;

use crate::column::{Column, Format};
use crate::failure::Failure;

/// Messages that are not sent yet.
#[derive(Debug, Default)]
pub struct Reply(Vec<u8>);

/// The body of a message that is being written.
pub struct Out<'a>(&'a mut Vec<u8>);

impl Reply {
    /// What is to be sent.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets what was sent; a buffer that had to be large is given back.
    pub fn clear(&mut self) {
        const KEPT: usize = 1 << 20;
        self.0.clear();
        self.0.shrink_to(KEPT);
    }

    /// Adds a message of that kind.
    pub fn message(&mut self, kind: u8, body: impl FnOnce(&mut Out<'_>)) {
        self.0.push(kind);
        let begin = self.0.len();
        let mut out = Out(&mut self.0);
        out.put_i32(0);
        body(&mut out);
        out.set_length(begin, 0);
    }

    /// A message without a body.
    pub fn bare(&mut self, kind: u8) {
        self.message(kind, |_| {});
    }

    /// `Authentication` with that number and `data`.
    pub fn authentication(&mut self, number: i32, data: &[u8]) {
        self.message(b'R', |out| {
            out.put_i32(number);
            out.put(data);
        });
    }

    /// A setting, as it is now.
    pub fn parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |out| {
            out.put_text(name);
            out.put_text(value);
        });
    }

    /// By what this session is cancelled.
    pub fn key(&mut self, process: u32, secret: u32) {
        self.message(b'K', |out| {
            out.put(&process.to_be_bytes());
            out.put(&secret.to_be_bytes());
        });
    }

    /// The next statement may come; `status` is `I`, `T` or `E`.
    pub fn ready(&mut self, status: u8) {
        self.message(b'Z', |out| out.put(&[status]));
    }

    /// A command has ended.
    pub fn complete(&mut self, tag: &str) {
        self.message(b'C', |out| out.put_text(tag));
    }

    /// The columns that rows will have.
    pub fn row_description(&mut self, columns: &[Column]) {
        self.message(b'T', |out| {
            out.put_i16(columns.len() as i16);
            for column in columns {
                out.put_text(&column.name);
                // Of no table that a client could ask for.
                out.put_i32(0);
                out.put_i16(0);
                out.put(&column.of.oid().to_be_bytes());
                out.put_i16(column.of.size());
                out.put_i32(-1);
                out.put_i16(i16::from(column.format == Format::Binary));
            }
        });
    }

    /// The types of parameters, by their numbers.
    pub fn parameter_description(&mut self, types: &[u32]) {
        self.message(b't', |out| {
            out.put_i16(types.len() as i16);
            types.iter().for_each(|oid| out.put(&oid.to_be_bytes()));
        });
    }

    /// A row of one text.
    pub fn text_row(&mut self, values: &[&str]) {
        self.message(b'D', |out| {
            out.put_i16(values.len() as i16);
            values.iter().for_each(|value| out.sized(|out| out.put(value.as_bytes())));
        });
    }

    /// Why there is no answer.
    pub fn failure(&mut self, failure: &Failure) {
        self.message(b'E', |out| fields(out, failure.severity(), failure.code, &failure.message, failure.position));
    }

    /// What the reader should know beside the rows.
    pub fn warning(&mut self, message: &str) {
        self.message(b'N', |out| fields(out, "WARNING", "01000", message, None));
    }
}

fn fields(out: &mut Out<'_>, severity: &str, code: &str, message: &str, position: Option<usize>) {
    let position = position.map(|position| position.to_string());
    let texts = [(b'S', severity), (b'V', severity), (b'C', code), (b'M', message)];
    let place = position.as_deref().map(|position| (b'P', position));
    for (field, text) in texts.into_iter().chain(place) {
        out.put(&[field]);
        out.put_text(text);
    }
    out.put(&[0]);
}

impl Out<'_> {
    /// Adds bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Adds two bytes.
    pub fn put_i16(&mut self, value: i16) {
        self.put(&value.to_be_bytes());
    }

    /// Adds four bytes.
    pub fn put_i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }

    /// Adds a text and a zero; a zero in the text would end it.
    pub fn put_text(&mut self, text: &str) {
        self.0.extend(text.bytes().filter(|byte| *byte != 0));
        self.0.push(0);
    }

    /// Adds a value with its length before it.
    pub fn sized(&mut self, value: impl FnOnce(&mut Self)) {
        let begin = self.0.len();
        self.put_i32(0);
        value(self);
        self.set_length(begin, 4);
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What was added since there were `begin` bytes.
    pub fn since(&self, begin: usize) -> &[u8] {
        self.0.get(begin..).unwrap_or_default()
    }

    /// Puts other bytes in the place of those since `begin`.
    pub fn replace(&mut self, begin: usize, bytes: &[u8]) {
        self.0.truncate(begin);
        self.put(bytes);
    }

    /// Sets the length at `begin`, of which `own` bytes do not count.
    fn set_length(&mut self, begin: usize, own: usize) {
        let length = (self.0.len() - begin - own) as i32;
        if let Some(place) = self.0.get_mut(begin..begin + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
}

impl fmt::Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
