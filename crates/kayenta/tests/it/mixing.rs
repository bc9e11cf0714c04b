//! Series of both arms as pairs.

use std::collections::BTreeMap;

use kayenta::{Fetched, MetricSet, mix};
use serde_json::{Value, json};

/// One arm; each series with its labels, `a=1,b=2`, and values.
fn arm(query: &str, series: &[(&str, &[f64])]) -> Fetched {
    let tags = |text: &str| -> BTreeMap<String, String> {
        text.split(',').filter_map(|label| label.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    };
    let series = series.iter().map(|(labels, values)| MetricSet { tags: tags(labels), values: values.to_vec() });
    Fetched { query: query.to_owned(), start: 1_767_225_600_000, step: 60_000, points: 2, series: series.collect() }
}

fn mixed(control: &[(&str, &[f64])], experiment: &[(&str, &[f64])]) -> Vec<Value> {
    let mut n = 0;
    let id = || {
        n += 1;
        n.to_string()
    };
    mix("m", &arm("c", control), &arm("e", experiment), id).unwrap()
}

/// Tags and values of each pair.
fn short(pairs: &[Value]) -> Value {
    pairs.iter().map(|pair| json!([pair["tags"], pair["values"]["control"], pair["values"]["experiment"]])).collect()
}

#[test]
fn a_pair_has_kayentas_shape() {
    let pairs = mixed(&[("", &[1.0, f64::NAN])], &[("", &[f64::INFINITY, 2.5])]);
    let scope =
        json!({"startTimeIso": "2026-01-01T00:00:00Z", "startTimeMillis": 1_767_225_600_000_i64, "stepMillis": 60_000});
    assert_eq!(
        pairs,
        [json!({
            "name": "m", "id": "1", "tags": {},
            "values": {"control": [1.0, "NaN"], "experiment": ["Infinity", 2.5]},
            "scopes": {"control": scope, "experiment": scope},
            "attributes": {"control": {"query": "c"}, "experiment": {"query": "e"}},
        })]
    );
}

#[test]
fn one_series_each_is_a_pair_whatever_tells_the_arms_apart() {
    let pairs = mixed(&[("app=web,version=1", &[1.0, 2.0])], &[("app=web,version=2", &[3.0, 4.0])]);
    assert_eq!(short(&pairs), json!([[{"app": "web"}, [1.0, 2.0], [3.0, 4.0]]]));
}

#[test]
fn what_has_no_data_is_missing_and_not_left_out() {
    let none = json!(["NaN", "NaN"]);
    assert_eq!(short(&mixed(&[], &[])), json!([[{}, none, none]]));
    assert_eq!(short(&mixed(&[("a=1", &[1.0, 2.0])], &[])), json!([[{"a": "1"}, [1.0, 2.0], none]]));
    let pairs = mixed(&[("a=1", &[1.0, 2.0]), ("a=2", &[3.0, 4.0])], &[("a=2", &[5.0, 6.0]), ("a=3", &[7.0, 8.0])]);
    let expected = json!([
        [{"a": "1"}, [1.0, 2.0], none],
        [{"a": "2"}, [3.0, 4.0], [5.0, 6.0]],
        [{"a": "3"}, none, [7.0, 8.0]],
    ]);
    assert_eq!(short(&pairs), expected);
}

#[test]
fn a_side_without_labels_stands_for_what_the_other_has() {
    let pairs = mixed(&[("", &[1.0, 2.0])], &[("a=1", &[3.0, 4.0]), ("a=2", &[5.0, 6.0])]);
    let tags: Vec<&Value> = pairs.iter().map(|pair| &pair["tags"]["a"]).collect();
    assert_eq!(tags, ["1", "2"]);
    assert_eq!(pairs[0]["values"]["control"], json!(["NaN", "NaN"]), "as Kayenta: the bare series is a template only");
}

#[test]
fn other_names_of_labels_are_an_error() {
    let (control, experiment) = (arm("c", &[("a=1", &[1.0]), ("a=2", &[1.0])]), arm("e", &[("b=1", &[1.0])]));
    let error = mix("m", &control, &experiment, String::new).unwrap_err().to_string();
    let expected =
        "canaryConfig.metrics `m`: Control metrics have different tag keys than the experiment tag set ([a] != [b]).";
    assert_eq!(error, expected);
}
