use alertmanager::{Config, Tree};
use serde::Deserialize;

use super::{cases, labels};

#[derive(Deserialize)]
struct Case {
    config: String,
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    labels: String,
    /// The key of the group in each route that takes it, and who is told.
    groups: Vec<(String, String)>,
}

#[test]
fn an_alert_goes_where_the_tree_says() {
    for case in cases::<Vec<Case>>("routing") {
        let tree = Tree::new(&Config::parse(&case.config).unwrap()).unwrap();
        for alert in &case.alerts {
            let labels = labels(&alert.labels);
            let groups = tree.matches(&labels).into_iter().map(|id| {
                let route = tree.get(id).unwrap();
                (route.group_key(&route.group_labels(&labels)), route.receiver.clone())
            });
            assert_eq!(groups.collect::<Vec<_>>(), alert.groups, "{}", alert.labels);
        }
    }
}

const TREE: &str = r#"
route:
  receiver: root
  group_by: [alertname]
  group_wait: 10s
  routes:
    - matchers: [a="1"]
      group_wait: 0s
      repeat_interval: 1h
      mute_time_intervals: [night]
      routes: [{matchers: [b="1"], group_by: []}]
    - matchers: [a="1"]
      receiver: other
      group_by: ['...']
      routes: [{matchers: [c="1"]}]
receivers: [{name: root}, {name: other}]
time_intervals: [{name: night}]
"#;

#[test]
fn children_inherit_what_they_do_not_say() {
    let tree = Tree::new(&Config::parse(TREE).unwrap()).unwrap();
    let routes: Vec<_> = tree.routes().map(|(_, route)| route).collect();
    let of = |route: usize| {
        let it = routes[route];
        let seconds = [it.group_wait, it.group_interval, it.repeat_interval].map(|span| span.as_secs());
        (it.receiver.as_str(), seconds, it.mute_time_intervals.len())
    };
    assert_eq!(of(0), ("root", [10, 300, 14_400], 0));
    assert_eq!(of(1), ("root", [0, 300, 3600], 1));
    // Intervals are not inherited.
    assert_eq!(of(2), ("root", [0, 300, 3600], 0));
    assert_eq!(of(3), ("other", [10, 300, 14_400], 0));
    let labels = labels("alertname=X z=1");
    let groups: Vec<_> = routes.iter().map(|route| route.group_labels(&labels).len()).collect();
    assert_eq!(groups, [1, 1, 0, 2, 2]);
}

#[test]
fn routes_with_one_key_have_different_ids() {
    let tree = Tree::new(&Config::parse(TREE).unwrap()).unwrap();
    let ids: Vec<_> = tree.routes().map(|(_, route)| route.id()).collect();
    let expected =
        ["{}", "{}/{a=\"1\"}/0", "{}/{a=\"1\"}/0/{b=\"1\"}/0", "{}/{a=\"1\"}/1", "{}/{a=\"1\"}/1/{c=\"1\"}/0"];
    assert_eq!(ids, expected);
}

#[test]
fn providers_get_the_hash_of_a_key() {
    let hash = alertmanager::route::hashed("{}:{}");
    assert_eq!(hash.len(), 64);
    assert_ne!(hash, alertmanager::route::hashed("{}:{ }"));
}
