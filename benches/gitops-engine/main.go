// Objects compared per second by gitops-engine, on one core: from the JSON of the live object to
// whether it differs. `go run . FILE [SECONDS]`, where FILE holds lines of
// {"name", "desired", "live"}; see ../kubernetes.sh.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/argoproj/gitops-engine/pkg/diff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type pair struct {
	Name    string
	Desired map[string]interface{}
	Live    json.RawMessage
}

func main() {
	runtime.GOMAXPROCS(1)
	seconds := 3
	if len(os.Args) > 2 {
		seconds, _ = strconv.Atoi(os.Args[2])
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var p pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		measure(p, time.Duration(seconds)*time.Second)
	}
}

func measure(p pair, length time.Duration) {
	desired := &unstructured.Unstructured{Object: p.Desired}
	start, count, modified := time.Now(), 0, false
	for time.Since(start) < length {
		live := &unstructured.Unstructured{}
		if err := json.Unmarshal(p.Live, &live.Object); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		result, err := diff.Diff(desired, live)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		modified = result.Modified
		count++
	}
	fmt.Printf("gitops-engine %-12s %8.0f/s  differs: %v\n", p.Name, float64(count)/time.Since(start).Seconds(), modified)
}
