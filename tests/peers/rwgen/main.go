// Remote-write load: hosts with ten series of CPU use each, one sample a series at each step. Hosts may be replaced
// by others, some at each step, as they are where each change is a replacement.
// Prints samples a second. A request that is refused is sent again until it is taken.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

var names = []string{
	"cpu_usage_user", "cpu_usage_system", "cpu_usage_idle", "cpu_usage_nice", "cpu_usage_iowait",
	"cpu_usage_irq", "cpu_usage_softirq", "cpu_usage_steal", "cpu_usage_guest", "cpu_usage_guest_nice",
}

// hostname is the name of the host that has a place, after so many others had it.
func hostname(place, before int) string {
	if before == 0 {
		return fmt.Sprintf("host_%d", place)
	}
	return fmt.Sprintf("host_%d_%d", place, before)
}

// replace renames the hosts whose time has come at a step.
func replace(all []prompb.TimeSeries, step, steps, times int) {
	hosts := len(all) / len(names)
	for i := range all {
		place := i / len(names)
		before := (place + step*times*hosts/steps) / hosts
		for l := range all[i].Labels {
			if all[i].Labels[l].Name == "hostname" {
				all[i].Labels[l].Value = hostname(place, before)
			}
		}
	}
}

// series are those of TSBS' devops data.
func series(hosts int, rng *rand.Rand) []prompb.TimeSeries {
	var all []prompb.TimeSeries
	for host := range hosts {
		for _, name := range names {
			labels := []prompb.Label{
				{Name: "__name__", Value: name},
				{Name: "arch", Value: "x64"},
				{Name: "datacenter", Value: fmt.Sprintf("eu-west-1%c", 'a'+host%3)},
				{Name: "hostname", Value: hostname(host, 0)},
				{Name: "os", Value: "Ubuntu16.10"},
				{Name: "rack", Value: fmt.Sprint(host % 100)},
				{Name: "region", Value: "eu-west-1"},
				{Name: "service", Value: fmt.Sprint(host % 20)},
				{Name: "service_environment", Value: "production"},
				{Name: "service_version", Value: "1"},
				{Name: "team", Value: "SF"},
			}
			sample := prompb.Sample{Value: float64(rng.Intn(100))}
			all = append(all, prompb.TimeSeries{Labels: labels, Samples: []prompb.Sample{sample}})
		}
	}
	return all
}

func send(url string, body []byte, refused *atomic.Int64) {
	for {
		request, err := http.NewRequest("POST", url, bytes.NewReader(body))
		if err != nil {
			panic(err)
		}
		request.Header.Set("Content-Encoding", "snappy")
		request.Header.Set("Content-Type", "application/x-protobuf")
		request.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode/100 == 2 {
				return
			}
		}
		refused.Add(1)
		time.Sleep(50 * time.Millisecond)
	}
}

func main() {
	url := flag.String("url", "", "where to write to")
	hosts := flag.Int("hosts", 1000, "hosts, of ten series each")
	steps := flag.Int("steps", 200, "samples of each place, up to now")
	apart := flag.Duration("apart", 10*time.Second, "time between samples")
	replaced := flag.Int("replaced", 0, "how often each host is replaced")
	senders := flag.Int("c", 2, "requests at once")
	batch := flag.Int("batch", 5000, "samples of a request")
	flag.Parse()

	rng := rand.New(rand.NewSource(1))
	all := series(*hosts, rng)
	bodies := make(chan []byte, 64)
	var done sync.WaitGroup
	var refused atomic.Int64
	for range *senders {
		done.Add(1)
		go func() {
			defer done.Done()
			for body := range bodies {
				send(*url, body, &refused)
			}
		}()
	}
	begun := time.Now()
	first := begun.Add(-time.Duration(*steps) * *apart).UnixMilli()
	sent := 0
	for step := range *steps {
		if *replaced > 0 {
			replace(all, step, *steps, *replaced)
		}
		for i := range all {
			value := all[i].Samples[0].Value + float64(rng.Intn(3)-1)
			all[i].Samples[0] = prompb.Sample{Timestamp: first + int64(step)*apart.Milliseconds(), Value: min(max(value, 0), 100)}
		}
		for from := 0; from < len(all); from += *batch {
			to := min(from+*batch, len(all))
			request := prompb.WriteRequest{Timeseries: all[from:to]}
			body, err := request.Marshal()
			if err != nil {
				panic(err)
			}
			bodies <- snappy.Encode(nil, body)
			sent += to - from
		}
	}
	close(bodies)
	done.Wait()
	took := time.Since(begun).Seconds()
	fmt.Printf("samples %d in %.2f s: %.0f/s refused %d\n", sent, took, float64(sent)/took, refused.Load())
}
