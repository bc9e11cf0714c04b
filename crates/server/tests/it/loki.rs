//! Loki's query API, asked as Grafana's data source and logcli ask it.

use base::Clock;
use ingest::{Ingest, IngestConfig};
use query::QueryConfig;
use serde_json::{Value, json};
use server::Parts;

use super::site::{Site, config, parts};
use super::world::World;

/// Four lines of the shop and one of the till, pushed; one of another, by OTLP.
async fn site() -> Site {
    let world = World::empty().await;
    let ingest = Ingest::new(IngestConfig::default(), world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, config(), parts).await;
    let at = |second: u64| (second * 1_000_000_000).to_string();
    let push = json!({"streams": [
        {"stream": {"app": "shop", "env": "prod"}, "values": [
            [at(100), r#"{"status":200,"took":"15ms","path":"/cart"}"#],
            [at(101), r#"{"status":500,"took":"1.5s","path":"/pay"}"#, {"trace_id": "5b8efff798038103d269b633813fc60c"}],
            [at(102), "level=warn msg=\"slow disk\""],
            [at(103), "not json"]
        ]},
        {"stream": {"app": "till", "env": "prod"}, "values": [[at(102), r#"{"status":200,"took":"5ms"}"#]]}
    ]});
    let sent = site.client.post(site.url("/loki/api/v1/push")).json(&push).send().await.unwrap();
    assert_eq!(sent.status(), 204);
    let otlp = json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}, {"key": "k8s.pod.name", "value": {"stringValue": "web-0"}}]},
        "scopeLogs": [{"logRecords": [{"timeUnixNano": at(104), "severityNumber": 17, "body": {"stringValue": "no disk"},
            "attributes": [{"key": "http.route", "value": {"stringValue": "/"}}]}]}]
    }]});
    assert_eq!(site.client.post(site.url("/v1/logs")).json(&otlp).send().await.unwrap().status(), 200);
    site.world.settle().await;
    site
}

async fn ask(site: &Site, path: &str, parameters: &[(&str, &str)]) -> Value {
    let answer = site.client.get(site.url(&format!("/loki/api/v1/{path}"))).query(parameters).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path} {parameters:?}: {text}");
    serde_json::from_str(&text).unwrap()
}

const WHEN: [(&str, &str); 2] = [("start", "100"), ("end", "200")];

/// The lines of an answer, in the order of the answer.
async fn lines(site: &Site, query: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    // Where categories are told apart, metadata makes no streams of their own.
    let request =
        site.client.get(site.url("/loki/api/v1/query_range")).query(&WHEN).query(&[("query", query)]).query(more);
    let request = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels");
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"]["resultType"], "streams", "{answer}");
    let streams = answer["data"]["result"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let values = streams.iter().flat_map(|stream| stream["values"].as_array().unwrap());
    values.map(|value| (text(&value[0]).trim_end_matches("000000000").to_owned(), text(&value[1]))).collect()
}

async fn numbers(site: &Site, query: &str) -> Vec<(Value, String)> {
    let answer = ask(site, "query", &[("query", query), ("time", "200")]).await;
    assert_eq!(answer["data"]["resultType"], "vector", "{answer}");
    let samples = answer["data"]["result"].as_array().unwrap();
    samples.iter().map(|sample| (sample["metric"].clone(), sample["value"][1].as_str().unwrap().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana_finds_the_data_source_well() {
    let site = site().await;
    let parameters = [("query", "vector(1)+vector(1)"), ("direction", "backward"), ("time", "4000000000")];
    let answer = ask(&site, "query", &parameters).await;
    assert_eq!(answer["data"]["result"], json!([{"metric": {}, "value": [4_000_000_000_i64, "2"]}]));
    assert_eq!(ask(&site, "labels", &WHEN).await["data"], json!(["app", "env", "k8s_pod_name", "service_name"]));
    assert_eq!(ask(&site, "label/app/values", &WHEN).await["data"], json!(["shop", "till"]));
    let series = ask(&site, "series", &[&WHEN[..], &[("match[]", r#"{app=~"t.*"}"#)]].concat()).await;
    assert_eq!(series["data"], json!([{"app": "till", "env": "prod", "service_name": "till"}]));
    let labels = ask(&site, "detected_labels", &WHEN).await;
    assert!(
        labels["detectedLabels"].as_array().unwrap().contains(&json!({"label": "app", "cardinality": 2})),
        "{labels}"
    );
    let of_shop = [&WHEN[..], &[("query", r#"{app="shop"}"#)]].concat();
    let stats = ask(&site, "index/stats", &of_shop).await;
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(4)));
    let fields = ask(&site, "detected_fields", &of_shop).await;
    let field = |name: &str| fields["fields"].as_array().unwrap().iter().find(|field| field["label"] == name).cloned();
    assert_eq!(field("took").unwrap()["type"], "duration", "{fields}");
    assert_eq!(ask(&site, "detected_field/status/values", &of_shop).await["values"], json!(["200", "500"]));
    // Only of the lines that the query keeps, as it leaves them.
    let of_errors = [&WHEN[..], &[("query", r#"{app="shop"} | json | status = 500"#)]].concat();
    assert_eq!(ask(&site, "detected_field/status/values", &of_errors).await["values"], json!(["500"]));
    let short = [&WHEN[..], &[("query", r#"{app="shop"} | json | line_format "{\"p\":\"{{.path}}\"}""#)]].concat();
    assert_eq!(ask(&site, "detected_field/p/values", &short).await["values"], json!(["", "/cart", "/pay"]));
    let one = ask(&site, "detected_fields", &[&of_shop[..], &[("limit", "1")]].concat()).await;
    assert_eq!((one["fields"].as_array().unwrap().len(), &one["limit"]), (1, &json!(1)));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_in_the_order_that_was_asked_for() {
    let site = site().await;
    let of = |lines: Vec<(String, String)>| lines.into_iter().map(|(at, _)| at).collect::<Vec<_>>();
    let shop = r#"{app="shop"}"#;
    assert_eq!(of(lines(&site, shop, &[]).await), ["103", "102", "101", "100"]);
    assert_eq!(of(lines(&site, shop, &[("direction", "forward"), ("limit", "2")]).await), ["100", "101"]);
    assert_eq!(of(lines(&site, r#"{app="shop"} |= "disk""#, &[]).await), ["102"]);
    let slow = r#"{app="shop"} | json | status >= 500 | took > 1s"#;
    let without = format!("{slow} | __error__=\"\"");
    assert_eq!(of(lines(&site, &without, &[]).await), ["101"]);
    // As in Loki: only conditions on texts leave out lines with an error.
    assert_eq!(of(lines(&site, slow, &[]).await), ["103", "102", "101"]);
    assert_eq!(
        of(lines(&site, r#"{service_name="web"} | detected_level="error" | http_route="/""#, &[]).await),
        ["104"]
    );
    let formatted = lines(&site, r#"{app="till"} | json | line_format "{{.status}} in {{.took}}""#, &[]).await;
    assert_eq!(formatted, [("102".to_owned(), "200 in 5ms".to_owned())]);

    let request = site.client.get(site.url("/loki/api/v1/query_range")).query(&WHEN);
    let request = request.query(&[("query", r#"{app="shop"} |= "/pay" | json"#)]);
    let answer: Value = request
        .header("X-Loki-Response-Encoding-Flags", "categorize-labels")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let value = &answer["data"]["result"][0]["values"][0];
    assert_eq!(value[2]["structuredMetadata"]["trace_id"], "5b8efff798038103d269b633813fc60c", "{answer}");
    assert_eq!(value[2]["parsed"]["path"], "/pay", "{answer}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_made_of_lines() {
    let site = site().await;
    let counts = numbers(&site, r#"sum by (app) (count_over_time({env="prod"}[5m]))"#).await;
    assert_eq!(counts, [(json!({"app": "shop"}), "4".to_owned()), (json!({"app": "till"}), "1".to_owned())]);
    let slow = r#"max by (app) (max_over_time({env="prod"} | json | __error__="" | unwrap duration(took) [5m]))"#;
    assert_eq!(numbers(&site, slow).await[0], (json!({"app": "shop"}), "1.5".to_owned()));
    // What Explore draws above the lines.
    let volume = r#"sum by (level, detected_level) (count_over_time({app="shop"} | drop __error__[1s]))"#;
    let answer = ask(&site, "query_range", &[&WHEN[..], &[("query", volume), ("step", "1000ms")]].concat()).await;
    assert_eq!(answer["data"]["resultType"], "matrix", "{answer}");
    let levels: Vec<&Value> =
        answer["data"]["result"].as_array().unwrap().iter().map(|series| &series["metric"]["detected_level"]).collect();
    assert!(levels.contains(&&json!("warn")), "{answer}");
    let of_prod = [&WHEN[..], &[("query", r#"{env="prod"}"#), ("targetLabels", "app")]].concat();
    let volume = ask(&site, "index/volume", &of_prod).await;
    assert_eq!(volume["data"]["result"][0]["metric"], json!({"app": "shop"}), "the most first");
    // The same bytes at the end, in each step, and in the statistics.
    let of_shop = [&WHEN[..], &[("query", r#"{app="shop"}"#), ("step", "1")]].concat();
    let bytes = ask(&site, "index/stats", &of_shop).await["bytes"].as_u64().unwrap();
    assert!(bytes > 0);
    assert_eq!(volume["data"]["result"][0]["value"][1], bytes.to_string());
    let over = ask(&site, "index/volume_range", &of_shop).await;
    let points = over["data"]["result"][0]["values"].as_array().unwrap();
    assert_eq!(points.len(), 4, "{over}");
    let sum: u64 = points.iter().map(|point| point[1].as_str().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(sum, bytes, "{over}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_are_those_of_opentelemetrys_numbers_first() {
    let site = site().await;
    let record = |number: u8, text: &str, body: &str| json!({"timeUnixNano": "105000000000", "severityNumber": number, "severityText": text, "body": {"stringValue": body}});
    let records = json!([
        record(10, "", "info2"),
        record(17, "SEVERE", "severe"),
        record(0, "emerg", "emerg"),
        record(13, "strange", "warn")
    ]);
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "levels"}}]});
    let otlp = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]});
    assert_eq!(site.client.post(site.url("/v1/logs")).json(&otlp).send().await.unwrap().status(), 200);
    site.world.settle().await;
    for (level, body) in [("info", "info2"), ("error", "severe"), ("fatal", "emerg"), ("warn", "warn")] {
        let query = format!(r#"{{service_name="levels"}} | detected_level="{level}""#);
        assert_eq!(lines(&site, &query, &[]).await, [("105".to_owned(), body.to_owned())], "{level}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_lines_is_of_lines() {
    let site = site().await;
    let numbers = r#"sum(count_over_time({app="shop"}[5m]))"#;
    for (query, limit, status) in [
        (numbers, "20000", 200),
        (numbers, "0", 400),
        (r#"{app="shop"}"#, "20000", 400),
        (r#"{app="shop"}"#, "0", 400),
        (r#"{app="shop"}"#, "10000", 200),
    ] {
        let asked = [&WHEN[..], &[("query", query), ("limit", limit)]].concat();
        let answer = site.client.get(site.url("/loki/api/v1/query_range")).query(&asked).send().await.unwrap();
        assert_eq!(answer.status(), status, "{query} {limit}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said_in_lokis_words() {
    let site = site().await;
    for (path, query, text) in [
        ("query_range", "{app=", "parse error at line 1"),
        ("query_range", r#"{app=~".*"}"#, "at least one"),
        ("query", r#"{app="shop"}"#, "log queries are not supported as an instant query type"),
        ("query_range", r#"{app="shop"} |~ "(""#, "missing closing ): `(`"),
    ] {
        let request = site.client.get(site.url(&format!("/loki/api/v1/{path}"))).query(&[("query", query)]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{query}");
        let said = answer.text().await.unwrap();
        assert!(said.contains(text), "{query}: {said}");
    }
    let failing = r#"sum by (path) (count_over_time({app="shop"} | json [5m]))"#;
    let answer = site.client.get(site.url("/loki/api/v1/query")).query(&[("query", failing), ("time", "200")]);
    let said = answer.send().await.unwrap().text().await.unwrap();
    assert!(said.contains("pipeline error: 'JSONParserErr'"), "{said}");
    site.end().await;
}
