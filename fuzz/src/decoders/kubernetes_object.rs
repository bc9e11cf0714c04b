//! Objects of Kubernetes: read from their text or as values they are the same; one is never unlike itself; what
//! is canonical stays as it is.

use std::sync::LazyLock;

use base::DigestKey;
use kubernetes::schema::Schema;
use kubernetes::{Canonical, Controllers, Side, compare, judge};
use serde_json::Value;

use crate::seeds;

pub fn seeds() -> Vec<Vec<u8>> {
    let cases: Value = serde_json::from_str(&seeds::text("kubernetes/tests/cases.json")).expect("JSON");
    let cases = cases["cases"].as_array().expect("cases").iter();
    let objects = cases.flat_map(|case| ["desired", "live"].map(|member| case[member].to_string()));
    objects.filter(|text| text.len() <= seeds::MAX && text != "null").map(String::into_bytes).collect()
}

static KEY: LazyLock<DigestKey> = LazyLock::new(|| DigestKey::from_bytes([7; 32]));
static CONTROLLERS: LazyLock<Controllers> = LazyLock::new(|| Controllers::new(&[]));

pub fn run(data: &[u8]) {
    let canonical = Canonical { schema: Schema::builtin(), key: &KEY };
    let Ok(object) = serde_json::from_slice::<Value>(data) else {
        return assert!(canonical.live(data).is_err() || std::str::from_utf8(data).is_ok());
    };
    let (tree, origins) = canonical.read(object.clone(), &CONTROLLERS);
    if let Ok(live) = canonical.live(data) {
        assert_eq!(live.document(&CONTROLLERS), (tree.clone(), origins.clone()), "as it is received");
        let side = Side { tree: &tree, origins: &origins };
        assert_eq!(live.judge(side, &[], &CONTROLLERS), judge(side, side, &[]));
    }
    let side = Side { tree: &tree, origins: &origins };
    assert!(compare(side, side).is_empty(), "{:?}", compare(side, side));
    // An object in canonical form, with its version and kind again, is in canonical form; but a digest of a secret
    // would be digested again.
    if let Value::Object(members) = &tree
        && !tree.to_string().contains("keyed:")
    {
        let mut again = members.clone();
        for member in ["apiVersion", "kind"] {
            again.extend(object.get(member).map(|value| (member.to_owned(), value.clone())));
        }
        let (again, again_origins) = canonical.read(Value::Object(again), &CONTROLLERS);
        let again = Side { tree: &again, origins: &again_origins };
        assert!(compare(side, again).is_empty(), "{:?}\n{tree}\n{}", compare(side, again), again.tree);
    }
}
