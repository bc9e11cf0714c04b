use std::time::Duration;

use bus::BusError;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;

use crate::client::{Cluster, Context, message_bytes};

/// How often a topic is looked at until its partitions have leaders.
pub(crate) const POLL: Duration = Duration::from_millis(100);

pub(crate) fn options(cluster: &Cluster) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(cluster.config.timeout)).operation_timeout(Some(cluster.config.timeout))
}

/// Makes the topic if it is not there, and checks it.
pub(crate) async fn prepare(cluster: &Cluster, admin: &std::sync::Arc<AdminClient<Context>>) -> Result<(), BusError> {
    create(cluster, admin).await?;
    partitions(cluster, admin).await?;
    settings(cluster, admin).await
}

async fn create(cluster: &Cluster, admin: &AdminClient<Context>) -> Result<(), BusError> {
    let config = &cluster.config;
    let partitions = i32::try_from(config.shards).unwrap_or(i32::MAX);
    let (largest, replication) = (message_bytes(config).to_string(), i32::from(config.replication));
    let in_sync = if replication > 2 { "2" } else { "1" };
    let topic = NewTopic::new(&cluster.topic, partitions, TopicReplication::Fixed(replication))
        .set("message.timestamp.type", "LogAppendTime")
        .set("cleanup.policy", "delete")
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1")
        .set("unclean.leader.election.enable", "false")
        .set("min.insync.replicas", in_sync)
        .set("max.message.bytes", &largest);
    let made = admin.create_topics([&topic], &options(cluster)).await;
    let made = made.map_err(|error| cluster.unavailable(&format!("cannot make the topic: {error}")))?;
    match made.into_iter().next() {
        Some(Ok(topic)) => {
            tracing::info!(log = cluster.log, topic, partitions, "made the topic");
            Ok(())
        }
        // Whoever may not make topics may still use one that is there; what follows looks at it.
        None
        | Some(Err((
            _,
            RDKafkaErrorCode::TopicAlreadyExists
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed,
        ))) => Ok(()),
        Some(Err((topic, code @ (RDKafkaErrorCode::RequestTimedOut | RDKafkaErrorCode::NotController)))) => {
            Err(cluster.unavailable(&format!("cannot make the topic {topic}: {code}")))
        }
        Some(Err((topic, code))) => Err(cluster.setup(format!(
            "cannot make the topic {topic} with {partitions} partitions, each on {replication} brokers: {code}"
        ))),
    }
}

/// Asks for the topic's settings; a broker has none of a topic that it has just heard of.
async fn settings(cluster: &Cluster, admin: &AdminClient<Context>) -> Result<(), BusError> {
    let asked = [ResourceSpecifier::Topic(&cluster.topic)];
    let deadline = cluster.clock.monotonic() + cluster.config.timeout;
    loop {
        let answer = admin.describe_configs(&asked, &options(cluster)).await;
        let answer = answer.map_err(|error| cluster.unavailable(&format!("cannot ask for the topic: {error}")))?;
        let problem = match answer.into_iter().next() {
            Some(Ok(found)) if !found.entries.is_empty() => return check_settings(cluster, &found),
            Some(Err(RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                let (log, topic) = (cluster.log, &cluster.topic);
                tracing::warn!(log, topic, "the topic's settings may not be read: not checked");
                return Ok(());
            }
            Some(Err(code)) => code.to_string(),
            Some(Ok(_)) | None => "nothing is known of it".to_owned(),
        };
        if cluster.clock.monotonic() > deadline {
            return Err(cluster.unavailable(&format!("cannot ask for the topic: {problem}")));
        }
        cluster.clock.sleep(POLL).await;
    }
}

fn check_settings(cluster: &Cluster, found: &ConfigResource) -> Result<(), BusError> {
    let value = |key: &str| found.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let wrong = |key: &str, wanted: &str| {
        let got = value(key);
        cluster.setup(format!("topic {}: {key} is `{got}` and must be {wanted}", cluster.topic))
    };
    if value("cleanup.policy") != "delete" {
        return Err(wrong("cleanup.policy", "`delete`"));
    }
    if value("message.timestamp.type") != "LogAppendTime" {
        return Err(wrong("message.timestamp.type", "`LogAppendTime`"));
    }
    let largest = message_bytes(&cluster.config);
    if value("max.message.bytes").parse().is_ok_and(|got: u64| got < largest) {
        return Err(wrong("max.message.bytes", &format!("{largest} or more, or max_batch_bytes less")));
    }
    for (key, harm) in doubts(cluster.config.replication, value) {
        tracing::warn!(log = cluster.log, topic = cluster.topic, key, value = value(key), "{harm}");
    }
    Ok(())
}

/// Settings by which records may be lost, and how. A topic is used all the same: who runs the brokers may have
/// reasons, and a log that does not open takes nothing at all.
fn doubts(replication: u16, value: impl Fn(&str) -> String) -> Vec<(&'static str, &'static str)> {
    const DELETED: &str = "Kafka deletes records by itself, also those that are still needed; set it to -1";
    const ALONE: &str = "Kafka acknowledges what one broker alone has, and loses it with that broker; set it to 2";
    const UNCLEAN: &str = "Kafka may choose a leader that has not all that was acknowledged; set it to `false`";
    let mut found = Vec::new();
    found.extend(
        ["retention.ms", "retention.bytes"].into_iter().filter(|key| value(key) != "-1").map(|key| (key, DELETED)),
    );
    // Of two brokers neither may be away where both must have a record, so that is nobody's default.
    let in_sync = value("min.insync.replicas").parse::<u16>();
    found.extend((replication > 2 && in_sync.is_ok_and(|least| least < 2)).then_some(("min.insync.replicas", ALONE)));
    let unclean = "unclean.leader.election.enable";
    found.extend((value(unclean) == "true").then_some((unclean, UNCLEAN)));
    found
}

/// Waits until every partition has a leader.
async fn partitions(cluster: &Cluster, admin: &std::sync::Arc<AdminClient<Context>>) -> Result<(), BusError> {
    let deadline = cluster.clock.monotonic() + cluster.config.timeout;
    loop {
        let (found, leaders) = leaders(cluster, admin).await?;
        if found == cluster.config.shards as usize && leaders == found {
            return Ok(());
        }
        if found > 0 && found != cluster.config.shards as usize {
            return Err(cluster.setup(format!(
                "topic {} has {found} partitions, the configuration says {} shards; the number cannot be changed",
                cluster.topic, cluster.config.shards
            )));
        }
        if cluster.clock.monotonic() > deadline {
            return Err(cluster.unavailable(&format!("{leaders} of {found} partitions have a leader")));
        }
        cluster.clock.sleep(POLL).await;
    }
}

/// How many partitions the topic has, and how many of them have a leader.
async fn leaders(cluster: &Cluster, admin: &std::sync::Arc<AdminClient<Context>>) -> Result<(usize, usize), BusError> {
    let (client, topic, timeout) = (std::sync::Arc::clone(admin), cluster.topic.clone(), cluster.config.timeout);
    let asked = base::blocking(move || client.inner().fetch_metadata(Some(&topic), timeout)).await;
    let metadata = match asked {
        Some(Ok(metadata)) => metadata,
        Some(Err(error)) => return Err(cluster.unavailable(&format!("cannot ask for the partitions: {error}"))),
        None => return Err(cluster.unavailable("cannot ask for the partitions")),
    };
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    Ok((partitions.len(), partitions.iter().filter(|partition| partition.leader() >= 0).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(replication: u16, settings: &[(&str, &str)]) -> Vec<&'static str> {
        let kept = [("retention.ms", "-1"), ("retention.bytes", "-1")];
        let value = |key: &str| {
            let said = settings.iter().chain(&kept).find(|(name, _)| *name == key);
            said.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
        };
        doubts(replication, value).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn settings_by_which_records_are_lost_are_told() {
        let made = [("min.insync.replicas", "2"), ("unclean.leader.election.enable", "false")];
        assert!(keys(3, &made).is_empty());
        assert_eq!(keys(3, &[("min.insync.replicas", "1")]), ["min.insync.replicas"]);
        assert!(keys(1, &[("min.insync.replicas", "1")]).is_empty(), "there is no other broker");
        assert_eq!(keys(1, &[("unclean.leader.election.enable", "true")]), ["unclean.leader.election.enable"]);
        assert_eq!(keys(3, &[("retention.ms", "604800000")]), ["retention.ms"]);
    }
}
