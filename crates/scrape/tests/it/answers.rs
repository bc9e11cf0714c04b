//! What answers of targets become.

use scrape::{Cache, Labels, Outcome, Pass, Rules, STALE, Value, targets};
use wire::exposition::Format;
use wire::pb::Writer;

use super::support::job;

/// A target that answers again and again.
struct Scraped {
    rules: Rules,
    cache: Cache<String>,
    now: i64,
}

/// A series as text.
fn key(labels: Labels) -> String {
    let pairs: Vec<String> =
        labels.iter().filter(|(name, _)| *name != "__name__").map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}{{{}}}", labels.get("__name__").map_or("", String::as_str), pairs.join(","))
}

impl Scraped {
    fn new(settings: &str) -> Self {
        let job = job(&format!("{settings}\nstatic_configs:\n- targets: [a]"));
        let mut rules = Rules::new(&job, &targets(&job.statics, &job).active[0]);
        rules.attach.labels.retain(|name, _| name == "job");
        Self { rules, cache: Cache::default(), now: 1_000_000 }
    }

    fn scrape<'a>(&mut self, body: &'a [u8], format: Format) -> Outcome<'a, String> {
        self.now += 1_000;
        let mut pass = Pass::new(&mut self.cache, &self.rules, &key, self.now);
        let error = pass.read(body, format).err().map(|error| error.to_string());
        let (outcome, settle) = pass.end(error);
        settle.into(&mut self.cache, true);
        outcome
    }

    fn text<'a>(&mut self, body: &'a str) -> Outcome<'a, String> {
        self.scrape(body.as_bytes(), Format::Prometheus)
    }
}

/// Series, time relative to the scrape, and value.
fn points(outcome: &Outcome<'_, String>, now: i64) -> Vec<String> {
    let mut shown: Vec<String> = outcome
        .points
        .iter()
        .map(|point| {
            let value = match &point.value {
                Value::Float(STALE) => "stale".to_owned(),
                Value::Float(bits) => f64::from_bits(*bits).to_string(),
                Value::Histogram(histogram) => format!("histogram of {}", histogram.count.value()),
                Value::StaleHistogram => "stale histogram".to_owned(),
            };
            format!("{} {:+} {value}", point.series, point.time_ms - now)
        })
        .collect();
    shown.sort();
    shown
}

#[test]
fn samples_get_the_targets_labels_and_are_counted() {
    let mut target = Scraped::new("metric_relabel_configs:\n- {source_labels: [__name__], regex: b, action: drop}");
    let outcome = target.text("a{job=\"said\"} 1\nb 2\nc 3\n");
    assert_eq!(points(&outcome, target.now), ["a{exported_job=said,job=j} +0 1", "c{job=j} +0 3"]);
    assert_eq!((outcome.scraped, outcome.kept, outcome.added), (3, 2, 2));
    let again = target.text("a{job=\"said\"} 1\nb 2\nc 3\n");
    assert_eq!((again.scraped, again.kept, again.added), (3, 2, 0));
}

#[test]
fn series_that_vanish_become_stale_once_and_come_back_as_new() {
    let mut target = Scraped::new("");
    target.text("a 1\nb 2\n");
    let outcome = target.text("a 1\n");
    assert_eq!(points(&outcome, target.now), ["a{job=j} +0 1", "b{job=j} +0 stale"]);
    let outcome = target.text("a 1\n");
    assert_eq!(points(&outcome, target.now), ["a{job=j} +0 1"]);
    assert_eq!(target.text("a 1\nb 2\n").added, 1);
}

#[test]
fn a_scrape_that_fails_in_the_middle_leaves_only_markers() {
    let mut target = Scraped::new("");
    target.text("a 1\nb 2\n");
    let outcome = target.text("a 1\nc 3\nd {\n");
    assert_eq!(points(&outcome, target.now), ["a{job=j} +0 stale", "b{job=j} +0 stale"]);
    assert!(outcome.error.as_ref().unwrap().starts_with("line 3:"), "{:?}", outcome.error);
    assert_eq!((outcome.scraped, outcome.added), (2, 0));
    let outcome = target.text("broken");
    assert!(outcome.points.is_empty(), "they are stale already");
}

#[test]
fn markers_that_were_not_durable_are_told_again() {
    let mut target = Scraped::new("");
    target.text("a 1\nb 2\n");
    let mut pass = Pass::new(&mut target.cache, &target.rules, &key, 5);
    pass.read(b"c 1\n", Format::Prometheus).unwrap();
    let (_, settle) = pass.end(None);
    settle.into(&mut target.cache, false);
    let outcome = target.text("b 2\n");
    assert_eq!(points(&outcome, target.now), ["a{job=j} +0 stale", "b{job=j} +0 2", "c{job=j} +0 stale"]);
}

#[test]
fn times_are_the_targets_if_they_are_honored() {
    let mut target = Scraped::new("");
    let body = format!("a 1 {}\nb 2\n", 1_001_000 - 500);
    let outcome = target.text(&body);
    assert_eq!(points(&outcome, target.now), ["a{job=j} -500 1", "b{job=j} +0 2"]);
    // One with a time of its own does not become stale, unless that is asked for.
    assert_eq!(points(&target.text("b 2\n"), target.now), ["b{job=j} +0 2"]);
    let mut target = Scraped::new("track_timestamps_staleness: true");
    target.text(&body);
    assert_eq!(points(&target.text("b 2\n"), target.now), ["a{job=j} +0 stale", "b{job=j} +0 2"]);
    let mut target = Scraped::new("honor_timestamps: false");
    assert_eq!(points(&target.text(&body), target.now), ["a{job=j} +0 1", "b{job=j} +0 2"]);
}

#[test]
fn the_first_of_two_samples_of_one_time_counts_and_none_from_the_future() {
    let mut target = Scraped::new("");
    let body = format!("a 1\na 2\nb 1 {}\nc 1 900000\nc 2 800000\n", 1_001_000 + 600_001);
    let outcome = target.text(&body);
    assert_eq!(points(&outcome, 1_001_000), ["a{job=j} +0 1", "c{job=j} -101000 1", "c{job=j} -201000 2"]);
    assert_eq!((outcome.duplicates, outcome.out_of_bounds, outcome.scraped), (1, 1, 5));
}

#[test]
fn a_limit_that_is_hit_fails_the_scrape_and_everything_is_counted() {
    let mut target = Scraped::new("sample_limit: 2");
    target.text("a 1\n");
    let outcome = target.text("a 1\nb 2\nc 3\nd 4\n");
    assert_eq!(outcome.error.as_deref(), Some("sample limit exceeded (4 of 2)"));
    assert_eq!((outcome.scraped, outcome.kept, outcome.added), (4, 4, 0));
    assert_eq!(points(&outcome, target.now), ["a{job=j} +0 stale"]);
    for (limit, problem) in [
        ("label_limit: 2", "label_limit exceeded (metric: m, number of labels: 3, limit: 2)"),
        ("label_name_length_limit: 8", "label_name_length_limit exceeded (metric: m, label name: long_name"),
        ("label_value_length_limit: 3", "label_value_length_limit exceeded (metric: m, label name: long_name"),
    ] {
        let outcome = Scraped::new(limit).text("m{long_name=\"value\"} 1\n").error.unwrap();
        assert!(outcome.starts_with(problem), "{outcome}");
    }
}

#[test]
fn a_sample_must_have_a_name_and_each_label_once() {
    let error = |body: &str| Scraped::new("").text(body).error.unwrap();
    assert!(error("m{a=\"1\",a=\"2\"} 1\n").contains("label name \"a\" is not unique"));
    let mut target = Scraped::new("metric_relabel_configs:\n- {regex: __name__, action: labeldrop}");
    assert!(target.text("m 1\n").error.unwrap().contains("missing metric name"));
}

#[test]
fn what_is_no_utf8_fails() {
    let mut target = Scraped::new("");
    let outcome = target.scrape(b"a{b=\"\xff\"} 1\n", Format::Prometheus);
    assert!(outcome.error.unwrap().contains("UTF-8"));
}

#[test]
fn metadata_are_told_when_they_change_and_once_a_day() {
    let mut target = Scraped::new("");
    let body = "# HELP a It is.\n# TYPE a counter\na 1\n";
    let told = target.text(body).metadata;
    assert_eq!((told[0].metric.as_str(), told[0].kind.as_str(), told[0].help.as_str()), ("a", "counter", "It is."));
    assert!(target.text(body).metadata.is_empty());
    let told = target.text("# TYPE a gauge\na 1\n").metadata;
    assert_eq!((told[0].kind.as_str(), told[0].help.as_str()), ("gauge", "It is."));
    target.now += 86_400_000;
    assert_eq!(target.text(body).metadata.len(), 1);
}

#[test]
fn open_metrics_has_exemplars_units_and_an_end() {
    let mut target = Scraped::new("");
    let text =
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1 # {trace_id=\"t\"} 0.5 1001.0\n# EOF\n";
    let outcome = target.scrape(text.as_bytes(), Format::OpenMetrics);
    assert_eq!(outcome.error, None);
    let exemplar = &outcome.exemplars[0];
    assert_eq!((exemplar.series.as_str(), exemplar.time_ms), ("a_seconds_total{job=j}", 1_001_000));
    assert_eq!((f64::from_bits(exemplar.value), exemplar.labels["trace_id"].as_str()), (0.5, "t"));
    assert_eq!(outcome.metadata[0].unit, "seconds");
    assert!(target.scrape(text.as_bytes(), Format::OpenMetrics).exemplars.is_empty(), "the same one again");
    let cut = target.scrape(&text.as_bytes()[..text.len() - 6], Format::OpenMetrics);
    assert!(cut.error.unwrap().contains("# EOF"));
}

#[test]
fn an_exemplar_that_is_no_number_is_taken_once() {
    let mut target = Scraped::new("");
    let mut told = |seconds: u64| {
        let line = format!("h_bucket{{le=\"+Inf\"}} 1 # {{trace_id=\"x\"}} NaN {seconds}.0");
        let text = format!("# TYPE h histogram\n{line}\nh_count 1\nh_sum NaN\n# EOF\n");
        let outcome = target.scrape(text.as_bytes(), Format::OpenMetrics);
        assert_eq!(outcome.error, None);
        outcome.exemplars.len()
    };
    assert_eq!([told(1_001), told(1_001), told(1_002)], [1, 0, 1]);
}

/// A histogram with one classic bucket, native ones, and an exemplar.
fn families() -> Vec<u8> {
    let mut family = Writer::default();
    family.bytes(1, b"h");
    family.varint(3, 4);
    family.message(4, |metric| {
        metric.message(1, |label| {
            label.bytes(1, b"l");
            label.bytes(2, b"v");
        });
        metric.message(7, |histogram| {
            histogram.varint(1, 3);
            histogram.double(2, 1.5);
            histogram.message(3, |bucket| {
                bucket.varint(1, 2);
                bucket.double(2, 1.0);
            });
            histogram.double(6, 0.001);
            histogram.message(12, |span| {
                span.varint(1, 0);
                span.varint(2, 1);
            });
            histogram.varint(13, 6);
        });
    });
    let family = family.finish();
    let mut body = vec![u8::try_from(family.len()).unwrap()];
    body.extend(family);
    body
}

#[test]
fn histograms_of_protobuf_are_classic_native_or_both() {
    let body = families();
    let classic = [
        "h_bucket{job=j,l=v,le=+Inf} +0 3",
        "h_bucket{job=j,l=v,le=1.0} +0 2",
        "h_count{job=j,l=v} +0 3",
        "h_sum{job=j,l=v} +0 1.5",
    ];
    let native = ["h{job=j,l=v} +0 histogram of 3"];
    let scrape = |settings: &str| {
        let mut target = Scraped::new(settings);
        let outcome = target.scrape(&body, Format::Protobuf);
        assert_eq!(outcome.error, None);
        points(&outcome, target.now)
    };
    assert_eq!(scrape(""), classic);
    assert_eq!(scrape("scrape_native_histograms: true"), native);
    let both = scrape("scrape_native_histograms: true\nalways_scrape_classic_histograms: true");
    assert_eq!(both.len(), classic.len() + native.len());
    let mut target = Scraped::new("scrape_native_histograms: true");
    target.scrape(&body, Format::Protobuf);
    let gone = target.scrape(&[], Format::Protobuf);
    assert_eq!(points(&gone, target.now), ["h{job=j,l=v} +0 stale histogram"]);
}

/// An exemplar of a value at so many seconds, or at no time.
fn exemplar(exemplar: &mut Writer, (value, seconds): (f64, Option<u64>)) {
    exemplar.double(2, value);
    if let Some(seconds) = seconds {
        exemplar.message(3, |time| time.varint(1, seconds));
    }
}

/// The exemplars that are told of a native histogram with these, and with these of its classic buckets: time and value.
fn exemplars(target: &mut Scraped, own: &[(f64, Option<u64>)], buckets: &[(f64, Option<u64>)]) -> Vec<(i64, f64)> {
    let body = family("h", 4, 7, 1, |histogram| {
        histogram.double(6, 0.001);
        for of in buckets {
            histogram.message(3, |bucket| bucket.message(3, |writer| exemplar(writer, *of)));
        }
        own.iter().for_each(|of| histogram.message(16, |writer| exemplar(writer, *of)));
    });
    let outcome = target.scrape(&body, Format::Protobuf);
    assert_eq!((outcome.error.as_deref(), outcome.points.len()), (None, 1), "{:?}", outcome.points);
    assert!(outcome.exemplars.iter().all(|exemplar| exemplar.series == "h{job=j}"));
    outcome.exemplars.iter().map(|exemplar| (exemplar.time_ms, f64::from_bits(exemplar.value))).collect()
}

#[test]
fn exemplars_of_a_native_histogram_come_in_any_order() {
    let mut target = Scraped::new("scrape_native_histograms: true");
    let by_value = [(0.1, Some(100)), (0.4, Some(50)), (0.5, None), (0.9, Some(80))];
    assert_eq!(exemplars(&mut target, &by_value, &[]), [(50_000, 0.4), (80_000, 0.9), (100_000, 0.1)]);
    assert!(exemplars(&mut target, &by_value, &[]).is_empty(), "the same ones again");
    let next = [(0.1, Some(100)), (0.2, Some(100)), (0.3, Some(90)), (0.7, Some(110)), (0.9, Some(110))];
    let new = [(100_000, 0.2), (110_000, 0.7), (110_000, 0.9)];
    assert_eq!(exemplars(&mut target, &next, &[]), new, "what is new, all of one time");
}

#[test]
fn exemplars_of_classic_buckets_are_a_native_histograms_where_it_has_none() {
    let mut target = Scraped::new("scrape_native_histograms: true");
    let buckets = [(0.1, Some(100)), (0.4, Some(50)), (0.5, None)];
    assert_eq!(exemplars(&mut target, &[], &buckets), [(50_000, 0.4), (100_000, 0.1)]);
    let mut target = Scraped::new("scrape_native_histograms: true");
    assert_eq!(exemplars(&mut target, &[(0.7, Some(60))], &buckets), [(60_000, 0.7)], "its own are all");
}

#[test]
fn bytes_that_are_no_families_fail() {
    let body = families();
    for cut in [1, body.len() / 2, body.len() - 1] {
        let outcome = Scraped::new("").scrape(&body[..cut], Format::Protobuf);
        assert!(outcome.error.is_some() && outcome.points.is_empty(), "{cut}");
    }
}

#[test]
fn names_that_are_new_in_each_failing_scrape_are_not_remembered() {
    let mut target = Scraped::new("sample_limit: 1");
    for round in 0..50 {
        let body: String = (0..200).map(|n| format!("m{{n=\"{round}-{n}\"}} 1\n")).collect();
        assert!(target.text(&body).error.is_some());
    }
    assert!(target.cache.known() <= 1_400, "{}", target.cache.known());
}

/// When counting began of the series, as far as it is said.
fn began(outcome: &Outcome<'_, String>) -> Vec<(String, i64)> {
    let mut began: Vec<_> = outcome.points.iter().map(|point| (point.series.clone(), point.start_ms)).collect();
    began.sort();
    began
}

#[test]
fn of_what_counts_it_is_told_when_that_began_if_it_is_asked_for() {
    let text = "# TYPE c counter\nc_total{a=\"1\",b=\"2\"} 5\nc_created{b=\"2\",a=\"1\"} 12.3456\nc_total{a=\"2\"} 6\n\
        # TYPE h histogram\nh_created 7\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n\
        # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 1\ns_created 8\n\
        # TYPE g gauge\ng 1\ng_created 9\n# EOF\n";
    let pair = |series: &str, ms: i64| (series.to_owned(), ms);
    let mut target = Scraped::new("");
    let outcome = target.scrape(text.as_bytes(), Format::OpenMetrics);
    let all = began(&outcome);
    assert!(all.iter().all(|(_, ms)| *ms == 0) && all.contains(&pair("c_created{a=1,b=2,job=j}", 0)), "{all:?}");
    target.rules.created = true;
    let outcome = target.scrape(text.as_bytes(), Format::OpenMetrics);
    let all: Vec<_> = began(&outcome).into_iter().filter(|(series, _)| !series.contains("_created")).collect();
    let expected = [
        ("c_total{a=1,b=2,job=j}", 12_345),
        ("c_total{a=2,job=j}", 0),
        ("g{job=j}", 0),
        ("h_bucket{job=j,le=+Inf}", 7_000),
        ("h_bucket{job=j,le=1.0}", 7_000),
        ("h_count{job=j}", 7_000),
        ("h_sum{job=j}", 7_000),
        ("s_count{job=j}", 8_000),
        ("s_sum{job=j}", 8_000),
        ("s{job=j,quantile=0.5}", 0),
    ];
    assert_eq!(all, expected.map(|(series, ms)| pair(series, ms)));
    let created: Vec<String> =
        points(&outcome, target.now).into_iter().filter(|text| text.contains("_created")).collect();
    let gone =
        ["c_created{a=1,b=2,job=j}", "h_created{job=j}", "s_created{job=j}"].map(|series| format!("{series} +0 stale"));
    assert_eq!(created, [&gone[..1], &["g_created{job=j} +0 9".to_owned()], &gone[1..]].concat());
}

#[test]
fn what_has_no_type_did_not_begin_to_count_when_the_family_before_it_did() {
    let text = "# TYPE c counter\nc_total 5\nc_created 12\nother 1\nother_total 2\nc_other_total 3\n\
        # HELP u of no type\nu_total 4\nu_created 13\n# EOF\n";
    let mut target = Scraped::new("");
    target.rules.created = true;
    let outcome = target.scrape(text.as_bytes(), Format::OpenMetrics);
    let counting: Vec<_> = began(&outcome).into_iter().filter(|(_, ms)| *ms != 0).collect();
    assert_eq!(counting, [("c_total{job=j}".to_owned(), 12_000)]);
    assert_eq!(outcome.points.len(), 6, "a `_created` of no type is a series");
}

/// A family with a metric whose counting began after so many seconds; `number` is the field that has its value.
fn family(name: &str, kind: u64, number: u32, seconds: u64, fill: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut family = Writer::default();
    family.bytes(1, name.as_bytes());
    family.varint(3, kind);
    family.message(4, |metric| {
        metric.message(number, |value| {
            let created = match kind {
                0 => 3,
                2 => 4,
                _ => 15,
            };
            fill(value);
            value.message(created, |time| {
                time.varint(1, seconds);
                time.varint(2, 5_000_000);
            });
        });
    });
    let family = family.finish();
    let mut body = vec![u8::try_from(family.len()).unwrap()];
    body.extend(family);
    body
}

#[test]
fn families_of_protobuf_say_when_counting_began_too() {
    let counter = family("c", 0, 3, 12, |value| value.double(1, 5.0));
    let summary = family("s", 2, 4, 13, |value| {
        value.varint(1, 3);
        value.message(3, |quantile| quantile.double(1, 0.5));
    });
    let histogram = family("h", 4, 7, 14, |value| value.varint(1, 3));
    let body = [counter, summary, histogram].concat();
    let mut target = Scraped::new("");
    target.rules.created = true;
    let outcome = target.scrape(&body, Format::Protobuf);
    assert_eq!(outcome.error, None);
    let expected = [
        ("c{job=j}", 12_005),
        ("h_bucket{job=j,le=+Inf}", 14_005),
        ("h_count{job=j}", 14_005),
        ("h_sum{job=j}", 14_005),
        ("s_count{job=j}", 13_005),
        ("s_sum{job=j}", 13_005),
        ("s{job=j,quantile=0.5}", 0),
    ];
    assert_eq!(began(&outcome), expected.map(|(series, ms)| (series.to_owned(), ms)));
    target.rules.created = false;
    assert!(began(&target.scrape(&body, Format::Protobuf)).iter().all(|(_, ms)| *ms == 0));
}
