//! What a backslash begins, within a class and outside of one.

/// The first character and what follows it.
pub fn first(text: &str) -> Option<(char, &str)> {
    let c = text.chars().next()?;
    Some((c, text.get(c.len_utf8()..).unwrap_or_default()))
}

/// The characters of a class with a letter, and whether it has all others instead.
pub const fn perl(c: char) -> Option<(bool, &'static str)> {
    Some(match c {
        'd' => (false, "0-9"),
        'D' => (true, "0-9"),
        'w' => (false, "0-9A-Za-z_"),
        'W' => (true, "0-9A-Za-z_"),
        's' => (false, "\\t\\n\\x0C\\r "),
        'S' => (true, "\\t\\n\\x0C\\r "),
        _ => return None,
    })
}

/// Writes a character, or a class of Unicode, of which the backslash is read; gives what follows.
pub fn character<'a>(tail: &'a str, out: &mut String) -> &'a str {
    if let Some(rest) = octal(tail, out) {
        return rest;
    }
    let Some((c, rest)) = first(tail) else {
        out.push('\\');
        return tail;
    };
    if let Some((name, after)) =
        rest.strip_prefix("{^").filter(|_| matches!(c, 'p' | 'P')).and_then(|rest| rest.split_once('}'))
    {
        // What is not of a class, and with `\P` what is not not of it.
        out.push_str(&format!("\\{}{{{name}}}", if c == 'p' { 'P' } else { 'p' }));
        return after;
    }
    if !matches!(c, '<' | '>') {
        out.push('\\');
    }
    out.push(c);
    // `\p{Greek}` and `\x{10FFFF}`.
    let braces = (matches!(c, 'p' | 'P' | 'x') && rest.starts_with('{')).then(|| rest.find('}')).flatten();
    let (name, after) = rest.split_at(braces.map_or(0, |end| end + 1));
    out.push_str(name);
    after
}

/// Writes a character by its octal number: `\0` and up to two digits more, or two or three digits. One digit alone is a
/// reference to a group, which there is not.
fn octal<'a>(tail: &'a str, out: &mut String) -> Option<&'a str> {
    let digits = tail.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    if digits == 0 || (digits == 1 && !tail.starts_with('0')) {
        return None;
    }
    let (number, rest) = tail.split_at(digits);
    let number = u32::from_str_radix(number, 8).ok()?;
    out.push_str(&format!("\\x{{{number:X}}}"));
    Some(rest)
}
