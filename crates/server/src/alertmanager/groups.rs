use std::collections::VecDeque;
use std::sync::Arc;

use alertmanager::engine::{GroupHead, Place, Status};
use alertmanager::webhook::order;
use alertmanager::{Engine, Fingerprint, Labels};
use axum::extract::{RawQuery, State as With};
use axum::response::Response;
use base::Timestamp;
use parking_lot::RwLock;

use super::Problem;
use super::ask::Ask;
use super::listing::{Items, Listing, SLICE, after, answer};
use super::wire::{AlertGroup, GettableAlert};
use crate::state::State;

/// A larger group is listed by fingerprints: for another order, all its labels would be in memory at once.
const IN_ORDER: usize = 20_000;

/// `GET /api/v2/alerts/groups`
pub async fn get(With(state): With<State>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let now = state.clock.now();
    let engine = Arc::clone(&super::alerting(&state)?.engine);
    let ask = Ask::parse(query.as_deref())?.of(super::engine(&engine)?.setup());
    Ok(answer(Groups { engine, ask, now, heads: VecDeque::new(), place: None, is_last: false, group: None }))
}

/// The list of groups, as far as it was written.
struct Groups {
    engine: Arc<RwLock<Engine>>,
    ask: Ask,
    now: Timestamp,
    heads: VecDeque<GroupHead>,
    place: Option<Place>,
    is_last: bool,
    group: Option<Group>,
}

/// A group, as far as it was written.
struct Group {
    head: GroupHead,
    place: usize,
    has_begun: bool,
    /// The labels of its alerts, until these are in order.
    labels: Option<Vec<(Fingerprint, Labels)>>,
}

impl Group {
    fn new(head: GroupHead) -> Self {
        let labels = (2..=IN_ORDER).contains(&head.alerts.len()).then(Vec::new);
        Self { head, place: 0, has_begun: false, labels }
    }

    /// Puts its alerts in order.
    fn sort(&mut self) {
        let mut labels = self.labels.take().unwrap_or_default();
        labels.sort_by(|(_, a), (_, b)| order(a, b));
        self.head.alerts = labels.into_iter().map(|(alert, _)| alert).collect();
        self.place = 0;
    }
}

impl Listing for Groups {
    fn slice(&mut self, out: &mut Items) -> bool {
        if let Some(mut group) = self.group.take().or_else(|| self.next()) {
            if self.write(&mut group, out) {
                self.group = Some(group);
            }
            return true;
        }
        if self.is_last {
            return false;
        }
        // The list has begun: where it cannot go on at once, it does later.
        let Ok(engine) = super::engine(&self.engine) else { return true };
        let asked = |receiver: &str| self.ask.wants(receiver);
        let (heads, place) = engine.groups_after(self.place.as_ref(), SLICE, asked, self.now);
        drop(engine);
        (self.is_last, self.place) = (place.is_none(), place);
        self.heads.extend(heads.into_iter().filter(|head| self.ask.muted || head.muted_by.is_empty()));
        true
    }
}

impl Groups {
    fn next(&mut self) -> Option<Group> {
        self.heads.pop_front().map(Group::new)
    }

    /// Writes some alerts of a group, once they are in order; false if that was all of it. One that has none that are
    /// asked for is left out.
    fn write(&self, group: &mut Group, out: &mut Items) -> bool {
        let Ok(engine) = super::engine(&self.engine) else { return true };
        let alerts = after(&group.head.alerts, &mut group.place);
        if let Some(labels) = &mut group.labels {
            labels.extend(engine.labels_of(&alerts));
            drop(engine);
            if group.place >= group.head.alerts.len() {
                group.sort();
            }
            return true;
        }
        let views = engine.views(&alerts, &self.ask.filter, self.now);
        drop(engine);
        for view in views.into_iter().filter(|view| self.shows(&view.status)) {
            if group.has_begun {
                out.raw(",");
            } else {
                out.next();
                out.raw("{\"alerts\":[");
            }
            group.has_begun = true;
            out.json(&GettableAlert::of(view, &group.head.muted_by));
        }
        let goes_on = group.place < group.head.alerts.len();
        if group.has_begun && !goes_on {
            out.raw("],");
            out.members(&AlertGroup::from(&group.head));
            out.raw("}");
        }
        goes_on
    }

    fn shows(&self, status: &Status) -> bool {
        let ask = &self.ask;
        (ask.active || status.is_suppressed())
            && (ask.silenced || status.silenced_by.is_empty())
            && (ask.inhibited || status.inhibited_by.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use alertmanager::engine::{Plan, Setup};
    use alertmanager::interval::Zone;
    use alertmanager::{Alert, Config};
    use serde_json::Value;

    use super::*;

    const CONFIG: &str = "route: {receiver: all, group_by: [alertname], routes: [{matchers: [team=a], receiver: a}]}\n\
                          receivers: [{name: all, webhook_configs: [{url: 'http://x'}]}, {name: a, labels: {owner: shop}}]";

    fn configured(config: &str) -> Engine {
        let mut engine = Engine::new();
        let setup = Setup::of(&Plan::of(&Config::parse(config).unwrap()), Zone::default()).unwrap();
        engine.configure(setup, Timestamp::ZERO);
        engine
    }

    fn post(engine: &mut Engine, labels: &[(&str, &str)], ends_at: Timestamp) {
        let alert = Alert {
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            annotations: BTreeMap::new(),
            starts_at: Timestamp::ZERO,
            ends_at,
            updated_at: Timestamp::ZERO,
            generator_url: String::new(),
            timeout: false,
        };
        engine.post(alert, Timestamp::ZERO);
    }

    /// Groups of one alert, and one of a thousand.
    fn engine() -> Engine {
        let mut engine = configured(CONFIG);
        for n in 0..2_000_u32 {
            let name = if n < 1_000 { format!("alert-{n:04}") } else { "many".to_owned() };
            let team = if n % 10 == 0 { "a" } else { "b" };
            let ends_at = if n == 7 { Timestamp::ZERO } else { Timestamp::MAX };
            post(&mut engine, &[("alertname", &name), ("n", &n.to_string()), ("team", team)], ends_at);
        }
        engine
    }

    async fn listed(engine: &Arc<RwLock<Engine>>, query: &str) -> Vec<Value> {
        let ask = Ask::parse(Some(query)).unwrap().of(engine.read().setup());
        let (engine, now) = (Arc::clone(engine), Timestamp::ZERO.plus(Duration::from_secs(1)));
        let groups = Groups { engine, ask, now, heads: VecDeque::new(), place: None, is_last: false, group: None };
        let body = axum::body::to_bytes(answer(groups).into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn names(groups: &[Value]) -> Vec<(String, String)> {
        let text = |group: &Value, place: &str| group.pointer(place).unwrap().as_str().unwrap().to_owned();
        groups.iter().map(|group| (text(group, "/labels/alertname"), text(group, "/receiver/name"))).collect()
    }

    #[tokio::test]
    async fn a_list_in_slices_has_every_group_once_in_order_with_its_alerts() {
        let engine = Arc::new(RwLock::new(engine()));
        let all = listed(&engine, "").await;
        let names = names(&all);
        assert_eq!(names.len(), 1_001, "all but the one that is over; the large one is of two receivers");
        assert!(names.is_sorted() && !names.iter().any(|(name, _)| name == "alert-0007"));
        let alerts: usize = all.iter().map(|group| group["alerts"].as_array().unwrap().len()).sum();
        assert_eq!(alerts, 1_999);
        let large = all.last().unwrap();
        assert_eq!((large["alerts"].as_array().unwrap().len(), &large["routeLabels"]), (900, &serde_json::json!({})));
    }

    #[tokio::test]
    async fn what_is_not_asked_for_is_left_out_with_groups_that_have_nothing_else() {
        let engine = Arc::new(RwLock::new(engine()));
        assert_eq!(names(&listed(&engine, "receiver=a&filter=alertname%3D~%22alert-00.*%22").await).len(), 10);
        for owned in ["receiver_matchers=owner%3D%22shop%22", "receiver_matchers=owner!%3D%22%22&receiver=a"] {
            let names = names(&listed(&engine, owned).await);
            assert!(names.len() == 101 && names.iter().all(|(_, receiver)| receiver == "a"), "{owned}: {names:?}");
        }
        let one = listed(&engine, "filter=n%3D%221234%22").await;
        assert_eq!(
            (names(&one), one[0]["alerts"].as_array().unwrap().len()),
            (vec![("many".to_owned(), "all".to_owned())], 1)
        );
        assert_eq!(listed(&engine, "filter=n%3D%22none%22").await, Vec::<Value>::new());
    }
    #[tokio::test]
    async fn a_group_has_its_alerts_by_job_and_instance_however_many_slices_it_takes() {
        let mut engine = configured("route: {receiver: all, group_by: [alertname]}\nreceivers: [{name: all}]");
        for n in (0..600_u32).rev() {
            let (job, instance) = (format!("j{}", n % 2), format!("{n:03}"));
            post(&mut engine, &[("alertname", "Down"), ("job", &job), ("instance", &instance)], Timestamp::MAX);
        }
        post(&mut engine, &[("alertname", "Down"), ("a", "1")], Timestamp::MAX);
        let groups = listed(&Arc::new(RwLock::new(engine)), "").await;
        let alerts = groups[0]["alerts"].as_array().unwrap();
        let text = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or("~").to_owned();
        let order: Vec<_> = alerts.iter().map(|alert| (text(alert, "job"), text(alert, "instance"))).collect();
        assert!(order.len() == 601 && order.is_sorted(), "{order:?}");
    }

    #[tokio::test]
    async fn a_time_interval_mutes_the_groups_of_its_route_and_no_others() {
        let config = "route: {receiver: all, routes: [{receiver: night, mute_time_intervals: [always], continue: true}, {receiver: all}]}\n\
                      receivers: [{name: all}, {name: night}]\n\
                      time_intervals: [{name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]";
        let mut engine = configured(config);
        post(&mut engine, &[("alertname", "Down")], Timestamp::MAX);
        let engine = Arc::new(RwLock::new(engine));
        let muted = async |query: &str| {
            let groups = listed(&engine, query).await;
            let group = |it: &Value| {
                let status = &it["alerts"][0]["status"];
                format!("{} {} {}", it["receiver"]["name"], status["state"], status["mutedBy"])
            };
            groups.iter().map(group).collect::<Vec<_>>()
        };
        let (all, night) = (r#""all" "active" []"#, r#""night" "suppressed" ["always"]"#);
        assert_eq!(muted("").await, [all, night]);
        assert_eq!(muted("muted=false").await, [all]);
        assert_eq!(muted("active=false").await, Vec::<String>::new(), "neither is silenced or inhibited");
    }
}
