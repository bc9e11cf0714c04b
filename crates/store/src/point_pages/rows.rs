//! The samples on the pages of a row group.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use model::Key;
use parking_lot::Mutex;
use parquet::basic::Encoding;

use super::column::{Column, Values};
use super::delta::delta;
use super::hybrid::hybrid;
use super::unpack::Unpacker;
use crate::StoreError;
use crate::points::{KEY, scale};

/// Whose samples are wanted, from the first time to the last.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// The keys, in order; each once.
    pub sorted: Arc<[Key]>,
    pub times: RangeInclusive<i64>,
}

/// With more entries of a dictionary for each key that is wanted, keys are looked for instead of all being gone through.
const ENTRIES_OF_A_KEY: usize = 8;

/// Gets samples: the place of their key among those wanted, their times and values.
pub(crate) type Take<'a> = dyn FnMut(usize, &[i64], &[f64]) -> Result<(), StoreError> + Send + 'a;

/// The columns of a row group of samples.
pub(super) struct Columns {
    pub keys: Column,
    pub times: Column,
    pub plain: Column,
    pub scaled: Column,
    pub exponents: Column,
}

/// What pages take when they are read, which those that follow use again.
pub(crate) struct Room {
    unpacker: Unpacker,
    page: Vec<u8>,
    runs: Vec<(usize, Range<usize>)>,
    times: Vec<i64>,
    numbers: Vec<i64>,
    values: Vec<f64>,
}

/// Rooms that nobody uses now: a decompressor alone has more than a hundred kilobytes, which take time to be got.
static ROOMS: Mutex<Vec<Room>> = Mutex::new(Vec::new());
/// How many are kept, and bytes of a page in one that is.
const KEPT: usize = 4;
const KEPT_PAGE: usize = 1 << 20;

impl Room {
    /// One that was kept, or a new one.
    pub fn taken() -> Self {
        if let Some(room) = ROOMS.lock().pop() {
            return room;
        }
        let (runs, times, numbers, values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { unpacker: Unpacker::new(), page: Vec::new(), runs, times, numbers, values }
    }

    /// Keeps it for who comes next.
    pub fn keep(self) {
        let largest = [self.page.capacity(), 8 * self.times.capacity(), 8 * self.numbers.capacity()];
        let is_small = largest.into_iter().max() <= Some(KEPT_PAGE);
        let mut rooms = ROOMS.lock();
        if is_small && rooms.len() < KEPT {
            rooms.push(self);
        }
    }
}

/// Reads page after page.
pub(super) struct Rows<'a> {
    columns: Columns,
    wanted: &'a Wanted,
    /// For each entry of the dictionary of keys, its place if it is wanted.
    places: Vec<Option<usize>>,
    powers: Vec<f64>,
    room: &'a mut Room,
}

impl<'a> Rows<'a> {
    pub fn new(columns: Columns, wanted: &'a Wanted, room: &'a mut Room) -> Option<Self> {
        let keys = columns.keys.dictionary(&mut room.unpacker)?;
        let places = places(keys.as_chunks::<KEY>().0, &wanted.sorted);
        let exponents = columns.exponents.dictionary(&mut room.unpacker)?;
        let power = |bytes: &[u8; 4]| scale::power(i32::from_le_bytes(*bytes));
        let powers = exponents.as_chunks::<4>().0.iter().map(power).collect();
        Some(Self { columns, wanted, places, powers, room })
    }

    fn page(&mut self, of: impl Fn(&Columns) -> &Column, n: usize, rows: usize) -> Option<Values> {
        let Room { unpacker, page, .. } = &mut *self.room;
        of(&self.columns).page(n, rows, unpacker, std::mem::take(page)).filter(Values::is_full)
    }

    /// Gives the samples of page `n`, which has these rows of the row group. Nothing if it is not as it is written here.
    pub fn read(&mut self, n: usize, page: Range<usize>, take: &mut Take<'_>) -> Option<Result<(), StoreError>> {
        let rows = page.len();
        self.find_keys(n, rows)?;
        if self.room.runs.is_empty() {
            return Some(Ok(()));
        }
        self.find_times(n, rows)?;
        let (Some((_, first)), Some((_, last))) = (self.room.runs.first(), self.room.runs.last()) else {
            return Some(Ok(()));
        };
        let (lo, hi) = (first.start, last.end);
        self.find_values(&(page.start + lo..page.start + hi))?;
        for (place, rows) in &self.room.runs {
            let times = self.room.times.get(rows.clone())?;
            let values = self.room.values.get(rows.start - lo..rows.end - lo)?;
            if let Err(error) = take(*place, times, values) {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    /// Which rows have a key that is wanted.
    fn find_keys(&mut self, n: usize, rows: usize) -> Option<()> {
        let page = self.page(|columns| &columns.keys, n, rows)?;
        let (runs, places, wanted) = (&mut self.room.runs, &self.places, &self.wanted.sorted);
        runs.clear();
        let mut row = 0;
        let mut push = |place: Option<usize>, len: usize| {
            let from = row;
            row += len;
            match (place, runs.last_mut()) {
                (None, _) => {}
                (Some(place), Some((last, rows))) if *last == place && rows.end == from => rows.end = row,
                (Some(place), _) => runs.push((place, from..row)),
            }
        };
        let found = match page.encoding {
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                let (width, bytes) = page.bytes().split_first()?;
                hybrid(bytes, usize::from(*width), rows, |entry, len| {
                    push(*places.get(entry)?, len);
                    Some(())
                })
            }
            Encoding::PLAIN => {
                let keys = page.bytes().as_chunks::<KEY>().0.get(..rows)?;
                keys.chunk_by(|a, b| a == b).for_each(|same| {
                    push(same.first().and_then(|key| wanted.binary_search(&Key(*key)).ok()), same.len());
                });
                Some(())
            }
            _ => None,
        };
        self.room.page = page.into_room();
        found
    }

    /// Which of them have a time that is wanted.
    fn find_times(&mut self, n: usize, rows: usize) -> Option<()> {
        let page = self.page(|columns| &columns.times, n, rows)?;
        if page.encoding != Encoding::DELTA_BINARY_PACKED {
            return None;
        }
        let Room { runs, times, page: room, .. } = &mut *self.room;
        let end = runs.last().map_or(0, |(_, rows)| rows.end);
        delta(page.bytes(), end, times)?;
        *room = page.into_room();
        let (first, last) = (self.wanted.times.start(), self.wanted.times.end());
        runs.retain_mut(|(_, rows)| {
            let times = times.get(rows.clone()).unwrap_or_default();
            let from = times.partition_point(|time| time < first);
            let to = times.partition_point(|time| time <= last);
            *rows = rows.start + from..rows.start + to;
            from < to
        });
        Some(())
    }

    /// The values of these rows of the row group.
    fn find_values(&mut self, rows: &Range<usize>) -> Option<()> {
        self.room.values.clear();
        self.room.values.resize(rows.len(), 0.0);
        let scaled = self.find_scaled(rows)?;
        if scaled > 0 {
            self.divide(rows)?;
        }
        if scaled < rows.len() {
            self.find_plain(rows)?;
        }
        Some(())
    }

    /// The whole numbers, as they are; gives how many there are.
    fn find_scaled(&mut self, rows: &Range<usize>) -> Option<usize> {
        let (Room { numbers, values, unpacker, .. }, mut found) = (&mut *self.room, 0);
        self.columns.scaled.pages_of(rows.clone(), unpacker, |page, first, own| {
            let (mut at, count) = (page.count(own.start), page.count(own.end));
            found += count - at;
            if count > at && page.encoding != Encoding::DELTA_BINARY_PACKED {
                return None;
            }
            if count > at {
                delta(page.bytes(), count, numbers)?;
            }
            page.present(own.start, own.end, |row, run| {
                let row = first + row - rows.start;
                let to = values.get_mut(row..row + run).unwrap_or_default();
                let from = numbers.get(at..at + run).unwrap_or_default();
                to.iter_mut().zip(from).for_each(|(value, number)| *value = *number as f64);
                at += run;
            });
            Some(())
        })?;
        Some(found)
    }

    /// Divides them by their powers of ten. Other values come later.
    fn divide(&mut self, rows: &Range<usize>) -> Option<()> {
        let (Room { values, unpacker, .. }, powers) = (&mut *self.room, &self.powers);
        self.columns.exponents.pages_of(rows.clone(), unpacker, |page, first, own| {
            let count = page.count(own.end);
            if count == page.count(own.start) {
                return Some(());
            }
            if !matches!(page.encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY) {
                return None;
            }
            let mut places = Vec::new();
            page.present(0, own.end, |row, run| places.push(row..row + run));
            let mut places = places.into_iter();
            let mut open = places.next()?;
            let (width, bytes) = page.bytes().split_first()?;
            hybrid(bytes, usize::from(*width), count, |entry, mut len| {
                let power = *powers.get(entry)?;
                while len > 0 {
                    if open.is_empty() {
                        open = places.next()?;
                    }
                    let run = open.start..open.end.min(open.start + len);
                    len -= run.len();
                    open.start = run.end;
                    let at = |row: usize| first + row.max(own.start) - rows.start;
                    if power.to_bits() != 1.0_f64.to_bits() {
                        let values = values.get_mut(at(run.start)..at(run.end))?;
                        values.iter_mut().for_each(|value| *value /= power);
                    }
                }
                Some(())
            })
        })
    }

    /// The values that are no whole numbers.
    fn find_plain(&mut self, rows: &Range<usize>) -> Option<()> {
        let Room { values, unpacker, .. } = &mut *self.room;
        self.columns.plain.pages_of(rows.clone(), unpacker, |page, first, own| {
            let (mut at, count) = (page.count(own.start), page.count(own.end));
            if count == at {
                return Some(());
            }
            let doubles = Doubles::of(page).filter(|doubles| doubles.len() >= count)?;
            page.present(own.start, own.end, |row, run| {
                let row = first + row - rows.start;
                doubles.read(at, values.get_mut(row..row + run).unwrap_or_default());
                at += run;
            });
            Some(())
        })
    }
}

/// The doubles of a page.
enum Doubles<'a> {
    /// One after the other.
    Plain(&'a [[u8; 8]]),
    /// First the first byte of each, and so on.
    Split([&'a [u8]; 8]),
}

impl<'a> Doubles<'a> {
    fn of(page: &'a Values) -> Option<Self> {
        let bytes = page.bytes();
        match page.encoding {
            Encoding::PLAIN => Some(Self::Plain(bytes.as_chunks().0)),
            Encoding::BYTE_STREAM_SPLIT => {
                let mut streams = bytes.chunks_exact((bytes.len() / 8).max(1));
                let streams = std::array::from_fn(|_| streams.next().unwrap_or_default());
                Some(Self::Split(streams))
            }
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(doubles) => doubles.len(),
            Self::Split(streams) => streams.iter().map(|bytes| bytes.len()).min().unwrap_or(0),
        }
    }

    /// Those from number `at` on.
    fn read(&self, at: usize, into: &mut [f64]) {
        match self {
            Self::Plain(doubles) => {
                let doubles = doubles.get(at..).unwrap_or_default();
                into.iter_mut().zip(doubles).for_each(|(value, bytes)| *value = f64::from_le_bytes(*bytes));
            }
            Self::Split(streams) => {
                let [a, b, c, d, e, f, g, h] = streams.map(|bytes| bytes.get(at..).unwrap_or_default());
                let low = a.iter().zip(b).zip(c.iter().zip(d));
                let high = e.iter().zip(f).zip(g.iter().zip(h));
                for (value, (((a, b), (c, d)), ((e, f), (g, h)))) in into.iter_mut().zip(low.zip(high)) {
                    *value = f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                }
            }
        }
    }
}

/// For each entry of a sorted dictionary, its place if it is wanted.
fn places(dictionary: &[[u8; KEY]], wanted: &[Key]) -> Vec<Option<usize>> {
    let mut places = vec![None; dictionary.len()];
    let (Some(first), Some(last)) = (dictionary.first(), dictionary.last()) else { return places };
    let from = wanted.partition_point(|key| key.0 < *first);
    let to = wanted.partition_point(|key| key.0 <= *last);
    let keys = (from..to).zip(wanted.get(from..to).unwrap_or_default());
    if to.saturating_sub(from) < dictionary.len() / ENTRIES_OF_A_KEY {
        for (place, key) in keys {
            if let Some(entry) = dictionary.binary_search(&key.0).ok().and_then(|at| places.get_mut(at)) {
                *entry = Some(place);
            }
        }
        return places;
    }
    let mut keys = keys.peekable();
    for (entry, of) in places.iter_mut().zip(dictionary) {
        while keys.next_if(|(_, key)| key.0 < *of).is_some() {}
        *entry = keys.next_if(|(_, key)| key.0 == *of).map(|(place, _)| place);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_a_dictionary_have_places_and_one_that_is_not_in_order_has_fewer() {
        let wanted: Vec<Key> = [1, 3, 5].map(|n| Key([n; KEY])).into();
        assert_eq!(places(&[1, 2, 3, 9].map(|n| [n; KEY]), &wanted), [Some(0), None, Some(1), None]);
        assert_eq!(places(&[9, 3, 1].map(|n| [n; KEY]), &wanted), [None; 3]);
    }
}
