/// Writes a message, for answers and for what comes as JSON.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Writes behind what `out` has.
    pub fn new(out: Vec<u8>) -> Self {
        Self { out }
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// How many bytes were written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// A varint without a tag, as packed numbers have it.
    pub fn bare_varint(&mut self, value: u64) {
        let (bytes, len) = varint(value);
        self.out.extend(bytes.into_iter().take(len));
    }

    /// Bytes without a tag, as packed numbers have them.
    pub fn bare_bytes(&mut self, value: &[u8]) {
        self.out.extend_from_slice(value);
    }

    fn tag(&mut self, number: u32, wire: u8) {
        self.bare_varint(u64::from(number) << 3 | u64::from(wire));
    }

    /// Any number that is written as a varint; the caller gives its bits.
    pub fn varint(&mut self, number: u32, value: u64) {
        self.tag(number, 0);
        self.bare_varint(value);
    }

    /// `fixed64`, or the bits of a `double`.
    pub fn fixed64(&mut self, number: u32, value: u64) {
        self.tag(number, 1);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// `fixed32`
    pub fn fixed32(&mut self, number: u32, value: u32) {
        self.tag(number, 5);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// `double`
    pub fn double(&mut self, number: u32, value: f64) {
        self.fixed64(number, value.to_bits());
    }

    /// `string` or `bytes`
    pub fn bytes(&mut self, number: u32, value: &[u8]) {
        self.tag(number, 2);
        self.bare_varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    /// Begins a message or a row of packed numbers; give what it returns to [`Writer::end`].
    pub fn begin(&mut self, number: u32) -> usize {
        self.tag(number, 2);
        self.out.push(0);
        self.out.len()
    }

    /// Ends what [`Writer::begin`] began. The length takes one byte in most messages; what is longer is moved.
    pub fn end(&mut self, start: usize) {
        let (bytes, len) = varint(self.out.len().saturating_sub(start) as u64);
        self.out.splice(start.saturating_sub(1)..start, bytes.into_iter().take(len));
    }

    /// A message that `fill` writes.
    pub fn message(&mut self, number: u32, fill: impl FnOnce(&mut Self)) {
        let start = self.begin(number);
        fill(self);
        self.end(start);
    }
}

fn varint(mut value: u64) -> ([u8; 10], usize) {
    let (mut bytes, mut len) = ([0; 10], 0);
    for byte in &mut bytes {
        len += 1;
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    (bytes, len)
}
