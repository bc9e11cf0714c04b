use std::error::Error;
use std::time::Duration;

use app::{App, Config, Options, Role};
use base::Clock;
use rustix::fs::Mode;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::print;
use super::scanning::{self, Lines};
use crate::args::{DEFAULT_SERVER, Server};
use crate::client::Client;
use crate::render::{self, Style};
use crate::{FAILED, FINE};

/// Resources that the first report shows.
const SHOWN: usize = 30;

/// How often the first scan is looked at.
const LOOK: Duration = Duration::from_millis(250);

pub(super) async fn up(config: Config) -> Result<u8, Box<dyn Error>> {
    // Logs, findings and texts of files are in what we write.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let clock = Clock::system();
    let outlet = telemetry::start(&config.telemetry, &clock, &app::resource(&config))?;
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let tls = config.server.tls.is_some();
    // What the first scan found is shown where everybody may ask, and there is one.
    let shows = !tls && config.server.tokens.is_empty() && config.has(Role::Watching);
    let looked_at = scanning::looked_at(&config);
    let app = App::start(config, Options { clock: Some(clock), outlet }).await?;
    let url = format!("{}://{}", if tls { "https" } else { "http" }, app.addr());
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        () = show(&app, &url, shows.then_some(looked_at)) => {}
        () = reload(&app, &mut hangup) => {}
    }
    tracing::info!("ending: what is in flight is finished first");
    tokio::select! {
        () = app.end() => Ok(FINE),
        _ = int.recv() => Ok(FAILED),
    }
}

/// Reads the Alertmanager configuration again at each SIGHUP.
async fn reload(app: &App, hangup: &mut Signal) {
    while hangup.recv().await.is_some() {
        if let Err(error) = app.reload().await {
            tracing::error!(%error, "the configuration was not read again: the last one stays");
        }
    }
    std::future::pending().await
}

/// Tells how the first scan goes, what drifted, and where to look; then every change. Without what is looked at nothing is shown but where.
async fn show(app: &App, url: &str, looked_at: Option<String>) {
    let style = Style::stdout();
    let flags = Server { server: url.to_owned(), token_env: "STEADFAST_TOKEN".to_owned() };
    let client = Client::new(&flags);
    let Some(looked_at) = looked_at else {
        print(&places(url));
        return std::future::pending().await;
    };
    first_scan(app, &client, looked_at).await;
    if let Ok(mut report) = client.drift().await {
        report.resources.truncate(SHOWN);
        eprint!("{}", render::unread(&report));
        print(&render::report(&report, style));
        print(&render::left_out(&report, &format!("on the page and in `steadfast drift{}`", flag(url))));
    }
    print(&places(url));
    let changes = client.watch(|entry| print(&render::entry(&entry, style))).await;
    if let Err(error) = changes {
        tracing::debug!(%error, "changes are no longer shown here");
    }
    std::future::pending().await
}

/// Where the page, SQL and metrics are. What is in sync has a row only if it once was not, so that is not what is shown.
fn places(url: &str) -> String {
    let flag = flag(url);
    format!(
        "page     {url}/\n\
         SQL      steadfast sql{flag} \"SELECT id, verdict, since FROM drift WHERE verdict <> 'in_sync'\"   (or POST {url}/api/sql)\n\
         metrics  {url}/metrics\n"
    )
}

/// The flag that commands need to ask this process: none where they would by themselves.
fn flag(url: &str) -> String {
    if url == DEFAULT_SERVER { String::new() } else { format!(" --server {url}") }
}

/// Says how far the collectors are until each has seen everything once.
async fn first_scan(app: &App, client: &Client, looked_at: String) {
    let query = "SELECT source, state, message, resources FROM scopes ORDER BY source";
    let mut lines = Lines::new(looked_at);
    loop {
        app.clock().sleep(LOOK).await;
        let Ok(rows) = client.sql(query).await else { continue };
        let text = |row: &[serde_json::Value], n: usize| {
            row.get(n).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        // What waits for a cluster that does not answer is not waited for.
        let away = rows.rows.iter().any(|row| text(row, 0) == "kubernetes" && text(row, 1) == "failed");
        let waits = |source: &str| away && (source.starts_with("git.") || source.starts_with("helm."));
        let scanning: Vec<String> = rows
            .rows
            .iter()
            .filter(|row| text(row, 1) == "scanning" && !waits(&text(row, 0)))
            .map(|row| format!("{} {}", text(row, 0), text(row, 2)).trim_end().to_owned())
            .collect();
        if !rows.rows.is_empty() && scanning.is_empty() {
            return;
        }
        if let Some(line) = lines.line(app.clock().monotonic(), &scanning) {
            eprint!("{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recommended_asks_this_process() {
        assert!(places("http://127.0.0.1:9470").contains("steadfast sql \"SELECT"));
        assert!(places("http://127.0.0.1:9480").contains("steadfast sql --server http://127.0.0.1:9480 \"SELECT"));
    }
}
