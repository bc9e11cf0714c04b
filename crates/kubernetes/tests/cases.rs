//! Labelled cases: live objects of a real API server, and what is to be said of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use base::DigestKey;
use kubernetes::schema::{ApiKind, Schema};
use kubernetes::{Canonical, Controllers, Origins, Side, judge};
use model::{FieldReason, Verdict};
use serde_json::Value;

const CASES: &str = include_str!("cases.json");

struct Object {
    tree: Value,
    origins: Origins,
}

impl Object {
    fn new(canonical: &Canonical<'_>, object: &Value) -> Self {
        let (tree, origins) = canonical.read(object.clone(), &Controllers::new(&[]));
        Self { tree, origins }
    }

    fn side(&self) -> Side<'_> {
        Side { tree: &self.tree, origins: &self.origins }
    }
}

fn said(case: &Value, canonical: &Canonical<'_>) -> (Verdict, Vec<(String, FieldReason)>) {
    let object = |member: &str| case.get(member).filter(|object| !object.is_null());
    let Some(live) = object("live") else { return (Verdict::Missing, Vec::new()) };
    let [desired, live] = [object("desired").unwrap(), live].map(|object| Object::new(canonical, object));
    let earlier = object("previous_desired").map(|object| Object::new(canonical, object));
    let earlier: Vec<Side<'_>> = earlier.iter().map(Object::side).collect();
    let (verdict, fields) = judge(desired.side(), live.side(), &earlier);
    let text = case["live"].to_string();
    let received = canonical.live(text.as_bytes()).unwrap();
    let controllers = Controllers::new(&[]);
    assert_eq!(received.judge(desired.side(), &earlier, &controllers), (verdict, fields.clone()), "as it is received");
    assert_eq!(received.document(&controllers), (live.tree, live.origins), "as it is received");
    (verdict, fields.into_iter().map(|field| (field.path, field.reason)).collect())
}

fn expected(case: &Value) -> (Verdict, Vec<(String, FieldReason)>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = case["expect"]["fields"].as_array().unwrap();
    let fields =
        fields.iter().map(|field| (text(&field["path"]), serde_json::from_value(field["reason"].clone()).unwrap()));
    (text(&case["expect"]["verdict"]).parse().unwrap(), fields.collect())
}

#[test]
fn every_case_has_its_verdict_and_exactly_its_fields() {
    let key = DigestKey::from_bytes([1; 32]);
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let mut schema = Schema::builtin().clone();
        if let Some(shape) = case.get("schema") {
            let text = |member: &str| case["desired"][member].as_str().unwrap().to_owned();
            schema.add_kind(ApiKind { api_version: text("apiVersion"), kind: text("kind") }, shape);
        }
        let said = said(case, &Canonical { schema: &schema, key: &key });
        let expected = expected(case);
        if said != expected {
            wrong.push(format!(
                "{} {}: {}\n  expected {expected:?}\n  said     {said:?}",
                case["id"], case["kind"], case["why"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
