// Load and questions for benches/queries.sh.
//
//	querybench load -url URL -hosts N -nodes N -steps N -end UNIX
//	querybench ask -end UNIX -hours H -hosts N -nodes N -times N NAME=URL...
//
// The load is that of TSBS' devops data (ten series of CPU use for each host) and what node_exporter tells of some hosts, a
// sample every ten seconds up to -end, the same each time. Each question is put to all servers in turn, at random times and
// of random hosts, which are the same for all; p50 and p99 in milliseconds, and how many times those of the first are.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

const gap = 10 // seconds from one sample to the next

type one struct {
	labels []prompb.Label
	value  float64
	next   func(rng *rand.Rand, value float64) float64
}

func labels(pairs ...string) []prompb.Label {
	all := make([]prompb.Label, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, prompb.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// A gauge of whole numbers from 0 to 100, as TSBS has it.
func walk(rng *rand.Rand, value float64) float64 {
	return min(max(value+float64(rng.Intn(3)-1), 0), 100)
}

// A counter that rises by up to so much and counts parts of one: ticks of 10 ms, milliseconds, bytes. As the kernel counts it, it is a
// whole number of these, so no errors of addition add up.
func rises(most, parts float64) func(*rand.Rand, float64) float64 {
	return func(rng *rand.Rand, value float64) float64 {
		return (math.Round(value*parts) + math.Floor(rng.Float64()*most*parts)) / parts
	}
}

// A gauge of bytes up to so many.
func bytesOf(most float64) func(*rand.Rand, float64) float64 {
	return func(rng *rand.Rand, value float64) float64 {
		return min(max(value+float64(4096*(rng.Intn(2001)-1000)), 0), most)
	}
}

func constant(_ *rand.Rand, value float64) float64 { return value }

var usage = []string{"user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"}

func devops(host int, rng *rand.Rand) []one {
	var all []one
	for _, name := range usage {
		of := labels("__name__", "cpu_usage_"+name, "arch", "x64", "datacenter", fmt.Sprintf("eu-west-1%c", 'a'+host%3),
			"hostname", fmt.Sprintf("host_%d", host), "os", "Ubuntu16.10", "rack", fmt.Sprint(host%100), "region", "eu-west-1",
			"service", fmt.Sprint(host%20), "service_environment", "production", "service_version", "1", "team", "SF")
		all = append(all, one{of, float64(rng.Intn(100)), walk})
	}
	return all
}

func node(n int, rng *rand.Rand) []one {
	const gib = 1 << 30
	var all []one
	add := func(name string, value float64, next func(*rand.Rand, float64) float64, more ...string) {
		of := append([]string{"__name__", name, "job", "node", "instance", fmt.Sprintf("node-%d:9100", n)}, more...)
		all = append(all, one{labels(of...), value, next})
	}
	for cpu := range 8 {
		for _, mode := range []string{"idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"} {
			most := 1.0
			if mode == "idle" {
				most = 18
			}
			add("node_cpu_seconds_total", 1000, rises(most, 100), "cpu", fmt.Sprint(cpu), "mode", mode)
		}
	}
	for _, load := range []string{"node_load1", "node_load5", "node_load15"} {
		add(load, float64(rng.Intn(8)), func(rng *rand.Rand, _ float64) float64 { return float64(rng.Intn(800)) / 100 })
	}
	add("node_memory_MemTotal_bytes", 64*gib, constant)
	for _, name := range []string{"MemFree", "MemAvailable", "Buffers", "Cached", "Slab"} {
		add("node_memory_"+name+"_bytes", 8*gib, bytesOf(32*gib))
	}
	for _, device := range []string{"sda", "sdb", "nvme0n1p1", "loop0"} {
		for _, name := range []string{"read_bytes_total", "written_bytes_total"} {
			add("node_disk_"+name, 0, rises(1<<20, 1), "device", device)
		}
		add("node_disk_io_time_seconds_total", 0, rises(9, 1000), "device", device)
	}
	for _, mount := range []string{"/", "/var", "/home"} {
		of := []string{"device", "/dev/mapper/vg" + strings.ReplaceAll(mount, "/", "-"), "fstype", "ext4", "mountpoint", mount}
		add("node_filesystem_size_bytes", 500*gib, constant, of...)
		add("node_filesystem_avail_bytes", 200*gib, bytesOf(500*gib), of...)
	}
	for _, device := range []string{"lo", "eth0", "eth1", "docker0"} {
		for _, name := range []string{"receive_bytes_total", "transmit_bytes_total", "receive_drop_total", "transmit_drop_total"} {
			add("node_network_"+name, 0, rises(1<<20, 1), "device", device)
		}
	}
	return all
}

func send(to string, body []byte) error {
	for try := 0; ; try++ {
		request, err := http.NewRequest("POST", to, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Encoding", "snappy")
		request.Header.Set("Content-Type", "application/x-protobuf")
		request.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
			response.Body.Close()
			if response.StatusCode/100 == 2 {
				return nil
			}
			err = fmt.Errorf("%s: %s", response.Status, text)
		}
		if try == 600 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// sendAll sends the steps of some series in order.
func sendAll(to string, all []one, steps, batch int, end int64, rng *rand.Rand) error {
	out := make([]prompb.TimeSeries, len(all))
	for i := range all {
		out[i] = prompb.TimeSeries{Labels: all[i].labels, Samples: make([]prompb.Sample, 1)}
	}
	for step := range steps {
		at := (end - int64(steps-1-step)*gap) * 1000
		for i := range all {
			all[i].value = all[i].next(rng, all[i].value)
			out[i].Samples[0] = prompb.Sample{Timestamp: at, Value: all[i].value}
		}
		for from := 0; from < len(all); from += batch {
			body, err := (&prompb.WriteRequest{Timeseries: out[from:min(from+batch, len(all))]}).Marshal()
			if err != nil {
				return err
			}
			if err := send(to, snappy.Encode(nil, body)); err != nil {
				return err
			}
		}
	}
	return nil
}

func load(args []string) error {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	to := flags.String("url", "", "where to write to")
	hosts := flags.Int("hosts", 1000, "hosts of TSBS, of ten series each")
	nodes := flags.Int("nodes", 50, "hosts with node_exporter, of about 120 series each")
	steps := flags.Int("steps", 4320, "samples of each series")
	batch := flags.Int("batch", 5000, "samples of a request")
	end := flags.Int64("end", 0, "the time of the last sample, seconds since the epoch")
	flags.Parse(args)

	rng := rand.New(rand.NewSource(1))
	var all []one
	for host := range *hosts {
		all = append(all, devops(host, rng)...)
	}
	for n := range *nodes {
		all = append(all, node(n, rng)...)
	}
	begun := time.Now()
	var done sync.WaitGroup
	var failed error
	var lock sync.Mutex
	// Each sender has series of its own, whose samples stay in order.
	half := len(all) / 2
	for n, part := range [][]one{all[:half], all[half:]} {
		done.Add(1)
		go func() {
			defer done.Done()
			if err := sendAll(*to, part, *steps, *batch, *end, rand.New(rand.NewSource(int64(n)))); err != nil {
				lock.Lock()
				failed = err
				lock.Unlock()
			}
		}()
	}
	done.Wait()
	fmt.Printf("%d series, %d samples in %.1f s\n", len(all), len(all)**steps, time.Since(begun).Seconds())
	return failed
}

// A question: the text with $HOST, $HOSTS and $INSTANCE, over so many hours in steps of seconds; none is an instant. With $FIELD it
// is put once for each of the first fields, one after the other, as a panel does: a function of several metrics would drop their names.
type question struct {
	name  string
	hours float64
	step  int
	text  string
	// How many fields; none is one question without any.
	fields int
}

var questions = []question{
	{"single-groupby-1-1-1", 1, 60, "max(max_over_time(cpu_usage_$FIELD{hostname=\"$HOST\"}[1m]))", 1},
	{"single-groupby-5-8-1", 1, 60, "max(max_over_time(cpu_usage_$FIELD{hostname=~\"$HOSTS\"}[1m]))", 5},
	{"double-groupby-1", 12, 3600, "avg by (hostname) (avg_over_time(cpu_usage_$FIELD[1h]))", 1},
	{"double-groupby-all", 12, 3600, "avg by (hostname) (avg_over_time(cpu_usage_$FIELD[1h]))", 10},
	{"cpu-max-all-8", 8, 3600, "max(max_over_time(cpu_usage_$FIELD{hostname=~\"$HOSTS\"}[1h]))", 10},
	{"high-cpu-1", 12, 60, "max_over_time(cpu_usage_user{hostname=\"$HOST\"}[1m]) > 90", 0},
	{"high-cpu-all", 12, 60, "max by (hostname) (max_over_time(cpu_usage_user[1m])) > 90", 0},
	{"lastpoint", 0, 0, "max by (__name__, hostname) (last_over_time({__name__=~\"cpu_usage_.*\"}[10m]))", 0},
	{"node: cpu by core", 1, 15, "(1 - sum without (mode) (rate(node_cpu_seconds_total{job=\"node\",mode=~\"idle|iowait|steal\",instance=\"$INSTANCE\"}[5m]))) " +
		"/ ignoring(cpu) group_left count without (cpu, mode) (node_cpu_seconds_total{job=\"node\",mode=\"idle\",instance=\"$INSTANCE\"})", 0},
	{"node: load", 1, 15, "node_load1{job=\"node\",instance=\"$INSTANCE\"}", 0},
	{"node: memory used", 1, 15, "node_memory_MemTotal_bytes{job=\"node\",instance=\"$INSTANCE\"} - node_memory_MemFree_bytes{job=\"node\",instance=\"$INSTANCE\"} " +
		"- node_memory_Buffers_bytes{job=\"node\",instance=\"$INSTANCE\"} - node_memory_Cached_bytes{job=\"node\",instance=\"$INSTANCE\"}", 0},
	{"node: memory gauge", 0, 0, "100 - avg(node_memory_MemAvailable_bytes{job=\"node\",instance=\"$INSTANCE\"}) / avg(node_memory_MemTotal_bytes{job=\"node\",instance=\"$INSTANCE\"}) * 100", 0},
	{"node: disk read", 1, 15, "rate(node_disk_read_bytes_total{job=\"node\",instance=\"$INSTANCE\",device=~\"(/dev/)?(mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|md.+|dasd.+)\"}[5m])", 0},
	{"node: disk time", 1, 15, "rate(node_disk_io_time_seconds_total{job=\"node\",instance=\"$INSTANCE\",device=~\"(/dev/)?(mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|md.+|dasd.+)\"}[5m])", 0},
	{"node: disk space", 1, 15, "max by (device) (node_filesystem_size_bytes{job=\"node\",instance=\"$INSTANCE\",fstype!=\"\",mountpoint!=\"\"} " +
		"- node_filesystem_avail_bytes{job=\"node\",instance=\"$INSTANCE\",fstype!=\"\",mountpoint!=\"\"})", 0},
	{"node: network", 1, 15, "rate(node_network_receive_bytes_total{job=\"node\",instance=\"$INSTANCE\",device!=\"lo\"}[5m]) * 8", 0},
	{"cluster: cpu", 1, 15, "1 - avg without (cpu) (sum without (mode) (rate(node_cpu_seconds_total{job=\"node\",mode=~\"idle|iowait|steal\"}[5m])))", 0},
	{"cluster: memory", 1, 15, "1 - node_memory_MemAvailable_bytes{job=\"node\"} / node_memory_MemTotal_bytes{job=\"node\"}", 0},
}

type answer struct {
	Status string
	Error  string
	Data   struct {
		Result []struct {
			Values [][]any
			Value  []any
		}
	}
}

type server struct{ name, url string }

// put asks once; series and points of the answer say whether all answer alike.
func put(client *http.Client, of server, q question, text string, start, end int64) (took time.Duration, series, points int, err error) {
	form := url.Values{"query": {text}, "nocache": {"1"}}
	path := "/api/v1/query"
	if q.step > 0 {
		path = "/api/v1/query_range"
		form.Set("start", fmt.Sprint(start))
		form.Set("step", fmt.Sprint(q.step))
		form.Set("end", fmt.Sprint(end))
	} else {
		form.Set("time", fmt.Sprint(end))
	}
	begun := time.Now()
	response, err := client.PostForm(of.url+path, form)
	if err != nil {
		return 0, 0, 0, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	took = time.Since(begun)
	if err != nil {
		return 0, 0, 0, err
	}
	var found answer
	if err := json.Unmarshal(body, &found); err != nil {
		return 0, 0, 0, fmt.Errorf("%s: %s", response.Status, body[:min(len(body), 200)])
	}
	if found.Status != "success" {
		return 0, 0, 0, fmt.Errorf("%s: %s", response.Status, found.Error)
	}
	for _, one := range found.Data.Result {
		points += len(one.Values)
		if one.Value != nil {
			points++
		}
	}
	return took, len(found.Data.Result), points, nil
}

func percentile(all []time.Duration, of float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := min(int(of*float64(len(all))), len(all)-1)
	return float64(all[at].Microseconds()) / 1000
}

func ask(args []string) error {
	flags := flag.NewFlagSet("ask", flag.ExitOnError)
	end := flags.Int64("end", 0, "the time of the last sample")
	hours := flags.Float64("hours", 12, "hours of data")
	hosts := flags.Int("hosts", 1000, "hosts of TSBS")
	nodes := flags.Int("nodes", 50, "hosts with node_exporter")
	times := flags.Int("times", 50, "how often each question is put to each server")
	flags.Parse(args)
	var servers []server
	for _, arg := range flags.Args() {
		name, to, _ := strings.Cut(arg, "=")
		servers = append(servers, server{name, to})
	}
	client := &http.Client{Timeout: 2 * time.Minute}
	rng := rand.New(rand.NewSource(2))
	fmt.Printf("%-22s", "")
	for _, of := range servers {
		fmt.Printf(" | %-28s", of.name+" p50, p99, ratio")
	}
	fmt.Println()
	for _, q := range questions {
		took := make([][]time.Duration, len(servers))
		unlike, wrong := 0, make([]error, len(servers))
		for range *times {
			// At times that are on no step of the question before, so that no server has kept the answer.
			length := int64(min(q.hours, *hours) * 3600)
			last := *end - rng.Int63n(max(int64(*hours*3600)-length, 1))%3600 - int64(rng.Intn(59)) - 1
			var eight []string
			for range 8 {
				eight = append(eight, fmt.Sprintf("host_%d", rng.Intn(*hosts)))
			}
			text := strings.NewReplacer("$HOSTS", strings.Join(eight, "|"), "$HOST", eight[0],
				"$INSTANCE", fmt.Sprintf("node-%d:9100", rng.Intn(*nodes))).Replace(q.text)
			seen := map[[2]int]bool{}
			first := rng.Intn(len(servers))
			for i := range servers {
				n := (first + i) % len(servers)
				var total time.Duration
				var series, points int
				var err error
				for _, field := range usage[:max(q.fields, 1)] {
					took, more, values, failed := put(client, servers[n], q, strings.ReplaceAll(text, "$FIELD", field), last-length, last)
					if failed != nil {
						err = failed
						break
					}
					total, series, points = total+took, series+more, points+values
				}
				if err != nil {
					wrong[n] = err
					continue
				}
				took[n] = append(took[n], total)
				seen[[2]int{series, points}] = true
			}
			if len(seen) > 1 {
				unlike++
			}
		}
		fmt.Printf("%-22s", q.name)
		base := percentile(took[0], 0.5)
		for n := range servers {
			p50, p99 := percentile(took[n], 0.5), percentile(took[n], 0.99)
			fmt.Printf(" | %8.1f %9.1f %8.2f ", p50, p99, p50/base)
		}
		if unlike > 0 {
			fmt.Printf(" | %d of %d answers had other series or points", unlike, *times)
		}
		fmt.Println()
		for n, err := range wrong {
			if err != nil {
				fmt.Printf("    %s: %v\n", servers[n].name, err)
			}
		}
	}
	return nil
}

// crowd is what many people's dashboards ask: each client puts questions of node_exporter's dashboards one after the other.
func crowd(args []string) error {
	flags := flag.NewFlagSet("crowd", flag.ExitOnError)
	to := flags.String("url", "", "whom to ask")
	end := flags.Int64("end", 0, "the time of the last sample")
	nodes := flags.Int("nodes", 50, "hosts with node_exporter")
	clients := flags.Int("clients", 50, "who ask at once")
	seconds := flags.Int("seconds", 30, "how long")
	flags.Parse(args)
	var asked []question
	for _, q := range questions {
		if strings.HasPrefix(q.name, "node:") || strings.HasPrefix(q.name, "cluster:") {
			asked = append(asked, q)
		}
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: *clients}}
	begun := time.Now()
	until := begun.Add(time.Duration(*seconds) * time.Second)
	took, wrong := make([][]time.Duration, *clients), make([]error, *clients)
	failed := make([]int, *clients)
	var done sync.WaitGroup
	for n := range *clients {
		done.Add(1)
		go func() {
			defer done.Done()
			rng := rand.New(rand.NewSource(int64(n)))
			for time.Now().Before(until) {
				q := asked[rng.Intn(len(asked))]
				last := *end - int64(rng.Intn(1800)) - 1
				text := strings.ReplaceAll(q.text, "$INSTANCE", fmt.Sprintf("node-%d:9100", rng.Intn(*nodes)))
				one, _, _, err := put(client, server{url: *to}, q, text, last-int64(q.hours*3600), last)
				if err != nil {
					failed[n]++
					wrong[n] = err
					continue
				}
				took[n] = append(took[n], one)
			}
		}()
	}
	done.Wait()
	var all []time.Duration
	var errors int
	for n := range *clients {
		all = append(all, took[n]...)
		errors += failed[n]
	}
	fmt.Printf("%d clients: %.0f questions a second, p50 %.1f ms, p99 %.1f ms, %d failed\n", *clients,
		float64(len(all))/time.Since(begun).Seconds(), percentile(all, 0.5), percentile(all, 0.99), errors)
	for _, err := range wrong {
		if err != nil {
			fmt.Println("    ", err)
			break
		}
	}
	return nil
}

func main() {
	run := map[string]func([]string) error{"load": load, "ask": ask, "crowd": crowd}
	if len(os.Args) < 2 || run[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "querybench load|ask|crowd [FLAGS]")
		os.Exit(2)
	}
	if err := run[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
