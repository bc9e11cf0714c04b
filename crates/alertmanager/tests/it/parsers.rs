//! Texts at random, from pieces that mean something: nothing panics, and what is taken prints as it reads.

use alertmanager::{Config, Matcher, Matchers};

fn text(rng: &base::Rng, pieces: &[&str], most: u64) -> String {
    let pick = |_| pieces[usize::try_from(rng.below(pieces.len() as u64)).unwrap()];
    (0..rng.below(most)).map(pick).collect()
}

#[test]
fn matchers_print_as_they_read() {
    let rng = base::Rng::seeded(1);
    let pieces = [
        "a", "b_c", "\"", "\\", "=", "!=", "=~", "!~", "{", "}", ",", " ", "\n", "é", "'", "`", "\\n", "\\\"", "\\x41",
        ".*", "[a", "(", ")", "a{2}", "0", ":", "\u{1}", "\u{a0}",
    ];
    let mut taken = 0;
    for _ in 0..40_000 {
        let text = text(&rng, &pieces, 10);
        if let Ok(matcher) = Matcher::parse(&text) {
            taken += 1;
            assert_eq!(Matchers::parse(&matcher.to_string()), Ok(Matchers::new(vec![matcher])), "{text:?}");
        }
        if let Ok(matchers) = Matchers::parse(&text) {
            assert_eq!(Matchers::parse(&matchers.to_string()), Ok(matchers), "{text:?}");
        }
    }
    assert!(taken > 100, "{taken}");
}

#[test]
fn no_configuration_makes_it_panic() {
    let rng = base::Rng::seeded(2);
    let pieces = [
        "route:",
        "receiver: x",
        "receivers:",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "name: x",
        "{",
        "}",
        "[",
        "]",
        ": ",
        ",",
        "match: ",
        "group_by: ['...']",
        "matchers: [a=b]",
        "time_intervals:",
        "times: ",
        "'",
        "\"",
        "&a ",
        "*a",
        "<<: *a",
        "!!str ",
        "|",
        "#",
        "null",
        "0",
        "webhook_configs:",
        "url: http://x",
        "inhibit_rules:",
        "é",
        "---",
        "global:",
    ];
    for _ in 0..4000 {
        let _ = Config::parse(&text(&rng, &pieces, 30));
    }
    let good = "route: {receiver: x, routes: [{matchers: ['a=b'], group_by: [c]}]}\nreceivers: [{name: x, webhook_configs: [{url: 'http://x'}]}]\n";
    for _ in 0..2000 {
        let mut text: Vec<char> = good.chars().collect();
        let place = usize::try_from(rng.below(text.len() as u64)).unwrap();
        text[place] = ['{', '}', ' ', '\n', ':', 'x', '\''][usize::try_from(rng.below(7)).unwrap()];
        let _ = Config::parse(&text.into_iter().collect::<String>());
    }
}
