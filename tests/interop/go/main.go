// The Go suite of the interop tests: runs the scenarios against a server, and prints a line of JSON
// for each.
//
//	interop scenarios ADDRESS [PART]   every scenario whose name has PART in it, then the replays
//	interop cross ADDRESS PEER...      offers a worker until standard input ends; meets the peers
//	                                   when a line comes in
//	interop worker ADDRESS QUEUE no-cache|cache    what scenarios start themselves
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
)

const (
	atOnce = 10
	limit  = time.Minute
)

// quiet is a logger for what fails on purpose.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

var printing sync.Mutex

type line = map[string]any

func show(told line) {
	printing.Lock()
	defer printing.Unlock()
	os.Stdout.Write(append(must(json.Marshal(told)), '\n'))
}

func runOne(c client.Client, address, name string, run func(*Stage) any, more line) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	told := line{"scenario": name}
	maps.Copy(told, more)
	stage := &Stage{ctx: ctx, client: c, address: address, name: name}
	defer func() {
		if failed := recover(); failed != nil {
			told["error"] = fmt.Sprint(failed)
		}
		show(told)
		stage.close()
	}()
	told["result"] = run(stage)
}

func runAll(c client.Client, address, part string) {
	waiting := make(chan string)
	every := scenarios{}
	for _, some := range []scenarios{acting, messages, relations, life, data} {
		maps.Copy(every, some)
	}
	var lanes sync.WaitGroup
	for range atOnce {
		lanes.Add(1)
		go func() {
			defer lanes.Done()
			for name := range waiting {
				runOne(c, address, name, every[name], nil)
			}
		}()
	}
	for _, name := range slices.Sorted(maps.Keys(every)) {
		if strings.Contains(name, part) {
			waiting <- name
		}
	}
	close(waiting)
	lanes.Wait()
}

// replay replays every history that the scenarios left, and tells how many each of them had.
func replay(c client.Client) {
	stage := &Stage{ctx: context.Background(), client: c}
	counts := map[string]int{}
	failures := map[string][]string{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId STARTS_WITH '%s/'", language),
	}
	replayer := newReplayer()
	for {
		response := must(c.ListWorkflow(stage.ctx, request))
		for _, row := range response.GetExecutions() {
			id, runID := row.GetExecution().GetWorkflowId(), row.GetExecution().GetRunId()
			name := strings.Join(strings.Split(id, "/")[1:3], "/")
			history := stage.history(id, runID)
			if len(history.Events) < 3 {
				continue // The replayer takes none that ended before its first task.
			}
			counts[name]++
			if err := replayer.ReplayWorkflowHistoryWithOptions(quiet{}, history, replayOf(id, runID)); err != nil {
				failures[name] = append(failures[name], fmt.Sprintf("%s: %v", id, err))
			}
		}
		request.NextPageToken = response.GetNextPageToken()
		if len(request.NextPageToken) == 0 {
			break
		}
	}
	for name, count := range counts {
		show(line{"replay": name, "histories": count, "failures": append([]string{}, failures[name]...)})
	}
}

func runScenarios(c client.Client, address, part string) {
	show(line{"sdk": temporal.SDKVersion})
	w := newWorker(c, language)
	registerAll(w)
	check(w.Start())
	defer w.Stop()
	runAll(c, address, part)
	replay(c)
}

func runCross(c client.Client, address string, peers []string) {
	w := newWorker(c, crossQueue(language))
	for _, workflow := range allWorkflows {
		w.RegisterWorkflow(workflow)
	}
	registerCross(w)
	check(w.Start())
	defer w.Stop()
	show(line{"ready": language})
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		for _, peer := range peers {
			for _, next := range meetings {
				run := func(s *Stage) any { return next.meet(s, crossQueue(peer)) }
				runOne(c, address, next.name, run, line{"peer": peer})
			}
		}
		show(line{"done": language})
	}
}

func runWorker(c client.Client, taskQueue, cache string) {
	if cache == "no-cache" {
		worker.SetStickyWorkflowCacheSize(0)
	}
	w := newWorker(c, taskQueue)
	registerAll(w)
	check(w.Start())
	defer w.Stop()
	show(line{"ready": language})
	must(io.Copy(io.Discard, os.Stdin))
}

func main() {
	address := os.Args[2]
	c := must(client.Dial(client.Options{HostPort: address, Logger: quiet{}}))
	defer c.Close()
	rest := append(os.Args[3:], "")
	switch os.Args[1] {
	case "scenarios":
		runScenarios(c, address, rest[0])
	case "cross":
		runCross(c, address, os.Args[3:])
	case "worker":
		runWorker(c, rest[0], rest[1])
	}
}
