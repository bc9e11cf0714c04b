use std::net::SocketAddr;

use crate::deliver::tests::world::World;
use crate::syslog::{Parts, Syslog, SyslogConfig};

/// A port that is open, with more settings than `listen`.
pub(super) async fn open(settings: &str) -> (World, SocketAddr) {
    let world = World::new().await;
    let address = open_in(&world, settings).await;
    (world, address)
}

pub(super) fn config(settings: &str) -> SyslogConfig {
    let text = format!("{{\"listen\": \"127.0.0.1:0\", \"batch_wait\": \"10ms\", {settings}}}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(super) async fn open_in(world: &World, settings: &str) -> SocketAddr {
    let syslog = Syslog::bind(&[config(settings)]).await.unwrap();
    let address = syslog.addresses().unwrap()[0];
    let crate::deliver::Parts { ingest, clock, rng, shutdown } = world.parts.clone();
    syslog.start(&Parts { ingest, clock, rng, tasks: world.tasks.clone(), shutdown });
    address
}
