use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Tasks};
use query::{Engine, QueryConfig};
use reqwest::{Client, Response};
use serde_json::Value;
use server::{Health, Parts, Server, ServerConfig};

use super::world::World;

/// A server over a world, and a client.
pub struct Site {
    pub world: World,
    pub health: Health,
    pub addr: SocketAddr,
    pub client: Client,
    pub shutdown: Shutdown,
    pub tasks: Tasks,
}

pub fn config() -> ServerConfig {
    ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() }
}

pub fn parts(world: &World, queries: QueryConfig) -> Parts {
    let engine = Arc::new(Engine::new(world.store.clone(), queries, Clock::system()));
    let metrics = Arc::new(|| "steadfast_up 1\n".to_owned());
    let (rng, intakes) = (Rng::seeded(1), BTreeMap::new());
    Parts {
        engine,
        clock: Clock::system(),
        metrics,
        health: Health::new(),
        rng,
        alerting: None,
        rules: Vec::new(),
        canaries: Vec::new(),
        intakes,
        ingest: None,
        targets: None,
        shelf: None,
        telemetry: None,
    }
}

impl Site {
    pub async fn fleet() -> Self {
        Self::start(World::fleet().await, config(), QueryConfig::default()).await
    }

    pub async fn start(world: World, config: ServerConfig, queries: QueryConfig) -> Self {
        let parts = parts(&world, queries);
        Self::serve(world, config, parts).await
    }

    /// With a clock of its own.
    pub async fn at(clock: Clock, world: World, config: ServerConfig) -> Self {
        let parts = Parts { clock, ..parts(&world, QueryConfig::default()) };
        Self::serve(world, config, parts).await
    }

    pub async fn serve(world: World, config: ServerConfig, parts: Parts) -> Self {
        let health = parts.health.clone();
        let server = Server::bind(config, parts).await.unwrap();
        let (addr, shutdown, tasks) = (server.addr(), Shutdown::new(), Tasks::new());
        let ending = shutdown.clone();
        tasks.spawn("server", async move { server.run(ending).await });
        let client = Client::builder().timeout(Duration::from_secs(30)).no_proxy().build().unwrap();
        Self { world, health, addr, client, shutdown, tasks }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    pub async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    pub async fn sql(&self, text: &str) -> Response {
        self.client.post(self.url("/api/sql")).body(text.to_owned()).send().await.unwrap()
    }

    pub async fn end(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(20)).await.unwrap();
        self.world.end().await;
    }
}
