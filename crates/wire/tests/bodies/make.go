// Writes the bodies beside it with the libraries of the projects whose formats they are:
// go run make.go (github.com/prometheus/prometheus v0.316, go.opentelemetry.io/proto/otlp v1.11,
// github.com/prometheus/client_model v0.6.3, github.com/prometheus/otlptranslator v1.0).
package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func write(name string, bytes []byte) { check(os.WriteFile(name, bytes, 0o644)) }

const stale = 0x7ff0000000000002

func intHistogram() prompb.Histogram {
	return prompb.Histogram{Count: &prompb.Histogram_CountInt{CountInt: 11}, Sum: 18.4, Schema: 1, ZeroThreshold: 0.001,
		ZeroCount:     &prompb.Histogram_ZeroCountInt{ZeroCountInt: 2},
		NegativeSpans: []prompb.BucketSpan{{Offset: 0, Length: 1}}, NegativeDeltas: []int64{1},
		PositiveSpans:  []prompb.BucketSpan{{Offset: -2, Length: 2}, {Offset: 1, Length: 2}},
		PositiveDeltas: []int64{1, 1, -1, 3}, ResetHint: prompb.Histogram_NO, Timestamp: 1700000000003}
}

func rw1() {
	request := prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			{Labels: []prompb.Label{{Name: "__name__", Value: "up"}, {Name: "job", Value: "näme"}},
				Samples: []prompb.Sample{{Value: 1.5, Timestamp: 1700000000000}, {Value: math.Float64frombits(stale), Timestamp: 1700000015000}, {Value: 0, Timestamp: -5}},
				Exemplars: []prompb.Exemplar{{Labels: []prompb.Label{{Name: "trace_id", Value: "abc"}}, Value: 0.25, Timestamp: 1700000000001}}},
			{Labels: []prompb.Label{{Name: "__name__", Value: "lat"}}, Histograms: []prompb.Histogram{intHistogram(),
				{Count: &prompb.Histogram_CountFloat{CountFloat: 4.5}, Sum: 2, Schema: -53, CustomValues: []float64{0.5, 1, 2.5},
					PositiveSpans: []prompb.BucketSpan{{Offset: 0, Length: 2}, {Offset: 1, Length: 1}}, PositiveCounts: []float64{1, 1.5, 2},
					ResetHint: prompb.Histogram_GAUGE, Timestamp: 1700000000004}}},
		},
		Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "up", Help: "Is it?", Unit: "seconds"}},
	}
	bytes, err := request.Marshal()
	check(err)
	write("remote_write_v1.bin", bytes)
}

func rw2() {
	symbols := []string{"", "__name__", "up", "job", "näme", "Is it?", "seconds", "trace_id", "abc", "lat"}
	request := writev2.Request{Symbols: symbols, Timeseries: []writev2.TimeSeries{
		{LabelsRefs: []uint32{1, 2, 3, 4}, Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: 5, UnitRef: 6},
			Samples:   []writev2.Sample{{Value: 1.5, Timestamp: 1700000000000, StartTimestamp: 1600000000000}, {Value: math.Float64frombits(stale), Timestamp: 1700000015000}},
			Exemplars: []writev2.Exemplar{{LabelsRefs: []uint32{7, 8}, Value: 0.25, Timestamp: 1700000000001}}},
		{LabelsRefs: []uint32{1, 9}, Histograms: []writev2.Histogram{{Count: &writev2.Histogram_CountInt{CountInt: 3}, Sum: 18.4, Schema: -4,
			ZeroThreshold: 1e-128, ZeroCount: &writev2.Histogram_ZeroCountInt{ZeroCountInt: 0}, PositiveSpans: []writev2.BucketSpan{{Offset: 3, Length: 2}},
			PositiveDeltas: []int64{1, 1}, Timestamp: 1700000000003, StartTimestamp: 1600000000001}}},
	}}
	bytes, err := request.Marshal()
	check(err)
	write("remote_write_v2.bin", bytes)
}

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

func attributes() []*common.KeyValue {
	number := &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: -9007199254740993}}
	return []*common.KeyValue{{Key: "s", Value: text("a\"b\né")}, {Key: "i", Value: number},
		{Key: "b", Value: &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}},
		{Key: "d", Value: &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: 0.1}}},
		{Key: "bytes", Value: &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte{0, 255, 16}}}},
		{Key: "a", Value: &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{text("x"), number, {}}}}}},
		{Key: "m", Value: &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: []*common.KeyValue{{Key: "k", Value: text("v")}}}}}},
		{Key: "none", Value: &common.AnyValue{}}}
}

func service() *resource.Resource {
	return &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: text("cart")}}, DroppedAttributesCount: 1}
}

func scope() *common.InstrumentationScope {
	return &common.InstrumentationScope{Name: "lib", Version: "1.2", Attributes: []*common.KeyValue{{Key: "k", Value: text("v")}}, DroppedAttributesCount: 2}
}

var traceID, spanID = []byte("0123456789abcdef"), []byte("ABCDEFGH")

const t0, t1 = 1700000000000000001, 1700000010000000002

func otlpMetrics() {
	exemplar := &metrics.Exemplar{TimeUnixNano: t1, Value: &metrics.Exemplar_AsDouble{AsDouble: 7.5}, SpanId: spanID, TraceId: traceID, FilteredAttributes: []*common.KeyValue{{Key: "f", Value: text("g")}}}
	ints := &metrics.NumberDataPoint{Attributes: attributes(), StartTimeUnixNano: t0, TimeUnixNano: t1, Value: &metrics.NumberDataPoint_AsInt{AsInt: -42}, Exemplars: []*metrics.Exemplar{exemplar}, Flags: 1}
	doubles := &metrics.NumberDataPoint{TimeUnixNano: t1, Value: &metrics.NumberDataPoint_AsDouble{AsDouble: 2.5}}
	cumulative := metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	all := []*metrics.Metric{
		{Name: "g", Description: "A gauge.", Unit: "By", Data: &metrics.Metric_Gauge{Gauge: &metrics.Gauge{DataPoints: []*metrics.NumberDataPoint{ints, doubles}}}, Metadata: []*common.KeyValue{{Key: "p", Value: text("q")}}},
		{Name: "s", Unit: "1", Data: &metrics.Metric_Sum{Sum: &metrics.Sum{DataPoints: []*metrics.NumberDataPoint{doubles}, AggregationTemporality: metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA, IsMonotonic: true}}},
		{Name: "h", Unit: "s", Data: &metrics.Metric_Histogram{Histogram: &metrics.Histogram{AggregationTemporality: cumulative, DataPoints: []*metrics.HistogramDataPoint{
			{StartTimeUnixNano: t0, TimeUnixNano: t1, Count: 6, Sum: proto.Float64(9.5), BucketCounts: []uint64{1, 2, 3}, ExplicitBounds: []float64{1, 2.5}, Min: proto.Float64(0.5), Max: proto.Float64(4), Exemplars: []*metrics.Exemplar{exemplar}}}}}},
		{Name: "e", Data: &metrics.Metric_ExponentialHistogram{ExponentialHistogram: &metrics.ExponentialHistogram{AggregationTemporality: cumulative, DataPoints: []*metrics.ExponentialHistogramDataPoint{
			{TimeUnixNano: t1, Count: 300, Sum: proto.Float64(1), Scale: -2, ZeroCount: 5, ZeroThreshold: 0.25,
				Positive: &metrics.ExponentialHistogramDataPoint_Buckets{Offset: -3, BucketCounts: []uint64{1, 290}}, Negative: &metrics.ExponentialHistogramDataPoint_Buckets{Offset: 2, BucketCounts: []uint64{4}}}}}}},
		{Name: "q", Data: &metrics.Metric_Summary{Summary: &metrics.Summary{DataPoints: []*metrics.SummaryDataPoint{
			{TimeUnixNano: t1, Count: 4, Sum: 8, QuantileValues: []*metrics.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.5, Value: 1.5}, {Quantile: 1, Value: 3}}}}}}},
	}
	bytes, err := proto.Marshal(&colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metrics.ResourceMetrics{{Resource: service(), SchemaUrl: "r", ScopeMetrics: []*metrics.ScopeMetrics{{Scope: scope(), Metrics: all, SchemaUrl: "x"}}}}})
	check(err)
	write("otlp_metrics.bin", bytes)
}

func otlpLogs() {
	records := []*logs.LogRecord{
		{TimeUnixNano: t0, ObservedTimeUnixNano: t1, SeverityNumber: logs.SeverityNumber_SEVERITY_NUMBER_ERROR2, SeverityText: "ERR", Body: text("it broke"), Attributes: attributes(), DroppedAttributesCount: 3, Flags: 257, TraceId: traceID, SpanId: spanID, EventName: "broke"},
		{Body: attributes()[6].Value}, {}}
	bytes, err := proto.Marshal(&collogs.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{{Resource: service(), ScopeLogs: []*logs.ScopeLogs{{Scope: scope(), LogRecords: records}, {}}}}})
	check(err)
	write("otlp_logs.bin", bytes)
}

func otlpTraces() {
	span := &trace.Span{TraceId: traceID, SpanId: spanID, TraceState: "a=b", ParentSpanId: []byte("PARENT_1"), Flags: 0x101, Name: "GET /", Kind: trace.Span_SPAN_KIND_SERVER, StartTimeUnixNano: t0, EndTimeUnixNano: t1,
		Attributes: attributes(), DroppedAttributesCount: 1, DroppedEventsCount: 2, DroppedLinksCount: 3,
		Events: []*trace.Span_Event{{TimeUnixNano: t1, Name: "exception", Attributes: attributes()[:1], DroppedAttributesCount: 4}},
		Links:  []*trace.Span_Link{{TraceId: traceID, SpanId: spanID, TraceState: "c=d", Attributes: attributes()[:1], DroppedAttributesCount: 5, Flags: 0x301}},
		Status: &trace.Status{Message: "no", Code: trace.Status_STATUS_CODE_ERROR}}
	bytes, err := proto.Marshal(&coltrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{Resource: service(), ScopeSpans: []*trace.ScopeSpans{{Scope: scope(), Spans: []*trace.Span{span, {}}}}}}})
	check(err)
	write("otlp_traces.bin", bytes)
}

// The collector's own JSON of the same requests.
func otlpJSON() {
	read := func(name string) []byte {
		bytes, err := os.ReadFile(name)
		check(err)
		return bytes
	}
	metrics, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(read("otlp_metrics.bin"))
	check(err)
	bytes, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(metrics)
	check(err)
	write("otlp_metrics.json", bytes)
	logs, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(read("otlp_logs.bin"))
	check(err)
	bytes, err = (&plog.JSONMarshaler{}).MarshalLogs(logs)
	check(err)
	write("otlp_logs.json", bytes)
	traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(read("otlp_traces.bin"))
	check(err)
	bytes, err = (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
	check(err)
	write("otlp_traces.json", bytes)
}

func exposition() {
	label := func(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }
	at := timestamppb.Timestamp{Seconds: 1700000000, Nanos: 5000000}
	exemplar := &dto.Exemplar{Label: []*dto.LabelPair{label("trace_id", "abc")}, Value: proto.Float64(0.3), Timestamp: &at}
	families := []*dto.MetricFamily{
		{Name: proto.String("hits_total"), Help: proto.String("Hits."), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{{Label: []*dto.LabelPair{label("a", "b")}, Counter: &dto.Counter{Value: proto.Float64(3), Exemplar: exemplar, CreatedTimestamp: &at}, TimestampMs: proto.Int64(1700000000123)}}},
		{Name: proto.String("temp.celsius"), Type: dto.MetricType_GAUGE.Enum(), Unit: proto.String("celsius"), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: proto.Float64(-1.5)}}}},
		{Name: proto.String("lat"), Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: &dto.Histogram{SampleCount: proto.Uint64(5), SampleSum: proto.Float64(2.5),
			Bucket: []*dto.Bucket{{CumulativeCount: proto.Uint64(2), UpperBound: proto.Float64(0.5), Exemplar: exemplar}, {CumulativeCount: proto.Uint64(5), UpperBound: proto.Float64(math.Inf(1))}},
			Schema: proto.Int32(3), ZeroThreshold: proto.Float64(0.001), ZeroCount: proto.Uint64(1), PositiveSpan: []*dto.BucketSpan{{Offset: proto.Int32(-1), Length: proto.Uint32(2)}}, PositiveDelta: []int64{2, 0},
			CreatedTimestamp: &at, Exemplars: []*dto.Exemplar{exemplar}}}}},
		{Name: proto.String("s"), Type: dto.MetricType_SUMMARY.Enum(), Metric: []*dto.Metric{{Summary: &dto.Summary{SampleCount: proto.Uint64(2), SampleSum: proto.Float64(3), Quantile: []*dto.Quantile{{Quantile: proto.Float64(0.5), Value: proto.Float64(1)}}}}}},
	}
	var out bytes.Buffer
	for _, family := range families {
		_, err := protodelim.MarshalTo(&out, family)
		check(err)
	}
	write("exposition.bin", out.Bytes())
}

// Each line: name, unit, type, then what each strategy makes of them ("!" for an error).
func names() {
	kinds := map[string]otlptranslator.MetricType{"gauge": otlptranslator.MetricTypeGauge, "sum": otlptranslator.MetricTypeNonMonotonicCounter, "counter": otlptranslator.MetricTypeMonotonicCounter, "histogram": otlptranslator.MetricTypeHistogram}
	strategies := []otlptranslator.TranslationStrategyOption{otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes, otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation}
	units := []string{"", "1", "s", "By", "By/s", "m/s", "ms", "%", "{packets}", "{packet}/s", "1/s", "Cel", "foo", "foo/bar", "a-b/c.d", "V/m", "/s", " By / d ", "KiBy/{req}", "__x__/_y_"}
	var out strings.Builder
	emit := func(name, unit, kind string) {
		fmt.Fprintf(&out, "%s\t%s\t%s", name, unit, kind)
		for _, strategy := range strategies {
			namer := otlptranslator.NewMetricNamer("", strategy)
			built, err := namer.Build(otlptranslator.Metric{Name: name, Unit: unit, Type: kinds[kind]})
			if err != nil {
				built = "!"
			}
			fmt.Fprintf(&out, "\t%s", built)
		}
		out.WriteString("\n")
	}
	for _, kind := range []string{"gauge", "sum", "counter", "histogram"} {
		for _, unit := range units {
			emit("http.server.duration", unit, kind)
		}
	}
	for _, name := range []string{"", "_", "__", "a", "1st.metric", "système.réseau", "foo__bar", "foo_total", "total", "total_foo_total", "foo.total", "ratio", "hit_ratio", "a_seconds", "seconds_a", "a.seconds_total", "bytes", "x_per_second", "request.per.second", "a:b::c", "_private", "trailing_", "日本", "a b\"c", "percent", "total_seconds", "x.milliseconds.seconds"} {
		for _, unit := range []string{"", "1", "s", "By/s"} {
			for _, kind := range []string{"gauge", "counter"} {
				emit(name, unit, kind)
			}
		}
	}
	write("names_metrics.tsv", []byte(out.String()))
	out.Reset()
	// As Prometheus' configuration has it by default (DefaultOTLPConfig).
	escaping := otlptranslator.LabelNamer{UnderscoreLabelSanitization: true, PreserveMultipleUnderscores: true}
	for _, name := range []string{"a", "http.method", "1st", "_x", "__x", "__name__", "__a.b__", "a__b", "a..b", "a._b", "_1", "-x", "__", "é", "日本.x", "___", "_", "____", "a-b c", "é__", "__é", "9", "key_1", "__a__b__", ".", "a."} {
		for i, namer := range []otlptranslator.LabelNamer{escaping, {UTF8Allowed: true}} {
			built, err := namer.Build(name)
			if err != nil {
				built = "!"
			}
			if i == 0 {
				fmt.Fprintf(&out, "%s\t%s", name, built)
			} else {
				fmt.Fprintf(&out, "\t%s\n", built)
			}
		}
	}
	write("names_labels.tsv", []byte(out.String()))
	out.Reset()
	for _, unit := range append(units, "_a_", "d/h") {
		fmt.Fprintf(&out, "%s\t%s\t%s\n", unit, (&otlptranslator.UnitNamer{}).Build(unit), (&otlptranslator.UnitNamer{UTF8Allowed: true}).Build(unit))
	}
	write("names_units.tsv", []byte(out.String()))
}

func main() {
	rw1()
	rw2()
	otlpMetrics()
	otlpLogs()
	otlpTraces()
	otlpJSON()
	exposition()
	names()
}
