use std::borrow::Cow;

/// Units of UCUM that Prometheus has words for.
const UNITS: [(&str, &str); 25] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
];

/// What a rate is per.
const PER: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

fn word<'a>(words: &[(&str, &'static str)], unit: &'a str) -> &'a str {
    words.iter().find(|(ucum, _)| *ucum == unit).map_or(unit, |(_, word)| word)
}

/// A part of a unit that says something: annotations in braces do not.
fn said(part: &str) -> Option<&str> {
    Some(part.trim()).filter(|part| !part.is_empty() && !part.contains(['{', '}']))
}

/// What a unit adds to a name: its word, and `per_` with the word of what it is per; both may be empty.
pub(super) fn suffixes(unit: &str) -> (&str, Cow<'static, str>) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let main = said(main).filter(|main| *main != "1").map_or("", |main| word(&UNITS, main));
    let per = said(per).map_or(Cow::Borrowed(""), |per| format!("per_{}", word(&PER, per)).into());
    (main, per)
}

/// A suffix with `_` for what a classic name may not have, one for several, none at the beginning.
pub(super) fn clean(suffix: &str) -> String {
    let mut out = String::with_capacity(suffix.len());
    for c in suffix.chars() {
        let c = if super::metric::is_name_char(c) { c } else { '_' };
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    out.strip_prefix('_').map(str::to_owned).unwrap_or(out)
}

/// A unit as Prometheus has it in metadata and in `__unit__`: `bytes_per_second` for `By/s`.
pub fn unit_name(unit: &str, utf8: bool) -> String {
    let (main, per) = suffixes(unit);
    let (main, per) = if utf8 { (main.to_owned(), per.into_owned()) } else { (clean(main), clean(&per)) };
    let both = if !main.is_empty() && !per.is_empty() { format!("{main}_{per}") } else { main + &per };
    let name = both.strip_prefix('_').unwrap_or(&both);
    name.strip_suffix('_').unwrap_or(name).to_owned()
}
