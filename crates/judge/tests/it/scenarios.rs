//! Labelled scenarios, judged at their end. They are not what the judge was made from: what is asserted is
//! far below what it does, and the whole table is printed.

use std::collections::BTreeMap;

use judge::{Judge, Request};
use serde_json::Value;

use crate::cases::shared;

/// Of a family: how many scenarios, and how many fail.
type Table = BTreeMap<(String, String), (usize, usize)>;

fn table(file: &Value, judge: Judge) -> Table {
    let mut table = Table::new();
    for scenario in file["scenarios"].as_array().unwrap() {
        let text = |key: &str| scenario[key].as_str().unwrap().to_owned();
        let request = Request::of(&scenario["request"]).unwrap();
        let entry = table.entry((text("label"), text("family"))).or_default();
        entry.0 += 1;
        entry.1 += usize::from(judge.judge(&request).unwrap().failed());
    }
    table
}

fn sum(table: &Table, label: &str) -> (usize, usize) {
    table.iter().filter(|((of, _), _)| of == label).fold((0, 0), |sum, (_, n)| (sum.0 + n.0, sum.1 + n.1))
}

#[test]
fn regressions_fail_and_healthy_canaries_do_not() {
    let Some(file) = shared("canary-dev.json") else { return };
    let found = table(&file, Judge::Sequential);
    let classic = table(&file, Judge::Classic);
    for ((label, family), (all, failed)) in &found {
        println!(
            "{label:10} {family:20} {failed} of {all} fail; classic {}",
            classic[&(label.clone(), family.clone())].1
        );
    }
    let (healthy, regressions) = (sum(&found, "healthy"), sum(&found, "regression"));
    println!(
        "healthy {healthy:?}, regressions {regressions:?}; classic {:?} {:?}",
        sum(&classic, "healthy"),
        sum(&classic, "regression")
    );
    assert!(healthy.1 * 20 <= healthy.0, "more than one in twenty healthy canaries fails: {healthy:?}");
    assert!(regressions.1 * 4 >= regressions.0 * 3, "fewer than three of four regressions fail: {regressions:?}");
}
