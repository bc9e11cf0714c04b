//! Values of a key in columns of maps, looked up where the texts lie: no map is made.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, MAX_INLINE_VIEW_LEN, MapArray, StringBuilder, StringViewArray, make_view,
};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

/// Bytes of a value, about.
const VALUE_BYTES: usize = 16;

/// A key in a column of maps of texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapKey {
    /// The column, by its number in the table.
    pub column: usize,
    /// The key.
    pub key: String,
}

/// Whether a column holds maps of texts to texts (`Utf8`).
pub fn is_map_of_texts(data_type: &DataType) -> bool {
    let DataType::Map(entries, _) = data_type else { return false };
    match entries.data_type() {
        DataType::Struct(parts) => parts.len() == 2 && parts.iter().all(|part| *part.data_type() == DataType::Utf8),
        _ => false,
    }
}

/// The value of `key` in each of `maps`, as `Utf8`: the first if a map has the key more than once, null if it has none or
/// is none itself. Nothing if `maps` are not maps of texts, as `Utf8` or `Utf8View`.
pub fn values_of(maps: &dyn Array, key: &str) -> Option<ArrayRef> {
    let maps = maps.as_map_opt()?;
    if let Some(keys) = maps.keys().as_string_opt::<i32>() {
        return values_at(maps, |n| keys.value(n) == key);
    }
    let keys = maps.keys().as_string_view_opt()?;
    values_at(maps, is_view_of(keys, key))
}

/// The field of the values that [`values_of`] gives.
pub fn value_field(map: &Field, key: &str) -> Field {
    Field::new(format!("{}['{key}']", map.name()), DataType::Utf8, true)
}

/// Whether a text is `key`: mostly told by its length and its first bytes.
fn is_view_of<'a>(keys: &'a StringViewArray, key: &'a str) -> impl Fn(usize) -> bool + 'a {
    let (views, wanted) = (keys.views(), make_view(key.as_bytes(), 0, 0));
    let is_whole = key.len() <= MAX_INLINE_VIEW_LEN as usize;
    move |n| match is_whole {
        true => views[n] == wanted,
        false => views[n] as u64 == wanted as u64 && keys.value(n) == key,
    }
}

fn values_at(maps: &MapArray, is_key: impl Fn(usize) -> bool) -> Option<ArrayRef> {
    if let Some(values) = maps.values().as_string_opt::<i32>() {
        return Some(first_values(maps, is_key, |n| values.is_valid(n).then(|| values.value(n))));
    }
    let values = maps.values().as_string_view_opt()?;
    Some(first_values(maps, is_key, |n| values.is_valid(n).then(|| values.value(n))))
}

fn first_values<'a>(
    maps: &MapArray,
    is_key: impl Fn(usize) -> bool,
    value: impl Fn(usize) -> Option<&'a str>,
) -> ArrayRef {
    let mut texts = StringBuilder::with_capacity(maps.len(), maps.len() * VALUE_BYTES);
    let offsets = maps.value_offsets();
    for (n, (start, end)) in offsets.iter().zip(offsets.iter().skip(1)).enumerate() {
        // What a null lies over is not its own.
        let found = (*start as usize..*end as usize).find(|at| is_key(*at)).filter(|_| maps.is_valid(n));
        texts.append_option(found.and_then(&value));
    }
    Arc::new(texts.finish())
}

/// The same column with views (`Utf8View`) in place of the texts of its maps, for a reader that can leave texts where
/// they are.
pub(crate) fn with_views(field: &FieldRef) -> FieldRef {
    let DataType::Map(entries, sorted) = field.data_type() else { return Arc::clone(field) };
    let DataType::Struct(parts) = entries.data_type() else { return Arc::clone(field) };
    let view = |part: &FieldRef| match part.data_type() {
        DataType::Utf8 => Arc::new(part.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(part),
    };
    let parts: Fields = parts.iter().map(view).collect();
    let entries = entries.as_ref().clone().with_data_type(DataType::Struct(parts));
    Arc::new(field.as_ref().clone().with_data_type(DataType::Map(Arc::new(entries), *sorted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, MapBuilder, StringArray};
    use arrow::buffer::NullBuffer;
    use arrow::compute::cast;
    use model::{Cell, Labels};

    /// Longer than what a view holds itself, and another that begins as it does.
    const LONG: &str = "commit.collection";
    const LIKE: &str = "commit.collectors";

    type Entries<'a> = &'a [(&'a str, Option<&'a str>)];

    fn maps() -> MapArray {
        let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        let rows: [Option<Entries<'_>>; 7] = [
            Some(&[("did", Some("a")), (LONG, Some("app.bsky.feed.like"))]),
            Some(&[(LIKE, Some("no")), (LONG, Some("")), ("did", Some("b"))]),
            None,
            Some(&[]),
            Some(&[("did", Some("first")), ("did", Some("second"))]),
            Some(&[("di", Some("no")), ("didi", Some("no")), ("", Some("empty"))]),
            Some(&[("did", None), (LONG, Some("größer"))]),
        ];
        for row in rows {
            for (key, value) in row.into_iter().flatten() {
                maps.keys().append_value(key);
                maps.values().append_option(*value);
            }
            maps.append(row.is_some()).unwrap();
        }
        maps.finish()
    }

    fn viewed(maps: &MapArray) -> ArrayRef {
        let field: FieldRef = Arc::new(Field::new("m", maps.data_type().clone(), true));
        cast(maps, with_views(&field).data_type()).unwrap()
    }

    fn texts(values: &ArrayRef) -> Vec<Option<&str>> {
        values.as_string::<i32>().iter().collect()
    }

    #[test]
    fn the_first_value_of_a_key_is_found_in_texts_and_in_views() {
        let maps = maps();
        for maps in [Arc::new(maps.clone()) as ArrayRef, viewed(&maps)] {
            let of = |key| values_of(maps.as_ref(), key).unwrap();
            assert_eq!(texts(&of("did")), [Some("a"), Some("b"), None, None, Some("first"), None, None]);
            assert_eq!(
                texts(&of(LONG)),
                [Some("app.bsky.feed.like"), Some(""), None, None, None, None, Some("größer")]
            );
            assert_eq!(texts(&of("")), [None, None, None, None, None, Some("empty"), None]);
            assert_eq!(of("nowhere").null_count(), 7);
            assert_eq!(texts(&values_of(maps.slice(1, 2).as_ref(), "did").unwrap()), [Some("b"), None]);
        }
    }

    #[test]
    fn a_null_has_no_value_whatever_lies_under_it() {
        let whole = maps();
        let nulls = NullBuffer::from(vec![false, true, true, true, true, true, true]);
        let DataType::Map(field, sorted) = whole.data_type() else { panic!("a map") };
        let entries = whole.entries().clone();
        let maps = MapArray::new(Arc::clone(field), whole.offsets().clone(), entries, Some(nulls), *sorted);
        assert_eq!(texts(&values_of(&maps, "did").unwrap())[..2], [None, Some("b")]);
    }

    #[test]
    fn only_maps_of_texts_are_looked_into() {
        assert!(is_map_of_texts(&<Labels as Cell>::data_type()));
        assert!(!is_map_of_texts(viewed(&maps()).data_type()));
        assert!(!is_map_of_texts(&DataType::Utf8));
        assert!(values_of(&StringArray::from(vec!["a"]), "a").is_none());
        assert!(values_of(&Int64Array::from(vec![1]), "a").is_none());
    }
}
