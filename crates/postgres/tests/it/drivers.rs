//! psql, psycopg and JDBC, where they are installed (`tests/peers/sql-install.sh`, `tests/peers/jdbc-install.sh`, and psql from
//! the system).

use std::path::PathBuf;
use std::process::{Command, Output};

use query::QueryConfig;

use super::port::{PASSWORD, Port, config, guarded, limited, tls};

fn psql() -> Option<Command> {
    let found = Command::new("psql").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: psql is not installed (apt-get install postgresql-client)");
        return None;
    }
    let mut psql = Command::new("psql");
    psql.args(["-X", "-v", "ON_ERROR_STOP=1", "-h", "localhost", "-d", "steadfast"]);
    psql.env("PGCONNECT_TIMEOUT", "20").env_remove("PGPASSWORD");
    Some(psql)
}

/// A file of what `tests/peers` installs.
fn peer(file: &str) -> PathBuf {
    let cache = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/steadfast/peers");
    cache.unwrap_or_else(home).join(file)
}

/// Java with PostgreSQL's driver.
fn java() -> Option<Command> {
    let driver = peer("jdbc/postgresql.jar");
    if !driver.exists() || Command::new("java").arg("-version").output().is_err() {
        eprintln!("skipped: JDBC is not installed (tests/peers/jdbc-install.sh)");
        return None;
    }
    let mut java = Command::new("java");
    java.arg("-cp").arg(driver);
    Some(java)
}

fn python() -> Option<PathBuf> {
    let program = peer("sql/bin/python");
    if !program.exists() {
        eprintln!("skipped: psycopg is not installed (tests/peers/sql-install.sh)");
        return None;
    }
    Some(program)
}

/// Runs a program beside the server.
async fn run(mut command: Command) -> Output {
    base::blocking(move || command.output().unwrap()).await.unwrap()
}

/// What psql prints of `command`.
async fn printed(port: &Port, user: &str, command: &str) -> Option<String> {
    let mut psql = psql()?;
    psql.args(["-p", &port.addr.port().to_string(), "-U", user, "-c", command]);
    let output = run(psql).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text + &String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_describes_what_there_is() {
    let port = Port::open().await;
    let mut wrong = Vec::new();
    for (command, expected) in [
        ("\\d", vec!["public | drift ", "public | incidents "]),
        ("\\dt", vec!["public | drift ", "| table |"]),
        ("\\dv", vec!["public | metrics ", "| view |"]),
        (
            "\\d samples",
            vec!["Table \"public.samples\"", "ts        | timestamp with time zone", "value     | double precision"],
        ),
        ("\\d metrics", vec!["View \"public.metrics\"", "metric"]),
        ("\\dn", vec!["public"]),
        ("\\l", vec!["steadfast"]),
        ("\\df", vec!["List of functions", "(0 rows)"]),
        ("\\du", vec!["List of roles"]),
        ("\\copy (SELECT 1 AS a, 'x,y' AS b) TO STDOUT CSV HEADER", vec!["a,b\n1,\"x,y\"\n"]),
        ("\\conninfo", vec!["steadfast"]),
        ("SELECT 1 AS a", vec![" a \n---\n 1\n(1 row)"]),
    ] {
        let Some(seen) = printed(&port, "ann", command).await else { break };
        for part in expected.into_iter().filter(|part| !seen.contains(part)) {
            wrong.push(format!("{command}: no `{part}` in {seen}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_fetches_in_parts() {
    let port = Port::open().await;
    if let Some(mut psql) = psql() {
        psql.args(["-p", &port.addr.port().to_string(), "-U", "ann", "-At", "-v", "FETCH_COUNT=7"]);
        psql.args(["-c", "SELECT value FROM samples ORDER BY ts"]);
        let output = run(psql).await;
        let said = String::from_utf8_lossy(&output.stdout);
        let expected: Vec<String> = (0..60).map(|n| n.to_string()).chain(["97.5".to_owned()]).collect();
        assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    }
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_proves_who_it_is_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root.pem");
    let acceptor = tls(&root);
    let port = Port::with(guarded(), QueryConfig::default(), vec![limited()], Some(acceptor)).await;
    for (user, password, mode, expected) in [
        ("ann", PASSWORD, "verify-full", "ann\n"),
        ("ann", PASSWORD, "disable", "ann\n"),
        ("ann", "wrong-wrong-wrong", "verify-full", "password authentication failed"),
        ("bob", PASSWORD, "verify-full", "password authentication failed"),
        ("team", "a-token-of-the-team", "verify-full", "team\n"),
    ] {
        let Some(mut psql) = psql() else { break };
        psql.args(["-p", &port.addr.port().to_string(), "-U", user, "-At", "-c", "SELECT current_user"]);
        psql.env("PGPASSWORD", password).env("PGSSLMODE", mode).env("PGSSLROOTCERT", &root);
        let output = run(psql).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(expected), "{user} {mode}: {said}");
    }
    for (user, password, sql, expected) in [
        ("ann", PASSWORD, "SELECT count(*) > 0 FROM drift", "t\n"),
        ("team", "a-token-of-the-team", "SELECT count(*) > 0 FROM drift", "f\n"),
        ("team", "a-token-of-the-team", "SELECT * FROM samples", "permission denied for table samples"),
    ] {
        let Some(mut psql) = psql() else { break };
        psql.args(["-p", &port.addr.port().to_string(), "-U", user, "-At", "-c", sql]);
        psql.env("PGPASSWORD", password).env("PGSSLMODE", "disable");
        let output = run(psql).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(expected), "{user} {sql}: {said}");
    }
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_asks_in_both_formats() {
    let port = Port::with(config(), QueryConfig::default(), vec![], None).await;
    if let Some(python) = python() {
        let mut command = Command::new(python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/psycopg_client.py")).arg(port.addr.port().to_string());
        let output = run(command).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jdbc_asks_in_both_formats_and_looks_around() {
    let port = Port::with(guarded(), QueryConfig::default(), vec![], None).await;
    if let Some(mut java) = java() {
        java.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/JdbcClient.java"));
        java.args([&port.addr.port().to_string(), PASSWORD]);
        let output = run(java).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    port.end().await;
}
