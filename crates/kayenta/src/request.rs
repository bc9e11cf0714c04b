//! From a configuration and pairs of metric sets to what a judge is asked.

use judge::request::Thresholds;
use judge::{Judge, Request, classic};
use serde_json::{Value, json};

use crate::KayentaError;

/// The judge of that name; Kayenta's own if none is named.
///
/// # Errors
/// [`KayentaError::Judge`] if there is none of that name.
pub fn judged_by(name: Option<&str>) -> Result<Judge, KayentaError> {
    let name = name.unwrap_or(classic::NAME);
    Judge::named(name).ok_or_else(|| KayentaError::Judge(name.to_owned()))
}

/// The request of a judge; the pairs come back with it.
///
/// # Errors
/// Names the field that is missing, wrong or too large.
pub fn request(
    config: Value,
    thresholds: Thresholds,
    pairs: Vec<Value>,
) -> Result<(Request, Vec<Value>), KayentaError> {
    let Thresholds { pass, marginal } = thresholds;
    let mut root = json!({"scoreThresholds": {"pass": pass, "marginal": marginal}});
    root["canaryConfig"] = config;
    root["metricSetPairList"] = Value::Array(pairs);
    let request = Request::of(&root)?;
    let pairs = match root["metricSetPairList"].take() {
        Value::Array(pairs) => pairs,
        _ => Vec::new(),
    };
    Ok((request, pairs))
}

/// The configuration, with how many intervals the canary will have, if it does not say so itself. A judge that
/// may be asked at any time makes its last test once they are over, and not before.
pub fn with_lifetime(mut config: Value, intervals: usize) -> Value {
    let Some(root) = config.as_object_mut() else { return config };
    let judge = root.entry("judge").or_insert_with(|| json!({}));
    if judge.is_null() {
        *judge = json!({});
    }
    let Some(judge) = judge.as_object_mut() else { return config };
    let settings = judge.entry("judgeConfigurations").or_insert_with(|| json!({}));
    if settings.is_null() {
        *settings = json!({});
    }
    if let Some(settings) = settings.as_object_mut() {
        settings.entry("lifetimeIntervals").or_insert(intervals.into());
    }
    config
}
