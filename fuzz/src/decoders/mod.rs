//! The decoders: a file and a line each.

use crate::Target;

macro_rules! decoders {
    ($($(#[$when:meta])* $name:ident,)*) => {
        $($(#[$when])* mod $name;)*

        /// All decoders.
        pub fn targets() -> Vec<Target> {
            [$($(#[$when])* Target {
                name: stringify!($name),
                run: $name::run,
                seeds: $name::seeds,
            },)*]
            .to_vec()
        }
    };
}

decoders! {
    alertmanager_alerts,
    alertmanager_config,
    alertmanager_matchers,
    #[cfg(feature = "arrow")]
    bus_record,
    http_body,
    bulk,
    container,
    exposition_openmetrics,
    exposition_prometheus,
    exposition_protobuf,
    go_template,
    journal,
    json,
    judge_request,
    #[cfg(feature = "arrow")]
    kubernetes_object,
    #[cfg(feature = "arrow")]
    kubernetes_release,
    #[cfg(feature = "arrow")]
    kubernetes_schema,
    logql,
    logql_pipeline,
    loki_json,
    loki_protobuf,
    notification_template,
    otlp_json,
    otlp_logs,
    otlp_metrics,
    otlp_traces,
    package_db,
    promql,
    promql_evaluation,
    relabel,
    remote_read,
    remote_write_v1,
    remote_write_v2,
    rule_file,
    scrape_answer,
    scrape_config,
    secrecy,
    syslog,
    timestamp,
    yaml,
}
