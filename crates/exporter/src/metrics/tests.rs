use super::*;

const TEXT: &str = "\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{status=\"200\"} 7
requests_total{status=\"500\"} 1

# TYPE queue_depth gauge
queue_depth 3

# TYPE took_seconds histogram
took_seconds_bucket{le=\"0.1\"} 2
took_seconds_bucket{le=\"1\"} 5
took_seconds_bucket{le=\"+Inf\"} 6
took_seconds_sum 4.5
took_seconds_count 6

# TYPE sizes summary
sizes{quantile=\"0.5\"} 10
sizes_sum 30
sizes_count 3
";

fn read() -> Vec<Metric> {
    let times = (Timestamp::from_nanos(5), Timestamp::from_nanos(9));
    let body = request(TEXT.as_bytes(), Resource::default(), times);
    let sent = ExportMetricsServiceRequest::decode(&*body).unwrap();
    sent.resource_metrics.into_iter().flat_map(|of| of.scope_metrics).flat_map(|of| of.metrics).collect()
}

#[test]
fn each_family_is_a_metric_of_its_kind() {
    let metrics = read();
    let names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["requests_total", "queue_depth", "took_seconds", "sizes"]);
    assert_eq!(metrics[0].description, "Requests.");
    let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("{:?}", metrics[0]) };
    assert!(sum.is_monotonic);
    let points: Vec<_> = sum.data_points.iter().map(|point| (point.start_time_unix_nano, point.value)).collect();
    assert_eq!(points, [(5, Some(Number::AsDouble(7.0))), (5, Some(Number::AsDouble(1.0)))]);
    assert_eq!(sum.data_points[1].attributes[0].key, "status");
    assert!(matches!(&metrics[1].data, Some(Data::Gauge(gauge)) if gauge.data_points.len() == 1));
}

#[test]
fn buckets_no_longer_count_what_is_below_them() {
    let metrics = read();
    let Some(Data::Histogram(histogram)) = &metrics[2].data else { panic!("{:?}", metrics[2]) };
    let point = &histogram.data_points[0];
    assert_eq!((&*point.bucket_counts, &*point.explicit_bounds), (&[2, 3, 1][..], &[0.1, 1.0][..]));
    assert_eq!((point.count, point.sum), (6, Some(4.5)));
}

#[test]
fn a_summary_keeps_its_quantiles() {
    let metrics = read();
    let Some(Data::Summary(summary)) = &metrics[3].data else { panic!("{:?}", metrics[3]) };
    let point = &summary.data_points[0];
    assert_eq!((point.count, point.sum), (3, 30.0));
    assert_eq!(point.quantile_values, [ValueAtQuantile { quantile: 0.5, value: 10.0 }]);
}
