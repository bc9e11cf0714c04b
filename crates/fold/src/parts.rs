//! State that is saved part by part.

/// State in parts under keys: a checkpoint then costs what has changed since the one before, and a
/// slice of the rest, however much is known.
pub trait Parts {
    /// What is not in parts: little, and saved each time.
    fn head(&self) -> Vec<u8>;

    /// Gives `out` the parts that have changed since they were last given, in a fixed order, until it
    /// is full. In the initial state there are none.
    fn changed(&mut self, out: &mut PartWriter);

    /// Gives `out` the parts that come after the one with the key `after`, whether that is still there or not, in an order that hangs on
    /// their keys only, until it is full. Without a key, all.
    fn rest(&self, after: &[u8], out: &mut PartWriter);

    /// Goes back to the state of which only the head is known. [`Self::take`] brings the parts, each once and in any
    /// order, then comes [`Self::end`].
    ///
    /// # Errors
    /// What is wrong with the head.
    fn begin(&mut self, head: &[u8]) -> Result<(), String>;

    /// Takes a part back.
    ///
    /// # Errors
    /// What is wrong with it.
    fn take(&mut self, key: &[u8], text: &[u8]) -> Result<(), String>;

    /// All parts are there. Nothing has changed yet.
    ///
    /// # Errors
    /// What is missing.
    fn end(&mut self) -> Result<(), String>;
}

/// Parts, one after the other:
///
/// ```text
/// key length u32 | text length u32, all ones if the part is gone | key | text
/// ```
///
/// Numbers are little-endian.
#[derive(Debug)]
pub struct PartWriter {
    bytes: Vec<u8>,
    most: usize,
    /// Where the last key is.
    last: std::ops::Range<usize>,
}

const GONE: u32 = u32::MAX;
/// What a state in parts begins with; one as JSON does not.
const MAGIC: &[u8; 8] = b"STFDWHL1";

impl PartWriter {
    /// Is full once it has `most` bytes; the last part may exceed that.
    pub(crate) const fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most, last: 0..0 }
    }

    /// Adds a part.
    pub fn put(&mut self, key: &[u8], text: &[u8]) {
        self.add(key, Some(text));
    }

    /// Adds that a part is gone.
    pub fn gone(&mut self, key: &[u8]) {
        self.add(key, None);
    }

    /// Whether it takes no more.
    pub const fn is_full(&self) -> bool {
        self.bytes.len() >= self.most
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn last(&self) -> &[u8] {
        self.bytes.get(self.last.clone()).unwrap_or_default()
    }

    fn add(&mut self, key: &[u8], text: Option<&[u8]>) {
        // Parts are of records, which are far smaller.
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(GONE - 1);
        self.bytes.extend(length(key).to_le_bytes());
        self.bytes.extend(text.map_or(GONE, length).to_le_bytes());
        self.last = self.bytes.len()..self.bytes.len() + key.len();
        self.bytes.extend(key);
        self.bytes.extend(text.unwrap_or_default());
    }
}

/// Parts, as a [`PartWriter`] wrote them: a key, and a text unless the part is gone.
pub(crate) struct PartReader<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for PartReader<'a> {
    type Item = Result<(&'a [u8], Option<&'a [u8]>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let part = part(self.0);
        self.0 = part.map(|(.., rest)| rest).unwrap_or_default();
        Some(part.map(|(key, text, _)| (key, text)).ok_or_else(|| "a part is cut off".to_owned()))
    }
}

/// A key, its text, and what comes after.
type Part<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let (key, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_first_chunk::<4>()?;
    let (key, text) = (u32::from_le_bytes(*key), u32::from_le_bytes(*text));
    let (key, rest) = rest.split_at_checked(key as usize)?;
    if text == GONE {
        return Some((key, None, rest));
    }
    let (text, rest) = rest.split_at_checked(text as usize)?;
    Some((key, Some(text), rest))
}

/// All of a state in parts as one: for [`crate::Fold::checkpoint`].
///
/// ```text
/// magic "STFDWHL1" | head length u64 | parts length u64 | head | parts
/// ```
pub fn whole(state: &dyn Parts) -> Vec<u8> {
    let head = state.head();
    let mut parts = PartWriter::new(usize::MAX);
    state.rest(&[], &mut parts);
    let mut bytes = Vec::with_capacity(MAGIC.len() + 16 + head.len() + parts.bytes.len());
    bytes.extend(MAGIC);
    bytes.extend((head.len() as u64).to_le_bytes());
    bytes.extend((parts.bytes.len() as u64).to_le_bytes());
    bytes.extend(head);
    bytes.extend(parts.bytes);
    bytes
}

/// Takes back what [`whole`] gave; false if it is something else.
///
/// # Errors
/// What is wrong with it; the state may then be anything.
pub fn take_whole(state: &mut dyn Parts, bytes: &[u8]) -> Result<bool, String> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else { return Ok(false) };
    let (head, parts) = split(rest).ok_or("it is cut off, or has more than it says")?;
    state.begin(head)?;
    for part in PartReader(parts) {
        let (key, text) = part?;
        state.take(key, text.ok_or("a part of it is gone")?)?;
    }
    state.end()?;
    Ok(true)
}

fn split(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = rest.split_first_chunk::<8>()?;
    let (parts, rest) = rest.split_first_chunk::<8>()?;
    let (head, parts) = (u64::from_le_bytes(*head), u64::from_le_bytes(*parts));
    let whole = head.checked_add(parts)? == rest.len() as u64;
    rest.split_at_checked(usize::try_from(head).ok()?).filter(|_| whole)
}
