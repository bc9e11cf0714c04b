// Objects compared per second of a core's time by gitops-engine: from the JSON of the live object to
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
	"syscall"
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
	// The first comparison reads the schema of the built-in kinds.
	modified, start, before, count := differs(desired, p.Live), time.Now(), busy(), 0
	for time.Since(start) < length {
		modified = differs(desired, p.Live)
		count++
	}
	fmt.Printf("gitops-engine %-12s %8.0f/s  differs: %v\n", p.Name, float64(count)/(busy()-before).Seconds(), modified)
}

func differs(desired *unstructured.Unstructured, text []byte) bool {
	live := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &live.Object); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	result, err := diff.Diff(desired, live)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return result.Modified
}

// How long this process has been on a core, which others cannot slow down by being busy.
func busy() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
