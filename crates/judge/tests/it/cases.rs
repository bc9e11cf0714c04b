//! Files of cases: ours beside this file, and those of others beside the repository.

use std::path::Path;

use serde_json::Value;

/// A file of the set beside the repository; nothing, said in one line, where there is none.
pub fn shared(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance").join(name);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// A file of `tests/cases`.
pub fn own(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A list of numbers, in which null is NaN.
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

/// Whether a number is what a case wants: a number, `"NaN"`, or `{value, tol}`.
pub fn agrees(found: f64, wanted: &Value, tolerance: f64) -> bool {
    match wanted {
        Value::Number(number) => (found - number.as_f64().unwrap()).abs() <= tolerance,
        Value::String(text) => text == "NaN" && found.is_nan(),
        _ => agrees(found, &wanted["value"], wanted["tol"].as_f64().unwrap_or(tolerance)),
    }
}
