//! SQL over Arrow Flight, by the client of arrow-flight, by ADBC and by Arrow's JDBC driver.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo, SqlInfo,
};
use arrow_flight::{FlightInfo, Ticket};
use base::{Clock, SecretRef};
use futures::TryStreamExt;
use query::QueryConfig;
use server::{ServerConfig, TokenConfig};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::site::{Site, config};
use super::world::World;

const TOKEN: &str = "a-token-for-everything";
const LIMITED: &str = "a-token-for-one-scope-only";
const CROSS: &str = "SELECT a.id FROM resource_history a, resource_history b, resource_history c, resource_history d, \
                     resource_history e, resource_history f, resource_history g, resource_history h, resource_history i";

type Client = FlightSqlServiceClient<Channel>;

struct Flight {
    site: Site,
    addr: SocketAddr,
}

impl Flight {
    async fn start(server: ServerConfig, queries: QueryConfig) -> Self {
        let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listen.local_addr().unwrap();
        drop(listen);
        let server = ServerConfig { grpc_listen: Some(addr), ..server };
        Self { site: Site::start(World::fleet().await, server, queries).await, addr }
    }

    async fn open() -> Self {
        Self::start(config(), QueryConfig::default()).await
    }

    async fn client(&self) -> Client {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.addr)).unwrap();
        FlightSqlServiceClient::new(endpoint.connect().await.unwrap())
    }
}

fn ticket(info: &FlightInfo) -> Ticket {
    assert_eq!(info.endpoint.len(), 1, "{info}");
    info.endpoint[0].ticket.clone().unwrap()
}

async fn fetched(client: &mut Client, info: &FlightInfo) -> Result<Vec<RecordBatch>, FlightError> {
    let stream = client.do_get(ticket(info)).await?;
    let batches: Vec<RecordBatch> = stream.try_collect().await?;
    let told = info.clone().try_decode_schema().unwrap();
    assert!(batches.iter().all(|batch| *batch.schema() == told), "the columns are those that were told");
    Ok(batches)
}

async fn rows(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, Status> {
    let info = client.execute(sql.to_owned(), None).await.map_err(status)?;
    fetched(client, &info).await.map_err(status)
}

fn status(error: impl Into<FlightError>) -> Status {
    match error.into() {
        FlightError::Tonic(status) => *status,
        other => panic!("no status: {other}"),
    }
}

/// The values of a column, as texts.
fn column(batches: &[RecordBatch], name: &str) -> Vec<String> {
    let of = |batch: &RecordBatch| {
        let column = batch.column_by_name(name).unwrap().clone();
        (0..batch.num_rows()).map(|n| array_value_to_string(&column, n).unwrap()).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_answered_with_the_columns_that_were_told() {
    let flight = Flight::open().await;
    let mut client = flight.client().await;
    let found = rows(&mut client, "SELECT id, verdict FROM drift WHERE verdict = 'modified'").await.unwrap();
    assert_eq!(column(&found, "id"), ["host/web-1/file//etc/nginx/nginx.conf"]);
    let all = rows(&mut client, "SELECT * FROM metrics ORDER BY ts").await.unwrap();
    assert_eq!(all.iter().map(RecordBatch::num_rows).sum::<usize>(), 61);
    // No row is an answer, too.
    assert!(rows(&mut client, "SELECT id FROM drift WHERE false").await.unwrap().iter().all(|b| b.num_rows() == 0));
    // The port takes what it took before.
    assert_eq!(flight.site.get("/-/healthy").await.status().as_u16(), 200);
    flight.site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_takes_values() {
    let flight = Flight::open().await;
    let mut client = flight.client().await;
    for sql in
        ["SELECT id, $2 AS n FROM drift WHERE verdict = $1", "SELECT id, ? + 0 AS n FROM drift WHERE ? = verdict"]
    {
        let mut prepared = client.prepare(sql.to_owned(), None).await.unwrap();
        let names: Vec<String> =
            prepared.parameter_schema().unwrap().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["$1", "$2"]);
        assert_eq!(prepared.dataset_schema().unwrap().field(0).name(), "id");
        let unbound = prepared.execute().await.map_err(status);
        let unbound = match unbound {
            Ok(info) => fetched(&mut client, &info).await.map_err(status).unwrap_err(),
            Err(status) => status,
        };
        assert_eq!(
            (unbound.code(), unbound.message()),
            (Code::InvalidArgument, "the parameter $1 has no value: none were given")
        );
        let verdict: ArrayRef = Arc::new(StringArray::from(vec!["missing"]));
        let number: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![7]));
        let values = if sql.contains('$') { [("a", verdict), ("b", number)] } else { [("a", number), ("b", verdict)] };
        prepared.set_parameters(RecordBatch::try_from_iter(values).unwrap()).unwrap();
        let info = prepared.execute().await.unwrap();
        let found = fetched(&mut client, &info).await.unwrap();
        assert_eq!(column(&found, "id"), ["host/web-1/file//etc/motd"], "{sql}");
        assert_eq!(found[0].column(1).as_primitive::<Int64Type>().value(0), 7);
        prepared.close().await.unwrap();
    }
    let mut prepared = client.prepare("SELECT $1".to_owned(), None).await.unwrap();
    let two = StringArray::from(vec!["a", "b"]);
    prepared.set_parameters(RecordBatch::try_from_iter([("a", Arc::new(two) as ArrayRef)]).unwrap()).unwrap();
    let refused = status(prepared.execute().await.unwrap_err());
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("more than one row of parameters"), "{refused}");
    flight.site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_to_ask_is_told() {
    let flight = Flight::open().await;
    let mut client = flight.client().await;
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(column(&fetched(&mut client, &info).await.unwrap(), "catalog_name"), ["steadfast"]);
    let info = client.get_db_schemas(CommandGetDbSchemas::default()).await.unwrap();
    assert_eq!(column(&fetched(&mut client, &info).await.unwrap(), "db_schema_name"), ["public"]);
    let info = client.get_table_types().await.unwrap();
    assert_eq!(column(&fetched(&mut client, &info).await.unwrap(), "table_type"), ["TABLE", "VIEW"]);
    let like = CommandGetTables { table_name_filter_pattern: Some("m%".to_owned()), ..CommandGetTables::default() };
    let info = client.get_tables(like.clone()).await.unwrap();
    let found = fetched(&mut client, &info).await.unwrap();
    assert_eq!(column(&found, "table_name"), ["metadata", "metrics"]);
    assert_eq!(column(&found, "table_type"), ["TABLE", "VIEW"]);
    let info = client.get_tables(CommandGetTables { include_schema: true, ..like }).await.unwrap();
    assert!(fetched(&mut client, &info).await.unwrap()[0].column_by_name("table_schema").is_some());
    let keys = CommandGetPrimaryKeys { catalog: None, db_schema: None, table: "drift".to_owned() };
    let info = client.get_primary_keys(keys).await.unwrap();
    assert_eq!(column(&fetched(&mut client, &info).await.unwrap(), "column_name"), ["key"]);
    let info = client.get_sql_info(vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerReadOnly]).await.unwrap();
    assert_eq!(
        column(&fetched(&mut client, &info).await.unwrap(), "value"),
        ["{string_value=Steadfast}", "{bool_value=true}"]
    );
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: Some(-5) }).await.unwrap();
    assert_eq!(column(&fetched(&mut client, &info).await.unwrap(), "type_name"), ["bigint"]);
    flight.site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_has_the_code_that_says_what_to_do() {
    let queries = QueryConfig { max_rows: 50, max_sql_bytes: 2_000, ..QueryConfig::default() };
    let flight = Flight::start(config(), queries).await;
    let mut client = flight.client().await;
    let long = format!("SELECT '{}'", "x".repeat(3_000));
    for (sql, code, message) in [
        ("SELECT 1 FROM", Code::InvalidArgument, "xpected"),
        ("SELECT verdikt FROM drift", Code::InvalidArgument, "did you mean `verdict`?"),
        ("SELECT $1", Code::InvalidArgument, "the parameter $1 has no value"),
        ("SELECT 1 / 0", Code::InvalidArgument, "ivide by zero"),
        ("DELETE FROM drift", Code::PermissionDenied, "DELETE FROM is not allowed"),
        ("SELECT * FROM metrics", Code::ResourceExhausted, "max_rows"),
        (long.as_str(), Code::ResourceExhausted, "max_sql_bytes"),
    ] {
        let status = rows(&mut client, sql).await.unwrap_err();
        assert_eq!(status.code(), code, "{sql}: {status}");
        assert!(status.message().contains(message), "{sql}: {status}");
    }
    let update = status(client.execute_update("DELETE FROM drift".to_owned(), None).await.unwrap_err());
    assert_eq!((update.code(), update.message().contains("not allowed")), (Code::PermissionDenied, true), "{update}");
    let made_up = Ticket::new(b"made up".to_vec());
    let refused = status(client.do_get(made_up).await.map(|_| ()).unwrap_err());
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let transaction = status(client.execute("SELECT 1".to_owned(), Some(b"t".to_vec().into())).await.unwrap_err());
    assert_eq!(transaction.code(), Code::InvalidArgument, "{transaction}");
    flight.site.end().await;
}

fn tokens(dir: &tempfile::TempDir) -> ServerConfig {
    let token = |name: &str, text: &str, scopes: Option<Vec<String>>| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        TokenConfig { name: name.to_owned(), secret: SecretRef::File(path), scopes, tables: None }
    };
    let tokens = vec![token("ops", TOKEN, None), token("team", LIMITED, Some(vec!["host/web-2".to_owned()]))];
    ServerConfig { tokens, ..config() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_needed_and_a_handshake_turns_a_password_into_one() {
    let dir = tempfile::tempdir().unwrap();
    let flight = Flight::start(tokens(&dir), QueryConfig::default()).await;
    let mut client = flight.client().await;
    let stranger = rows(&mut client, "SELECT 1").await.unwrap_err();
    assert_eq!(stranger.code(), Code::Unauthenticated);
    assert!(stranger.message().starts_with("a token is needed"), "{stranger}");
    client.handshake("me", "a-password-of-nobody").await.unwrap_err();
    client.handshake("me", TOKEN).await.unwrap();
    assert_eq!(client.token(), Some(&TOKEN.to_owned()));
    assert_eq!(rows(&mut client, "SELECT 1 AS one").await.map(|found| column(&found, "one")).unwrap(), ["1"]);
    client.set_token(LIMITED.to_owned());
    let none = rows(&mut client, "SELECT count(*) AS n FROM drift").await.map(|found| column(&found, "n")).unwrap();
    assert_eq!(none, ["0"], "its scope is another");
    let limited = rows(&mut client, "SELECT * FROM samples").await.unwrap_err();
    assert_eq!(limited.code(), Code::PermissionDenied, "{limited}");
    flight.site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_with_its_client_and_gives_its_place_back() {
    let queries = QueryConfig {
        max_concurrent: 1,
        max_wait: Duration::ZERO,
        timeout: Duration::from_secs(600),
        max_rows: u64::MAX,
        ..QueryConfig::default()
    };
    let flight = Flight::start(config(), queries).await;
    let mut client = flight.client().await;
    let info = client.execute(CROSS.to_owned(), None).await.unwrap();
    let mut stream = client.do_get(ticket(&info)).await.unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    let busy = rows(&mut flight.client().await, "SELECT 1").await.unwrap_err();
    assert_eq!(busy.code(), Code::ResourceExhausted, "{busy}");
    assert!(busy.message().contains("max_concurrent"), "{busy}");
    drop((stream, client));
    let (clock, mut next) = (Clock::system(), flight.client().await);
    let free = async {
        while rows(&mut next, "SELECT 1").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    clock.timeout(Duration::from_secs(20), free).await.expect("the place is not given back");
    flight.site.end().await;
}

/// A file of what `tests/peers` installs.
fn peer(file: &str) -> PathBuf {
    let peers = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/steadfast/peers");
    peers.unwrap_or_else(home).join(file)
}

/// A file of these tests.
fn own(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file)
}

/// A Python with ADBC, if one is installed.
fn adbc() -> Option<PathBuf> {
    let python = peer("adbc/bin/python");
    if !python.exists() {
        eprintln!("skipped: ADBC is not installed (tests/peers/adbc-install.sh)");
        return None;
    }
    Some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn adbc_asks_what_it_likes() {
    let Some(python) = adbc() else { return };
    let dir = tempfile::tempdir().unwrap();
    let flight = Flight::start(tokens(&dir), QueryConfig::default()).await;
    let (url, script) = (format!("grpc://{}", flight.addr), own("adbc.py"));
    let run =
        tokio::task::spawn_blocking(move || Command::new(python).arg(script).args([&url, TOKEN]).output().unwrap());
    let output = run.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim(), "done");
    flight.site.end().await;
}

/// Java with Arrow's JDBC driver, if it is installed.
fn jdbc() -> Option<Command> {
    let driver = peer("jdbc/flight-sql-jdbc-driver.jar");
    if !driver.exists() || Command::new("java").arg("-version").output().is_err() {
        eprintln!("skipped: JDBC is not installed (tests/peers/jdbc-install.sh)");
        return None;
    }
    let mut java = Command::new("java");
    // The driver reads memory of its own; its zone is none in which a mistake would not be seen.
    java.args(["--add-opens=java.base/java.nio=ALL-UNNAMED", "-Duser.timezone=Asia/Tokyo", "-cp"]).arg(driver);
    Some(java)
}

#[tokio::test(flavor = "multi_thread")]
async fn jdbc_asks_what_it_likes() {
    let Some(mut java) = jdbc() else { return };
    let dir = tempfile::tempdir().unwrap();
    let flight = Flight::start(tokens(&dir), QueryConfig::default()).await;
    java.arg(own("FlightJdbc.java")).args([&flight.addr.to_string(), TOKEN]);
    let output = tokio::task::spawn_blocking(move || java.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    flight.site.end().await;
}
