use std::borrow::Cow;

use super::*;
use crate::otlp::Resource;
use crate::pb::{View, Writer};

/// What is made of a name, as the tables of cases have it: `!` or nothing for a name of which nothing is left.
fn shown(name: Result<String, NameError>, expected: &str) -> String {
    name.unwrap_or_else(|_| if expected.is_empty() { "" } else { "!" }.to_owned())
}

#[test]
fn metrics_are_named_as_prometheus_names_them() {
    let mut cases = 0;
    for line in include_str!("../../tests/bodies/names_metrics.tsv").lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, unit, kind, expected @ ..] = fields.as_slice() else { panic!("{line}") };
        let kind = match *kind {
            "gauge" => Kind::Gauge,
            "counter" => Kind::Counter,
            _ => Kind::Other,
        };
        assert_eq!(expected.len(), 4);
        for (strategy, expected) in Strategy::ALL.into_iter().zip(expected) {
            let made = shown(metric_name(name, unit, kind, strategy), expected);
            assert_eq!(made, *expected, "{name:?} {unit:?} {kind:?} {strategy:?}");
            cases += 1;
        }
    }
    assert!(cases > 1_000, "{cases}");
}

#[test]
fn labels_are_named_as_prometheus_names_them() {
    for line in include_str!("../../tests/bodies/names_labels.tsv").lines() {
        let [name, escaped, utf8] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        for (strategy, expected) in Strategy::ALL.into_iter().zip([escaped, escaped, utf8, utf8]) {
            let made = label_name(name, strategy).map(Cow::into_owned);
            assert_eq!(shown(made, expected), expected, "{name:?} {strategy:?}");
        }
    }
}

#[test]
fn units_are_named_as_prometheus_names_them() {
    for line in include_str!("../../tests/bodies/names_units.tsv").lines() {
        let [unit, escaped, utf8] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((unit_name(unit, false).as_str(), unit_name(unit, true).as_str()), (escaped, utf8), "{unit:?}");
    }
}

#[test]
fn strategies_have_prometheus_names() {
    for strategy in Strategy::ALL {
        assert_eq!(Strategy::of(strategy.name()), Some(strategy));
    }
    assert_eq!(Strategy::of("noTranslation"), None);
}

#[test]
fn keys_that_become_one_name_become_one_label() {
    let mut attributes = ["b.x", "z", "a.b", "b_x"].map(|key| (key, Cow::Borrowed(key)));
    let mut labels = Vec::new();
    merge_labels(&mut attributes, Strategy::default(), &mut labels).unwrap();
    assert_eq!(labels, [("a_b", "a.b"), ("b_x", "b.x;b_x"), ("z", "z")].map(|(k, v)| (k.into(), v.into())));
    let mut attributes = [("__", Cow::Borrowed(""))];
    assert_eq!(merge_labels(&mut attributes, Strategy::NoTranslation, &mut labels), Err(NameError("__".to_owned())));
}

fn resource(attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut w = Writer::default();
    for (key, value) in attributes {
        w.message(1, |w| (w.bytes(1, key.as_bytes()), w.message(2, |w| w.bytes(1, value.as_bytes()))).1);
    }
    w.finish()
}

#[test]
fn job_and_instance_come_from_the_service() {
    type Case = (&'static [(&'static str, &'static str)], Option<&'static str>, Option<&'static str>, bool);
    let cases: [Case; 4] = [
        (
            &[("service.name", "cart"), ("service.namespace", "shop"), ("service.instance.id", "i1")],
            Some("shop/cart"),
            Some("i1"),
            false,
        ),
        (&[("service.name", "cart"), ("host.name", "h")], Some("cart"), None, true),
        (&[("host.name", "h")], None, None, false),
        (&[("service.instance.id", "i1"), ("x", "y")], None, Some("i1"), true),
    ];
    for (attributes, job, instance, info) in cases {
        let body = resource(attributes);
        let found = Resource::decode(&body).unwrap().attributes;
        let identity = Identity::of(&found).unwrap();
        assert_eq!((identity.job().as_deref(), identity.instance.as_deref()), (job, instance));
        assert_eq!(has_target_info(&identity, found.len()), info, "{attributes:?}");
    }
}

#[test]
fn attributes_of_a_scope_have_a_prefix_and_do_not_hide_its_name() {
    assert_eq!(scope_label("a.b", Strategy::default()).unwrap().as_deref(), Some("otel_scope_a_b"));
    assert_eq!(scope_label("a.b", Strategy::NoTranslation).unwrap().as_deref(), Some("otel_scope_a.b"));
    assert_eq!(scope_label("name", Strategy::default()).unwrap(), None);
}
