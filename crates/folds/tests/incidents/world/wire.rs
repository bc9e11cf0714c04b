//! The real integrations and the scripted provider, over real HTTP on threads of their own. One
//! exchange takes no simulated time: what is slow is made so around it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use base::Clock;
use fake_provider::{Entry, FakeProvider, Mode};
use futures::executor::block_on;
use integrations::Context;
use notify::{Integration, Notification, Proof, SendError, Sent};
use tokio::runtime::{Builder, Runtime};

const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

/// See the module.
pub struct Wire {
    runtime: Runtime,
    provider: FakeProvider,
    ways: BTreeMap<&'static str, Arc<dyn Integration>>,
    turn: Mutex<()>,
}

impl Wire {
    /// The one of this process.
    pub fn get() -> &'static Self {
        static WIRE: OnceLock<Wire> = OnceLock::new();
        WIRE.get_or_init(Self::start)
    }

    fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let provider = block_on(runtime.spawn(FakeProvider::start("127.0.0.1:0"))).unwrap().unwrap();
        let mut key = tempfile::NamedTempFile::new().unwrap();
        write!(key, "{ROUTING_KEY}").unwrap();
        let url = provider.url();
        let settings = [
            ("pagerduty", serde_json::json!({"routing_key": {"file": key.path()}, "url": url})),
            ("opsgenie", serde_json::json!({"api_key": {"file": key.path()}, "url": url})),
            ("webhook", serde_json::json!({"url": format!("{url}/webhook")})),
        ];
        let ways = settings.into_iter().map(|(kind, settings)| (kind, build(kind, &settings))).collect();
        Self { runtime, provider, ways, turn: Mutex::default() }
    }

    pub fn limits(&self, kind: &str) -> notify::Limits {
        self.ways[kind].limits()
    }

    /// One request, and what the provider saw of it; `fails` says that it comes to nothing once it is processed.
    pub fn ask(
        &self,
        kind: &str,
        mode: Mode,
        fails: bool,
        notification: &Notification,
        safe: bool,
    ) -> (Result<Sent, SendError>, Option<Entry>) {
        let turn = self.turn.lock().unwrap();
        self.provider.set_mode(mode);
        self.provider.reject(u64::from(fails));
        let (way, notification) = (Arc::clone(&self.ways[kind]), notification.clone());
        let send = async move { if safe { way.send_safe(&notification).await } else { way.send(&notification).await } };
        let result = block_on(self.runtime.spawn(send)).unwrap();
        let mut entries = self.provider.drain();
        drop(turn);
        assert!(entries.len() < 2, "{entries:#?}");
        (result, entries.pop())
    }

    /// What became of a request that was taken for processing.
    pub fn prove(&self, kind: &str, reference: &str) -> Result<Proof, SendError> {
        let (way, reference) = (Arc::clone(&self.ways[kind]), reference.to_owned());
        block_on(self.runtime.spawn(async move { way.prove(&reference).await })).unwrap()
    }
}

fn build(kind: &str, settings: &serde_json::Value) -> Arc<dyn Integration> {
    let plugin = integrations::all().into_iter().find(|plugin| plugin.kind == kind).unwrap();
    let context = Context {
        receiver: kind.to_owned(),
        external_url: "https://steadfast.example.org".to_owned(),
        timeout: None,
        clock: Clock::system(),
    };
    Arc::from((plugin.build)(settings, &context).unwrap())
}
