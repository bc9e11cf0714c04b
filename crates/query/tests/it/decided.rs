use model::rows::Decision;
use query::{QueryConfig, SqlOptions};

use super::cases::table;
use super::world::{World, at, intent};

fn decision(receiver: &str) -> Decision {
    Decision {
        time: at("10:30:02"),
        fingerprint: "0123456789abcdef".to_owned(),
        labels: [("alertname".to_owned(), "Down".to_owned())].into_iter().collect(),
        receiver: receiver.to_owned(),
        incident: "inc-1".to_owned(),
        decision: "told".to_owned(),
        because: "new".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_decided_to_be_told_is_found_among_what_was_sent() {
    let world = World::fleet().await;
    let ways = ["alertmanager/team/eu/webhook/0", "alertmanager/team/eu/slack/1", "alertmanager/others/email/0"];
    world.append(&ways.map(|way| intent(way, 1))).await;
    world.append(&[decision("team/eu"), decision("pager")]).await;
    let engine = world.engine(QueryConfig::default());
    let sql = "SELECT d.receiver, n.receiver AS way, n.outcome FROM decisions AS d \
               JOIN notifications AS n ON n.incident = d.incident AND n.receiver_name = d.receiver ORDER BY way";
    let rows = engine.collect(sql, SqlOptions::default()).await.unwrap();
    let expected = "receiver | way | outcome\n\
                    team/eu | alertmanager/team/eu/slack/1 | pending\n\
                    team/eu | alertmanager/team/eu/webhook/0 | pending\n\
                    pager | pager | delivered";
    assert_eq!(table(&rows), expected);
    world.end().await;
}
