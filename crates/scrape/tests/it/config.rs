//! A configuration that is right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Secret;
use scrape::Protocol;
use scrape::config::{Record, Role, ScrapeConfig, Text, together};

use super::support::{job, read};

#[test]
fn a_job_has_the_defaults_of_prometheus() {
    let job = job("");
    assert_eq!((job.interval, job.timeout), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("/metrics", "http"));
    assert_eq!((job.honor_labels, job.honor_timestamps, job.enable_compression), (false, true, true));
    assert!(job.http.follow_redirects && job.http.enable_http2 && !job.native_histograms);
    assert_eq!(job.protocols, Protocol::DEFAULT);
}

#[test]
fn what_is_global_holds_for_jobs_that_do_not_say_otherwise() {
    let text = "global: {scrape_interval: 15s, sample_limit: 7, scrape_native_histograms: true, external_labels: {a: b}}\n\
                rule_files: [x.yml]\nscrape_configs:\n- job_name: a\n- {job_name: b, scrape_interval: 5s, sample_limit: 9}\n";
    let found = read(text).unwrap();
    assert_eq!(found.unread, ["rule_files"]);
    let [a, b] = found.jobs.as_slice() else { panic!("{found:?}") };
    assert_eq!((a.interval, a.timeout, a.limits.samples), (Duration::from_secs(15), Duration::from_secs(10), 7));
    assert_eq!((b.interval, b.timeout, b.limits.samples), (Duration::from_secs(5), Duration::from_secs(5), 9));
    assert_eq!(a.protocols.first(), Some(&Protocol::PrometheusProto));
}

#[test]
fn paths_are_relative_to_the_configuration_and_secrets_do_not_show() {
    let job = job("basic_auth: {username: u, password_file: pass}\ntls_config: {ca_file: /abs/ca.pem}\n\
         file_sd_configs:\n- files: ['targets/*.json']\n  refresh_interval: 1m\n\
         kubernetes_sd_configs:\n- {role: endpointslice, kubeconfig_file: kube, namespaces: {names: [shop]}}\n\
         dns_sd_configs:\n- {names: [x], type: AAAA, port: 9100}");
    let basic = job.http.basic_auth.clone().unwrap();
    assert_eq!(basic.password, Some(Text::File(PathBuf::from("/etc/prometheus/pass"))));
    assert_eq!(basic.username, Text::Inline(Secret::new("u")));
    assert_eq!(job.http.tls.ca, Some(Text::File(PathBuf::from("/abs/ca.pem"))));
    assert_eq!(job.files[0].patterns, ["/etc/prometheus/targets/*.json"]);
    assert_eq!(job.kubernetes[0].kubeconfig, Some(PathBuf::from("/etc/prometheus/kube")));
    assert_eq!((job.kubernetes[0].role, job.dns[0].record), (Role::EndpointSlice, Record::Aaaa));
    let job = super::support::job("bearer_token: hunter2");
    assert!(!format!("{job:?}").contains("hunter2"));
}

#[test]
fn sizes_and_parameters_are_read() {
    let job = job("body_size_limit: 10MB\nparams: {module: [http_2xx, x], empty: []}");
    assert_eq!(job.limits.body, 10 << 20);
    assert_eq!(job.params["module"], ["http_2xx", "x"]);
}

#[test]
fn our_own_section_names_files_or_has_jobs() {
    let text = "files: prometheus.yml\nglobal: {scrape_interval: 5s}\nscrape_configs:\n- job_name: a\n";
    let config = ScrapeConfig::parse(text).unwrap();
    let mut placed = config.clone();
    placed.at(Path::new("/etc"));
    assert_eq!(placed.files, ["/etc/prometheus.yml"]);
    assert_eq!(config.scrape_configs[0].interval, Duration::from_secs(5));
    assert_eq!(ScrapeConfig::parse(""), Ok(ScrapeConfig::default()));
    let wrong = |text| ScrapeConfig::parse(text).unwrap_err()[0].to_string();
    assert!(wrong("\n\nfile: x").starts_with("3:1: file: is not a field of scrape"));
    assert!(wrong("global: {scrape_interval: 5s}").contains("only with scrape_configs"));
    let twice = together(vec![config.scrape_configs.clone(), config.scrape_configs]);
    assert!(twice.unwrap_err().contains("\"a\""));
}
