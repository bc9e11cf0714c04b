//! Rows as `COPY .. TO STDOUT` gives them.
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9>

use std::sync::atomic::{AtomicBool, Ordering};

use query::{PgCopy, PgCopyFormat, PgForced};

use super::cells::Cells;
use super::{binary, text};
use crate::column::Column;
use crate::failure::Failure;
use crate::reply::{Out, Reply};

/// How the binary format begins: its signature, flags, and the length of what is to be skipped.
const BINARY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Writes the rows of one `COPY`.
pub struct Copier {
    format: PgCopyFormat,
    header: bool,
    /// The columns that are always in quotes.
    forced: Vec<bool>,
    /// Whether [`BINARY_HEAD`] was written: clients look for it before the first row, in one message with that.
    has_begun: AtomicBool,
}

impl Copier {
    /// For an answer of these columns.
    ///
    /// # Errors
    /// If a column that is to be in quotes is not there.
    pub fn new(copy: &PgCopy, columns: &[Column]) -> Result<Self, Failure> {
        let forced = match &copy.format {
            PgCopyFormat::Csv { forced: PgForced::Named(names), .. } => {
                let missing = |name: &&String| columns.iter().all(|column| column.name != **name);
                if let Some(name) = names.iter().find(missing) {
                    return Err(Failure::new("42703", format!("column \"{name}\" does not exist")));
                }
                columns.iter().map(|column| names.contains(&column.name)).collect()
            }
            PgCopyFormat::Csv { forced: PgForced::All, .. } => vec![true; columns.len()],
            PgCopyFormat::Text { .. } | PgCopyFormat::Binary => Vec::new(),
        };
        Ok(Self { format: copy.format.clone(), header: copy.header, forced, has_begun: AtomicBool::new(false) })
    }

    /// That rows will come, and what is before them.
    pub fn begin(&self, columns: &[Column], reply: &mut Reply) {
        let is_binary = self.format == PgCopyFormat::Binary;
        reply.message(b'H', |out| {
            out.put(&[u8::from(is_binary)]);
            out.put_i16(columns.len() as i16);
            columns.iter().for_each(|_| out.put_i16(i16::from(is_binary)));
        });
        if self.header {
            reply.message(b'd', |out| {
                for (n, column) in columns.iter().enumerate() {
                    self.value(n, columns.len(), out, |out| out.put(column.name.as_bytes()));
                }
                out.put(b"\n");
            });
        }
    }

    /// A row.
    pub fn row(&self, cells: &[Cells], row: usize, reply: &mut Reply) {
        reply.message(b'd', |out| {
            if self.format == PgCopyFormat::Binary {
                self.head(out);
                out.put_i16(cells.len() as i16);
                for cells in cells {
                    match cells.is_null(row) {
                        true => out.put_i32(-1),
                        false => out.sized(|out| binary::write(cells, row, out)),
                    }
                }
                return;
            }
            for (n, of_column) in cells.iter().enumerate() {
                match of_column.is_null(row) {
                    true => self.null(n, out),
                    false => self.value(n, cells.len(), out, |out| text::write(of_column, row, out)),
                }
            }
            out.put(b"\n");
        });
    }

    /// That no more rows come.
    pub fn end(&self, reply: &mut Reply) {
        if self.format == PgCopyFormat::Binary {
            reply.message(b'd', |out| {
                self.head(out);
                out.put_i16(-1);
            });
        }
        reply.bare(b'c');
    }

    fn head(&self, out: &mut Out<'_>) {
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            out.put(BINARY_HEAD);
        }
    }

    fn delimiter(&self, n: usize, out: &mut Out<'_>) {
        if let PgCopyFormat::Text { delimiter, .. } | PgCopyFormat::Csv { delimiter, .. } = &self.format
            && n > 0
        {
            out.put(&[*delimiter as u8]);
        }
    }

    fn null(&self, n: usize, out: &mut Out<'_>) {
        self.delimiter(n, out);
        if let PgCopyFormat::Text { null, .. } | PgCopyFormat::Csv { null, .. } = &self.format {
            out.put(null.as_bytes());
        }
    }

    /// The value of column `n` of `count`, as the format wants it.
    fn value(&self, n: usize, count: usize, out: &mut Out<'_>, write: impl FnOnce(&mut Out<'_>)) {
        self.delimiter(n, out);
        let begin = out.len();
        write(out);
        let written = out.since(begin);
        let changed = match &self.format {
            PgCopyFormat::Text { delimiter, .. } => escaped(written, *delimiter as u8),
            PgCopyFormat::Csv { delimiter, null, quote, escape, .. } => {
                let special =
                    |byte: &u8| matches!(byte, b'\n' | b'\r') || *byte == *delimiter as u8 || *byte == *quote as u8;
                // A line of these two alone would be the end.
                let is_end = count == 1 && written == b"\\.";
                let is_forced = self.forced.get(n).copied().unwrap_or(false);
                let needs = is_forced || is_end || written == null.as_bytes() || written.iter().any(special);
                needs.then(|| quoted(written, *quote as u8, *escape as u8))
            }
            PgCopyFormat::Binary => None,
        };
        if let Some(changed) = changed {
            out.replace(begin, &changed);
        }
    }
}

/// A value with backslashes before what is special, if something is.
fn escaped(value: &[u8], delimiter: u8) -> Option<Vec<u8>> {
    let escape = |byte: u8| match byte {
        0x08 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0x0b => Some(b'v'),
        0x0c => Some(b'f'),
        b'\r' => Some(b'r'),
        byte if byte == b'\\' || byte == delimiter => Some(byte),
        _ => None,
    };
    if value.iter().all(|byte| escape(*byte).is_none()) {
        return None;
    }
    let mut out = Vec::with_capacity(value.len() + 8);
    for byte in value {
        match escape(*byte) {
            Some(escaped) => out.extend([b'\\', escaped]),
            None => out.push(*byte),
        }
    }
    Some(out)
}

fn quoted(value: &[u8], quote: u8, escape: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 2);
    out.push(quote);
    for byte in value {
        if *byte == quote || *byte == escape {
            out.push(escape);
        }
        out.push(*byte);
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_in_a_text_has_a_backslash() {
        assert_eq!(escaped(b"plain", b'\t'), None);
        assert_eq!(escaped(b"a\tb\nc\\d", b'\t').unwrap(), br"a\tb\nc\\d");
        assert_eq!(escaped(b"a|b", b'|').unwrap(), br"a\|b");
    }

    #[test]
    fn quotes_within_quotes_are_escaped() {
        assert_eq!(quoted(br#"a"b\c"#, b'"', b'"'), br#""a""b\c""#);
        assert_eq!(quoted(br#"a"b\c"#, b'"', b'\\'), br#""a\"b\\c""#);
    }
}
