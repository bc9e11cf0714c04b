//! Schemas of servers and of custom resources: they print as they read.

use kubernetes::schema::{ApiKind, Schema};
use serde_json::Value;

use crate::seeds;

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::of(&[
        r##"{"components":{"schemas":{"io.k8s.api.apps.v1.Deployment":{"type":"object","properties":{"spec":{"default":{},"allOf":[{"$ref":"#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec"}]},"metadata":{"type":"object"}},"x-kubernetes-group-version-kind":[{"group":"apps","kind":"Deployment","version":"v1"}]},"io.k8s.api.apps.v1.DeploymentSpec":{"type":"object","properties":{"replicas":{"type":"integer","format":"int32","default":1},"list":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"]}}}}}}"##,
        r#"{"metadata":{"name":"x.y"},"spec":{"group":"y","names":{"kind":"X"},"versions":[{"name":"v1","schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"a":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},"b":{"additionalProperties":{"x-kubernetes-int-or-string":true}},"c":{"x-kubernetes-preserve-unknown-fields":true}}}}}}}]}}"#,
    ]);
    let cases: Value = serde_json::from_str(&seeds::text("kubernetes/tests/cases.json")).expect("JSON");
    let shapes = cases["cases"].as_array().expect("cases").iter().filter_map(|case| case.get("schema"));
    seeds.extend(shapes.map(|shape| shape.to_string().into_bytes()).filter(|shape| shape.len() <= seeds::MAX));
    seeds
}

pub fn run(data: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(data) else { return };
    let kind = ApiKind { api_version: "y/v1".to_owned(), kind: "X".to_owned() };
    let mut schema = Schema::default();
    let _ = schema.add_openapi(&document);
    let _ = schema.add_definition(&document);
    schema.add_kind(kind.clone(), &document);
    assert!(schema.kind(&kind).is_some());
    let text = schema.to_text();
    let again = Schema::from_text(&text).unwrap_or_else(|line| panic!("line {line} of\n{text}"));
    assert_eq!(again.to_text(), text);
    for kind in schema.kinds() {
        assert_eq!(again.version(kind), schema.version(kind), "{kind:?}");
    }
    // Both are known beside what is built in, which has more of the types that they name.
    let beside_builtin = |schema: &Schema| {
        let mut both = Schema::builtin().clone();
        both.extend(schema);
        both
    };
    let (both, both_again) = (beside_builtin(&schema), beside_builtin(&again));
    assert_eq!(both_again.version(&kind), both.version(&kind));
    let mut twice = both.clone();
    twice.extend(&schema);
    assert_eq!(twice.to_text(), both.to_text(), "what is known already changes nothing");
}
