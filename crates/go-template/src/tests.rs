//! What templates make of data, and what they refuse.

use super::*;

fn data() -> Value {
    Value::map([
        ("name".to_owned(), Value::from("x")),
        ("n".to_owned(), Value::Int(3)),
        ("list".to_owned(), Value::list(["a", "b", "c"].map(Value::from))),
        ("map".to_owned(), Value::map([("b".to_owned(), Value::Int(2)), ("a".to_owned(), Value::Int(1))])),
        ("empty".to_owned(), Value::list([])),
        ("at".to_owned(), Value::from(base::Timestamp::from_secs(0))),
    ])
}

fn templates() -> Templates {
    let mut functions = Functions::new();
    functions.add("toUpper", |args| match args {
        [text] => Ok(Value::from(text.as_str().unwrap_or_default().to_uppercase())),
        _ => Err("one argument".to_owned()),
    });
    functions.add("boom", |_| Err("boom".to_owned()));
    Templates::new(functions, Limits::default())
}

#[test]
fn renders_as_go_does() {
    for (text, expected) in [
        ("plain", "plain"),
        ("{{ .name }}", "x"),
        ("{{.missing}}", "<no value>"),
        ("a {{- .name -}} b", "axb"),
        ("a {{- /* note */ -}} b", "ab"),
        ("a{{/* note */}}b", "ab"),
        ("{{ \"a\\tb\" }}{{ `c\\d` }}{{ 'a' }}", "a\tbc\\d97"),
        ("{{ 1.5 }} {{ 0x10 }} {{ 1e3 }} {{ -2 }} {{ true }}", "1.5 16 1000 -2 true"),
        ("{{ .name | printf \"%s-%s\" \"y\" }}", "y-x"),
        ("{{ printf \"%q\" (toUpper .name) }}", "\"X\""),
        ("{{ if .name }}yes{{ else }}no{{ end }}", "yes"),
        ("{{ if .empty }}a{{ else if eq .n 3 }}b{{ else }}c{{ end }}", "b"),
        ("{{ if not .empty }}a{{ end }}", "a"),
        ("{{ with .name }}{{ . }}{{ $.n }}{{ else }}no{{ end }}", "x3"),
        ("{{ with $x := .n }}{{ $x }}{{ end }}", "3"),
        ("{{ with .empty }}a{{ else with .n }}{{ . }}{{ end }}", "3"),
        ("{{ range .list }}[{{ . }}]{{ end }}", "[a][b][c]"),
        ("{{ range $i, $e := .list }}{{ $i }}={{ $e }} {{ end }}", "0=a 1=b 2=c "),
        ("{{ range $k, $v := .map }}{{ $k }}{{ $v }}{{ end }}", "a1b2"),
        ("{{ range .empty }}a{{ else }}none{{ end }}", "none"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .list }}{{ if eq . \"b\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"),
        ("{{ range .list }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"),
        ("{{ $x := 1 }}{{ range .list }}{{ $x = . }}{{ end }}{{ $x }}", "c"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .name }}", "<x>"),
        ("{{ block \"b\" .n }}[{{ . }}]{{ end }}", "[3]"),
        (
            "{{ len .list }} {{ len .name }} {{ index .list 1 }} {{ index .map \"b\" }} {{ index .name 0 }}",
            "3 1 b 2 120",
        ),
        ("{{ slice .list 1 }} {{ slice \"abcdef\" 1 3 }}", "[b c] bc"),
        ("{{ and 1 0 2 }} {{ or 0 \"\" 5 }} {{ and .empty (boom) }}", "0 5 []"),
        (
            "{{ eq .n 1 2 3 }} {{ ne .name \"y\" }} {{ lt 1 2 }} {{ ge \"b\" \"a\" }} {{ le 1.5 1.5 }} {{ gt 2 1 }}",
            "true true true true true true",
        ),
        ("{{ eq nil .missing }}", "true"),
        ("{{ print 1 2 \"a\" 3 }}|{{ println \"a\" 1 }}", "1 2a3|a 1\n"),
        ("{{ .map }} {{ .list }}", "map[a:1 b:2] [a b c]"),
        ("{{ html \"<a>\" }} {{ urlquery \"a b&\" }} {{ js \"'<\" }}", "&lt;a&gt; a+b%26 \\'\\u003C"),
        (
            "{{ .at.Format \"2006-01-02\" }} {{ .at.Unix }} {{ (.at.Add 60000000000).Format \"15:04\" }}",
            "1970-01-01 0 00:01",
        ),
        ("{{ .at.Sub .at }}", "0s"),
        ("{{ (index .list 0) | toUpper }}", "A"),
        ("{{ ((.map).a) }}", "1"),
        ("{{\n.name\n}}", "x"),
    ] {
        assert_eq!(templates().render(text, &data(), Escape::None).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn mistakes_are_named_with_their_line() {
    for (text, line, part) in [
        ("\n{{ nope }}", 2, "function \"nope\" not defined"),
        ("{{ if }}a{{ end }}", 1, "missing value for if"),
        ("a\n\n{{ if true }}", 3, "unclosed {{if}}"),
        ("{{ end }}", 1, "unexpected {{end}}"),
        ("{{ else }}", 1, "unexpected {{else}}"),
        ("{{ $x }}", 1, "undefined variable \"$x\""),
        ("{{ \"abc }}", 1, "unterminated quoted string"),
        ("{{ .name", 1, "unclosed action"),
        ("{{ break }}", 1, "outside {{range}}"),
        ("{{/* a", 1, "unclosed comment"),
        ("{{ 1 | 2 }}", 1, "non executable command in pipeline stage 2"),
        ("{{ template }}", 1, "template clause"),
        ("{{ .name ; }}", 1, "unexpected ';'"),
        ("{{ 0z1 }}", 1, "bad number syntax"),
        ("{{ (1 }}", 1, "parenthesized pipeline"),
        ("\n{{ template \"none\" }}", 2, "template \"none\" not defined"),
        ("\n\n{{ boom }}", 3, "error calling boom: boom"),
        ("{{ .name.field }}", 1, "can't evaluate field field in type string"),
        ("{{ .missing.field }}", 1, "nil data; no entry for key"),
        ("{{ lt 1 \"a\" }}", 1, "incompatible types for comparison"),
        ("{{ eq .list .list }}", 1, "non-comparable type"),
        ("{{ index .list 9 }}", 1, "index out of range: 9"),
        ("{{ range .name }}{{ end }}", 1, "can't iterate over"),
        ("{{ nil }}", 1, "nil is not a command"),
        ("{{ .name 1 }}", 1, "has arguments"),
    ] {
        let error = templates().render(text, &data(), Escape::None).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
}

#[test]
fn html_is_escaped_unless_it_is_html() {
    let mut functions = Functions::new();
    functions.add("safe", |args| Ok(Value::Html(args.first().and_then(Value::as_str).unwrap_or_default().into())));
    let templates = Templates::new(functions, Limits::default());
    let text = "<b>{{ . }}</b>{{ . | safe }}{{ . | html }}";
    let html = templates.render(text, &Value::from("<a+'"), Escape::Html).unwrap();
    assert_eq!(html, "<b>&lt;a&#43;&#39;</b><a+'&lt;a+&#39;");
}

#[test]
fn what_takes_too_much_is_ended_by_a_limit_with_a_name() {
    let mut templates = templates();
    templates.parse("loop", "{{ template \"loop\" . }}").unwrap();
    let double = "{{ $x := \"aaaaaaaa\" }}{{ range 64 }}{{ $x = print $x $x }}{{ end }}";
    for (text, limit) in [
        ("{{ template \"loop\" . }}", "template_depth"),
        ("{{ range 1000000000 }}{{ end }}", "template_steps"),
        ("{{ range 1000000 }}{{ printf \"%1000d\" 1 }}{{ end }}", "template_output_bytes"),
        (double, "template_value_size"),
    ] {
        let error = templates.render(text, &Value::Nil, Escape::None).unwrap_err();
        assert!(error.to_string().contains(limit), "{error}");
    }
    let deep = "{{ if true }}".repeat(200) + &"{{ end }}".repeat(200);
    assert!(templates.render(&deep, &Value::Nil, Escape::None).unwrap_err().to_string().contains("nested deeper"));
}

#[test]
fn what_grows_at_each_step_is_ended_by_a_limit_with_a_name() {
    let mut templates = templates();
    templates.functions().add("list", |args| Ok(Value::list(args.to_vec())));
    // Thirty templates that call the next one twice: no value, no output, not deep, and a thousand million calls.
    for n in 0..30 {
        templates.parse(&format!("t{n}"), &format!("{{{{ template \"t{}\" }}}}", n + 1).repeat(2)).unwrap();
    }
    templates.parse("t30", "").unwrap();
    let megabyte = "{{ $x := printf \"%1000000d\" 1 }}";
    for (text, limit) in [
        ("{{ template \"t0\" }}".to_owned(), "template_steps"),
        ("{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}".to_owned(), "template_value_size"),
        ("{{ $l := list 1 }}{{ range 300000 }}{{ $l = list $l }}{{ end }}".to_owned(), "template_value_depth"),
        (format!("{megabyte}{{{{ range 100000 }}}}{{{{ $y := eq $x $x }}}}{{{{ end }}}}"), "template_steps"),
        (format!("{megabyte}{{{{ $y := print{} }}}}", " $x".repeat(10_000)), "template_steps"),
        (
            format!("{{{{ $y := printf \"{}\"{} }}}}", "%1000000d".repeat(10_000), " 1".repeat(10_000)),
            "template_value_size",
        ),
        (format!("{{{{ $y := printf \"%.1000000d\" (list{}) }}}}", " 1".repeat(10_000)), "template_value_size"),
    ] {
        let error = templates.render(&text, &Value::Nil, Escape::None).unwrap_err();
        assert!(error.to_string().contains(limit), "{limit}: {error}");
    }
    let many: String = (0..2000).map(|n| format!("{{{{ $v{n} := 1 }}}}")).collect();
    let error = templates.render(&many, &Value::Nil, Escape::None).unwrap_err();
    assert!(error.to_string().contains("more than 1000 variables"), "{error}");
}

#[test]
fn a_long_row_of_zeros_is_read_at_once() {
    let zeros = format!("{{{{ len (print{}) }}}}", " 0".repeat(300_000));
    assert_eq!(templates().render(&zeros, &Value::Nil, Escape::None).as_deref(), Ok("599999"));
}

#[test]
fn an_empty_definition_does_not_replace_another() {
    let mut templates = templates();
    templates.parse("file", "{{ define \"a\" }}first{{ end }}").unwrap();
    templates.parse("file", "{{ define \"a\" }} {{ end }}").unwrap();
    assert_eq!(templates.execute("a", &Value::Nil, Escape::None).as_deref(), Ok("first"));
    templates.parse("file", "{{ define \"a\" }}second{{ end }}").unwrap();
    assert_eq!(templates.execute("a", &Value::Nil, Escape::None).as_deref(), Ok("second"));
}

#[test]
fn no_text_makes_it_panic() {
    let rng = base::Rng::seeded(7);
    let pieces = [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "if ",
        "else ",
        "end",
        "range ",
        "$x",
        ":=",
        "=",
        ".",
        ".a",
        "\"b\"",
        "`c`",
        "'d'",
        "(",
        ")",
        "|",
        ",",
        "1",
        "-1.5e",
        "0x",
        "define \"t\"",
        "template \"t\" ",
        "with ",
        "printf ",
        "\n",
        "é",
        "/*",
        "*/",
        "eq ",
        "and ",
        "index ",
        "nil",
        "break",
        "continue",
    ];
    for _ in 0..20_000 {
        let length = rng.below(24);
        let pick = |_| usize::try_from(rng.below(pieces.len() as u64)).ok().and_then(|n| pieces.get(n)).copied();
        let text: String = (0..length).filter_map(pick).collect();
        let _ = templates().render(&text, &data(), Escape::Html);
    }
}
