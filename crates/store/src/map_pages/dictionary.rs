use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts by number, each once.
#[derive(Default)]
pub(super) struct Dictionary {
    /// Parquet's page of them: of each its length in four bytes, then itself.
    page: Vec<u8>,
    texts: Vec<Range<usize>>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Dictionary {
    /// The number of a text, which may be that of `like`: to look there is cheaper than to hash it. Texts are as long as Arrow's,
    /// and as many as one array of them has at most.
    #[inline]
    pub fn number(&mut self, text: &[u8], like: u32) -> u32 {
        if self.texts.get(like as usize).is_some_and(|at| self.page.get(at.clone()) == Some(text)) {
            return like;
        }
        self.find_or_add(text)
    }

    fn find_or_add(&mut self, text: &[u8]) -> u32 {
        let (page, texts, hasher) = (&mut self.page, &mut self.texts, &self.hasher);
        let of = |page: &[u8], texts: &[Range<usize>], number: u32| -> u64 {
            let text = texts.get(number as usize).and_then(|at| page.get(at.clone()));
            hasher.hash_one(text.unwrap_or_default())
        };
        let hash = hasher.hash_one(text);
        let is_it = |number: &u32| texts.get(*number as usize).is_some_and(|at| page.get(at.clone()) == Some(text));
        if let Some(number) = self.numbers.find(hash, is_it) {
            return *number;
        }
        let (number, length) = (texts.len() as u32, text.len() as u32);
        page.extend_from_slice(&length.to_le_bytes());
        texts.push(page.len()..page.len() + text.len());
        page.extend_from_slice(text);
        self.numbers.insert_unique(hash, number, |number| of(page, texts, *number));
        number
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Bytes of the page.
    pub fn bytes(&self) -> usize {
        self.page.len()
    }

    /// The page.
    pub fn into_page(self) -> Vec<u8> {
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_however_it_is_looked_for() {
        let mut dictionary = Dictionary::default();
        let texts: Vec<String> = (0..10_000).map(|n| "x".repeat(n % 40) + &n.to_string()).collect();
        for like in [0, 7, u32::MAX] {
            let numbers = texts.iter().map(|text| dictionary.number(text.as_bytes(), like));
            assert!(numbers.eq(0..10_000));
        }
        assert_eq!(dictionary.number(b"", 3), 10_000);
        assert_eq!(dictionary.number(b"", 10_000), 10_000);
        assert_eq!(dictionary.len(), 10_001);
        let page = dictionary.into_page();
        assert_eq!(page[..14], *b"\x01\0\0\x000\x02\0\0\0x1\x03\0\0"); // the first three
    }
}
