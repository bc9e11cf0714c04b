use super::*;

#[test]
fn matches_as_go_does() {
    for (pattern, text, expected) in [
        ("a|b", "b", true),
        ("a|b", "ab", false),
        ("a.b", "a\nb", true),
        ("", "", true),
        ("", "a", false),
        ("^a$", "a", true),
        ("(?i)ABC", "abc", true),
        (r"\d+", "12", true),
        (r"\d+", "१२", false),
        (r"\D+", "१२", true),
        (r"\w+", "é", false),
        (r"[\d.]+", "1.2", true),
        (r"[^\D]+", "12", true),
        (r"[\w[]+", "a[", true),
        (r"[\S\n]+", "a\nb", true),
        (r".+\bé", "aé", true),
        (r"a\B.", "ab", true),
        (r"a\B.", "a-", false),
        (r"\Qa.b\E.", "a.bc", true),
        (r"\Qa.b\E", "axb", false),
        (r"\Qa.b", "a.b", true),
        (r"[[:alpha:]]+", "ab", true),
        (r"[[:^alpha:]]+", "12", true),
        (r"[a[:digit:]]+", "a1", true),
        ("[a[b]+", "a[b", true),
        ("[]a]+", "]a", true),
        ("[^]a]+", "b", true),
        ("[^]a]+", "]", false),
        ("[a&&b]+", "a&b", true),
        ("[a~~b]+", "a~b", true),
        ("[+--]+", "+,-", true),
        ("[a-]+", "a-", true),
        ("[-a]+", "-a", true),
        (r"[\]-a]+", r"]^_`a", true),
        (r"[\p{Greek}-]+", "α-", true),
        ("a{", "a{", true),
        ("a{b", "a{b", true),
        ("a{,2}", "a{,2}", true),
        ("a{2}", "aa", true),
        ("a{1,2}b}", "aab}", true),
        (r"\p{Greek}+", "αβ", true),
        (r"\pL+", "αb", true),
        (r"\p{^Greek}+", "ab", true),
        (r"\p{^Greek}", "α", false),
        (r"\P{^Greek}+", "αβ", true),
        (r"[\p{^Greek}α]+", "aα", true),
        (r"[^\p{^Greek}]+", "αβ", true),
        (r"\x{3b1}\x41", "αA", true),
        (r"\101\0", "A\0", true),
        (r"\<a\>", "<a>", true),
        (r"[\<]", "<", true),
        (r"(?P<n>a)(?<m>b)", "ab", true),
    ] {
        assert_eq!(whole(pattern).unwrap().is_match(text), expected, "{pattern} on {text}");
    }
    assert!(anywhere("b").unwrap().is_match("abc"));
    assert!(!anywhere("a.c").unwrap().is_match("a\nc"));
}

#[test]
fn what_go_refuses_is_refused() {
    for bad in [
        "(",
        "a)|(b",
        "[a",
        "[",
        "*",
        "(?=a)",
        r"a\Q(\E)|(b",
        "(?x)a#(\n)|(b",
        "(?i-u:a)",
        r"(a)\1",
        "\\",
        r"[\b]",
        "[z-a]",
        "[[:alhpa:]]",
        "[[:]](?x)a#:]]",
    ] {
        assert!(matches!(whole(bad), Err(Error::Syntax(_))), "{bad}");
    }
}

#[test]
fn a_mistake_is_told_as_go_tells_it() {
    for (pattern, told) in [
        ("a[[:alhpa:]]", "invalid character class range: `[:alhpa:]`"),
        ("a(?x)", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?P<", "invalid or unsupported Perl syntax: `(?P`"),
        ("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?<n-m>a)", "invalid named capture: `(?<n-m>`"),
        ("a(?P<n", "invalid named capture: `(?P<n`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("(?i)+?", "missing argument to repetition operator: `+?`"),
        (r"\Q\E{2}", "missing argument to repetition operator: `{2}`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{1,}{2}b", "invalid nested repetition operator: `{1,}{2}`"),
        ("a???", "invalid nested repetition operator: `???`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{1,99999999}", "invalid repeat count: `{1,99999999}`"),
        ("(a", "missing closing ): `(a`"),
        ("(?i-s:a", "missing closing ): `(?i-s:a`"),
        ("a.*|)x", "unexpected ): `a.*|)x`"),
        ("i[01=", "missing closing ]: `[01=`"),
        ("[]", "missing closing ]: `[]`"),
        ("[a-", "missing closing ]: `[a-`"),
        ("x[z-a]", "invalid character class range: `z-a`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
        (r"[\z]", r"invalid escape sequence: `\z`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\xgh", r"invalid escape sequence: `\xgh`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        ("\\", "trailing backslash at end of expression: ``"),
        (r"\pX", r"invalid character class range: `\pX`"),
        (r"[\p{greek}]", r"invalid character class range: `\p{greek}`"),
        (r"\p{Letter}", r"invalid character class range: `\p{Letter}`"),
        (r"\p{Greek", r"invalid character class range: `\p{Greek`"),
    ] {
        assert_eq!(whole(pattern).map(drop), Err(Error::Syntax(told.to_owned())), "{pattern}");
    }
    for pattern in ["a{01}*", "()*", "(|)*", r"\Qa\E*", "^*", r"[\d-z]", r"\_", r"\p{Old_Italic}", r"\pL{2}"] {
        assert!(whole(pattern).is_ok(), "{pattern}");
    }
}

#[test]
fn a_bomb_is_refused() {
    assert_eq!(whole("((a{1000}){1000}){1000}").unwrap_err(), Error::TooLarge { limit: MAX_SIZE });
    assert!(matches!(whole(&"(".repeat(10_000)), Err(Error::Syntax(_))));
    assert_eq!(whole(&"a".repeat(100_000)).unwrap_err(), Error::TooLong { limit: MAX_LENGTH });
}

#[test]
fn many_small_expressions_have_room_and_few_large_ones() {
    let mut room = Room::new(MAX_SIZE, 1 << 20);
    assert!((0..50).all(|n| room.whole(&format!("host-{n}|.*web[0-9]+")).is_ok()));
    // Names that a dashboard's variable stands for.
    let names: Vec<String> = (0..300).map(|n| format!("pod-{n:08x}-abcde")).collect();
    assert!(whole(&names.join("|")).unwrap().is_match("pod-00000011-abcde"));
    let (mut room, large) = (Room::new(MAX_SIZE, 2 << 20), r"(\w{99}){20}");
    assert!((1..=8).contains(&(0..100).map(|_| room.whole(large)).take_while(Result::is_ok).count()));
    assert_eq!(room.whole(large).unwrap_err(), Error::NoRoom { limit: 2 << 20 });
}

#[test]
fn literals_are_those_that_must_be_there() {
    let none: &[&str] = &[];
    for (pattern, expected) in [
        ("error", &["error"][..]),
        ("err.*foo", &["err", "foo"]),
        ("colou?r", &["colo", "r"]),
        ("a+bc", &["a", "bc"]),
        ("x(yz)?w", &["x", "w"]),
        ("x(yz)+w", &["x", "yz", "w"]),
        ("a|b", none),
        ("(?i)a", none),
        ("(", none),
        (r"a\.b", &["a.b"]),
        (r"ab\d+c", &["ab", "c"]),
        ("ab[c]]d", &["abc]d"]),
        ("ab{0,1}", &["a"]),
        (r"took [0-9]+(\.[0-9]+)?ms", &["took ", "ms"]),
        (r"(https?:\/\/[^ ]+)? GET", &[" GET"]),
        ("foo[[:space:]]bar", &["foo", "bar"]),
        ("[[:digit:]]+ errors", &[" errors"]),
        (r"\Qa.b\E\<", &["a.b<"]),
    ] {
        assert_eq!(literals(pattern), expected, "{pattern}");
    }
}

/// What an expression matches has its literals, whatever the expression.
#[test]
fn a_text_that_matches_has_the_literals() {
    for (pattern, text) in [
        (r"took [0-9]+(\.[0-9]+)?ms", "it took 5ms"),
        (r"(https?:\/\/[^ ]+)? GET", "- GET /"),
        ("foo[[:space:]]bar", "foo bar"),
        ("((a|b)c)*d{0,3}e", "e"),
        ("(?:ab){2,}c?", "xabab"),
        ("(foo|fob)x", "fobx"),
        ("a??b", "b"),
    ] {
        assert!(anywhere(pattern).unwrap().is_match(text), "{pattern} on {text}");
        assert!(literals(pattern).iter().all(|literal| text.contains(literal)), "{pattern} on {text}");
    }
}
