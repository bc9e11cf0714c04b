//! How long the answers of functions may become, of those that may be called.

use datafusion::common::Result;
use datafusion::logical_expr::ColumnarValue;

use crate::sizes::{leaves, longest, of_array, of_scalar, shortest, sum, total};

/// How long an answer may be, beside what the function is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Growth {
    /// In a row no longer than what is given in it, or of a fixed size.
    Kept,
    /// Becomes a cast, whose type says how wide it is.
    Cast,
    /// As long as so many times everything that is given.
    Sum(u64),
    /// `concat_ws`.
    Separated,
    /// `repeat`.
    Repeated,
    /// `lpad` and `rpad`.
    Padded,
    /// `replace`.
    Replaced,
    /// `regexp_replace`.
    RegexpReplaced,
    /// `regexp_match`.
    RegexpMatched,
    /// `array_to_string`.
    ListInText,
    /// Functions that put something in the place of what is in a list.
    ListReplaced,
}

/// The growth of a function; none of those that may not be called.
pub fn of(function: &str) -> Option<Growth> {
    use Growth::{
        Cast, Kept, ListInText, ListReplaced, Padded, RegexpMatched, RegexpReplaced, Repeated, Replaced, Separated, Sum,
    };
    Some(match function {
        "arrow_cast" | "arrow_try_cast" | "cast_to_type" | "try_cast_to_type" => Cast,
        "array_append" | "array_concat" | "array_prepend" | "array_union" | "concat" | "make_array" | "map"
        | "named_struct" | "overlay" | "struct" => Sum(1),
        "encode" | "hex" => Sum(2),
        // A character of one byte may become one of four.
        "translate" => Sum(4),
        // Each text has its length beside it.
        "string_to_array" => Sum(8),
        // `%c` is two characters, and a whole time.
        "to_char" => Sum(20),
        "concat_ws" => Separated,
        "repeat" => Repeated,
        "lpad" | "rpad" => Padded,
        "replace" => Replaced,
        "regexp_replace" => RegexpReplaced,
        "regexp_match" => RegexpMatched,
        "array_to_string" => ListInText,
        "array_replace" | "array_replace_all" | "array_replace_n" => ListReplaced,
        function if KEPT.contains(&function) => Kept,
        _ => return None,
    })
}

const KEPT: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "array_add",
    "array_any_value",
    "array_avg",
    "array_compact",
    "array_dims",
    "array_distance",
    "array_distinct",
    "array_element",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_length",
    "array_max",
    "array_min",
    "array_ndims",
    "array_normalize",
    "array_pop_back",
    "array_pop_front",
    "array_position",
    "array_positions",
    "array_product",
    "array_remove",
    "array_remove_all",
    "array_remove_n",
    "array_reverse",
    "array_scale",
    "array_slice",
    "array_sort",
    "array_subtract",
    "array_sum",
    "arrow_field",
    "arrow_metadata",
    "arrow_typeof",
    "ascii",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bit_length",
    "btrim",
    "cardinality",
    "cbrt",
    "ceil",
    "character_length",
    "chr",
    "coalesce",
    "contains",
    "cos",
    "cosh",
    "cosine_distance",
    "cot",
    "current_date",
    "current_time",
    "date_bin",
    "date_part",
    "date_trunc",
    "decode",
    "degrees",
    "digest",
    "empty",
    "ends_with",
    "exp",
    "factorial",
    "file_row_index",
    "find_in_set",
    "flatten",
    "floor",
    "from_unixtime",
    "gcd",
    "get_field",
    "greatest",
    "initcap",
    "inner_product",
    "input_file_name",
    "isnan",
    "iszero",
    "json_get",
    "lcm",
    "least",
    "left",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "make_date",
    "make_time",
    "map_entries",
    "map_extract",
    "map_keys",
    "map_values",
    "md5",
    "nanvl",
    "now",
    "nullif",
    "nvl",
    "nvl2",
    "octet_length",
    "pi",
    "power",
    "radians",
    "random",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "reverse",
    "right",
    "round",
    "rtrim",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "signum",
    "sin",
    "sinh",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substr_index",
    "tan",
    "tanh",
    "to_date",
    "to_hex",
    "to_local_time",
    "to_time",
    "to_timestamp",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_nanos",
    "to_timestamp_seconds",
    "to_unixtime",
    "trunc",
    "union_extract",
    "union_tag",
    "upper",
    "uuid",
    "version",
    "with_metadata",
];

/// Bytes of what is the same in each row, if it were written into each of so many: functions do so.
pub fn of_constants(args: &[ColumnarValue], rows: usize) -> u64 {
    added(args.iter().filter(|arg| matches!(arg, ColumnarValue::Scalar(_))).map(|arg| total(arg, rows)))
}

fn added(parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(0, u64::saturating_add)
}

impl Growth {
    /// Bytes that the answer may have, and what is made on the way to it.
    pub fn estimate(self, args: &[ColumnarValue], rows: usize) -> Result<u64> {
        let all = |args: &[ColumnarValue]| added(args.iter().map(|arg| total(arg, rows)));
        Ok(match (self, args) {
            (Self::Kept | Self::Cast, args) => of_constants(args, rows),
            (Self::Sum(times), args) => all(args).saturating_mul(times),
            (Self::Separated, [separator, parts @ ..]) => {
                total(separator, rows).saturating_mul(parts.len() as u64).saturating_add(all(parts))
            }
            (Self::Repeated, [text, count]) => longest(text)?.saturating_mul(sum(count, rows)?),
            (Self::Padded, [text, count, ..]) => sum(count, rows)?.saturating_mul(4).saturating_add(total(text, rows)),
            (Self::Replaced, [text, from, to]) => {
                // Each byte of the text may be a match; an empty `from` matches nothing.
                let per_byte = longest(to)?.div_ceil(shortest(from)?.max(1));
                total(text, rows).saturating_mul(per_byte.max(1))
            }
            (Self::RegexpReplaced, [text, _, to, flags @ ..]) => regexp_replaced(text, to, flags, rows)?,
            (Self::RegexpMatched, [text, pattern, ..]) => {
                let groups = groups(pattern);
                let lists = groups.all.saturating_mul(16).saturating_mul(rows as u64);
                total(text, rows).saturating_mul(groups.within).saturating_add(lists)
            }
            (Self::ListInText, [list, between, null @ ..]) => {
                let (values, texts) = leaves(list, rows)?;
                let between = null
                    .iter()
                    .try_fold(longest(between)?, |sum, null| longest(null).map(|null| sum.saturating_add(null)))?;
                let digits = if texts { 1 } else { 24 };
                total(list, rows).saturating_mul(digits).saturating_add(values.saturating_mul(between))
            }
            (Self::ListReplaced, [list, _, to, ..]) => {
                let to = match to {
                    ColumnarValue::Scalar(to) => of_scalar(to),
                    ColumnarValue::Array(to) => of_array(to),
                };
                total(list, rows).saturating_add(leaves(list, rows)?.0.saturating_mul(to))
            }
            // With other arguments there is no such function.
            _ => u64::MAX,
        })
    }
}

fn regexp_replaced(text: &ColumnarValue, to: &ColumnarValue, flags: &[ColumnarValue], rows: usize) -> Result<u64> {
    let all = match flags.first() {
        None => false,
        Some(flags) => constant(flags).is_none_or(|flags| flags.contains('g')),
    };
    // What groups of all matches hold together is no longer than the text, for each time that a group is named.
    let named = constant(to).map(|to| to.matches(['\\', '$']).count() as u64);
    let (text, longest) = (total(text, rows), longest(to)?);
    let matches = if all { text.saturating_add(rows as u64) } else { rows as u64 };
    let copies = named.unwrap_or(longest).saturating_add(1);
    Ok(text.saturating_mul(copies).saturating_add(matches.saturating_mul(longest)))
}

fn constant(value: &ColumnarValue) -> Option<&str> {
    match value {
        ColumnarValue::Scalar(value) => value.try_as_str().flatten(),
        ColumnarValue::Array(_) => None,
    }
}

/// The groups of a regular expression, or more.
struct Groups {
    all: u64,
    /// How many hold the same text, since one is within the other.
    within: u64,
}

fn groups(pattern: &ColumnarValue) -> Groups {
    // Patterns that differ from row to row are refused while planning.
    let Some(pattern) = constant(pattern) else { return Groups { all: 1, within: 1 } };
    let mut groups = Groups { all: 1, within: 1 };
    let mut within = 0u64;
    for byte in pattern.bytes() {
        match byte {
            b'(' => {
                within += 1;
                groups = Groups { all: groups.all + 1, within: groups.within.max(within) };
            }
            b')' => within = within.saturating_sub(1),
            _ => {}
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> ColumnarValue {
        ColumnarValue::Scalar(text.into())
    }

    #[test]
    fn what_may_become_long_is_known_before() {
        let estimate =
            |function: &str, args: &[ColumnarValue], rows| of(function).unwrap().estimate(args, rows).unwrap();
        assert_eq!(estimate("concat", &[text("abc"), text("d")], 10), 40);
        assert_eq!(estimate("concat_ws", &[text("--"), text("a"), text("b"), text("c")], 10), 90);
        assert_eq!(estimate("regexp_replace", &[text("aaaa"), text("a"), text("xyz"), text("g")], 1), 4 + 5 * 3);
        assert_eq!(estimate("regexp_replace", &[text("aaaa"), text("(a)"), text("$1$1")], 1), 12 + 4);
        assert_eq!(estimate("regexp_match", &[text("aaaa"), text("((a)(b))")], 1), 4 * 2 + 4 * 16);
        assert_eq!(estimate("encode", &[text("abc"), text("hex")], 1), 12);
        assert_eq!(estimate("strpos", &[text("abc"), text("b")], 100), 400);
        assert_eq!(of("levenshtein"), None);
    }
}
