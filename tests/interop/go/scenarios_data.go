package main

import (
	"bytes"
	"reflect"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Scenarios of what is kept with workflows: attributes, payloads, and the code that made them.

var (
	interopText     = temporal.NewSearchAttributeKeyString("InteropText")
	interopInt      = temporal.NewSearchAttributeKeyInt64("InteropInt")
	interopDouble   = temporal.NewSearchAttributeKeyFloat64("InteropDouble")
	interopBool     = temporal.NewSearchAttributeKeyBool("InteropBool")
	interopDatetime = temporal.NewSearchAttributeKeyTime("InteropDatetime")
	interopList     = temporal.NewSearchAttributeKeyKeywordList("InteropKeywordList")
)

var conditions = []string{
	"InteropKeyword = 'go one'",
	"InteropText = 'words'",
	"InteropInt > 41",
	"InteropDouble < 2",
	"InteropBool = true",
	"InteropDatetime > '2026-01-02T03:04:04Z'",
	"InteropDatetime < '2026-01-02T03:04:06Z'",
	"InteropKeywordList = 'b'",
}

// listed waits until a query finds so many workflows, and tells their ids.
func listed(s *Stage, query string, count int) (ids []string) {
	s.eventually(func() bool {
		request := &workflowservice.ListWorkflowExecutionsRequest{Query: query}
		ids = nil
		for _, row := range must(s.client.ListWorkflow(s.ctx, request)).GetExecutions() {
			ids = append(ids, row.GetExecution().GetWorkflowId())
		}
		return len(ids) >= count
	})
	return
}

func withKeyword(value string) func(*options) {
	return func(o *options) {
		o.TypedSearchAttributes = temporal.NewSearchAttributes(interopKeyword.ValueSet(value))
	}
}

func keepAttributes(s *Stage) any {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := s.startWith(func(o *options) {
		o.TypedSearchAttributes = temporal.NewSearchAttributes(
			interopKeyword.ValueSet("go one"), interopText.ValueSet("some words in a row"),
			interopInt.ValueSet(42), interopDouble.ValueSet(1.5), interopBool.ValueSet(true),
			interopDatetime.ValueSet(moment), interopList.ValueSet([]string{"a", "b"}))
	}, Greets, "World")
	result[string](s, run)
	told := must(s.client.DescribeWorkflow(s.ctx, run.GetID(), "")).TypedSearchAttributes
	text, _ := told.GetString(interopText)
	number, _ := told.GetInt64(interopInt)
	fraction, _ := told.GetFloat64(interopDouble)
	yes, _ := told.GetBool(interopBool)
	when, _ := told.GetTime(interopDatetime)
	list, _ := told.GetKeywordList(interopList)
	found := listed(s, strings.Join(conditions, " AND "), 1)
	shown := []any{text, number, fraction, yes, when.UnixMilli(), list}
	return []any{shown, reflect.DeepEqual(found, []string{run.GetID()})}
}

func memoOf[T any](s *Stage, run client.WorkflowRun) map[string]T {
	description := must(s.client.DescribeWorkflowExecution(s.ctx, run.GetID(), ""))
	memo := map[string]T{}
	for name, payload := range description.GetWorkflowExecutionInfo().GetMemo().GetFields() {
		var value T
		check(converter.GetDefaultDataConverter().FromPayload(payload, &value))
		memo[name] = value
	}
	return memo
}

// echo sends a value through a workflow: what it is encoded as, there and back.
func echo[T any](s *Stage, workflow any, value any, same func(T) bool) any {
	run := s.start(workflow, value)
	told := result[T](s, run)
	events := s.events(run)
	given := events[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0]
	back := events[len(events)-1].GetWorkflowExecutionCompletedEventAttributes().GetResult().GetPayloads()[0]
	return []any{string(given.GetMetadata()["encoding"]), string(back.GetMetadata()["encoding"]), same(told)}
}

func newReplayer() worker.WorkflowReplayer {
	replayer := worker.NewWorkflowReplayer()
	for _, workflow := range allWorkflows {
		replayer.RegisterWorkflow(workflow)
	}
	return replayer
}

func replayOf(id, runID string) worker.ReplayWorkflowHistoryOptions {
	return worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id, RunID: runID}}
}

// replayAs replays the history of one workflow as if another had made it.
func replayAs(s *Stage, kind string) any {
	run := s.start(SleepsOnce)
	result[string](s, run)
	history := s.history(run.GetID(), "")
	history.Events[0].GetWorkflowExecutionStartedEventAttributes().WorkflowType.Name = kind
	replay := replayOf(run.GetID(), run.GetRunID())
	if err := newReplayer().ReplayWorkflowHistoryWithOptions(quiet{}, history, replay); err != nil {
		if strings.Contains(err.Error(), "TMPRL1100") {
			return "refused"
		}
		return err.Error()
	}
	return "replayed"
}

func collected(s *Stage, run client.WorkflowRun, count int) {
	s.eventually(func() bool { return len(query[[]int](s, run, "values")) == count })
}

func on(taskQueue string) func(*options) {
	return func(o *options) { o.TaskQueue = taskQueue }
}

var data = scenarios{
	"visibility/attributes": keepAttributes,
	"visibility/upsert": func(s *Stage) any {
		run := s.start(Annotates, "go violet")
		check(run.Get(s.ctx, nil))
		found := listed(s, "InteropKeyword = 'go violet' AND ExecutionStatus = 'Completed'", 1)
		return []any{len(found), memoOf[string](s, run)["note"] == "go violet"}
	},
	"visibility/unknown-attribute": func(s *Stage) any {
		options := s.options()
		unknown := temporal.NewSearchAttributeKeyKeyword("NobodyDefinedThis").ValueSet("x")
		options.TypedSearchAttributes = temporal.NewSearchAttributes(unknown)
		_, err := s.client.ExecuteWorkflow(s.ctx, options, "Greets", "World")
		if strings.Contains(plain(err), "NobodyDefinedThis") {
			return "refused by name"
		}
		return plain(err)
	},
	"visibility/list-and-count": func(s *Stage) any {
		for range 3 {
			result[string](s, s.startWith(withKeyword("go counted"), Greets, "World"))
		}
		open := s.startWith(withKeyword("go counted"), Collects)
		query := "InteropKeyword = 'go counted'"
		found := listed(s, query, 4)
		request := &workflowservice.CountWorkflowExecutionsRequest{Query: query + " AND ExecutionStatus = 'Running'"}
		count := must(s.client.CountWorkflow(s.ctx, request)).GetCount()
		check(terminate(s, open))
		return []any{len(found), count}
	},
	"visibility/describe": func(s *Stage) any {
		run := s.startWith(func(o *options) { o.Memo = map[string]any{"note": []any{"kept", 1}} }, Greets, "World")
		result[string](s, run)
		told := must(s.client.DescribeWorkflowExecution(s.ctx, run.GetID(), "")).GetWorkflowExecutionInfo()
		return []any{
			told.GetExecution().GetWorkflowId() == run.GetID(),
			told.GetTaskQueue() == language,
			memoOf[any](s, run),
			told.GetHistoryLength() == int64(len(s.events(run))),
			!told.GetCloseTime().AsTime().Before(told.GetStartTime().AsTime()),
		}
	},
	"payload/json-plain": func(s *Stage) any {
		value := map[string]any{
			"text":   "ÄÖ \u2603 \"quoted\"",
			"list":   []any{1.0, 2.5, true, nil},
			"nested": map[string]any{"empty": map[string]any{}},
		}
		return echo(s, Echoes, value, func(told map[string]any) bool { return reflect.DeepEqual(told, value) })
	},
	"payload/json-protobuf": func(s *Stage) any {
		value := &execution{WorkflowId: "w", RunId: "r"}
		return echo(s, EchoesExecution, value, func(told *execution) bool {
			return told.GetWorkflowId() == "w" && told.GetRunId() == "r"
		})
	},
	"payload/binary-plain": func(s *Stage) any {
		value := []byte{0, 1, 127, 128, 255}
		return echo(s, EchoesBytes, value, func(told []byte) bool { return bytes.Equal(told, value) })
	},
	"payload/binary-null": func(s *Stage) any {
		var nothing *execution
		run := s.start(HandsOnNothing, nothing)
		told := result[bool](s, run)
		encodings := []any{}
		for _, event := range s.events(run) {
			for _, payload := range append(
				event.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads(),
				event.GetActivityTaskScheduledEventAttributes().GetInput().GetPayloads()...) {
				encodings = append(encodings, string(payload.GetMetadata()["encoding"]))
			}
		}
		return append(encodings, told)
	},
	"payload/large": func(s *Stage) any {
		text := strings.Repeat("x\u2603", 250_000)
		told := result[measured](s, s.start(Measures, text))
		return []any{told.Length, told.Text == text}
	},
	"code/patched": func(s *Stage) any {
		run := s.start(GreetsSinceThePatch)
		return []any{result[string](s, run), s.count(run, "MARKER_RECORDED")}
	},
	"code/from-before-the-patch": func(s *Stage) any { return replayAs(s, "GreetsSinceThePatch") },
	"code/other-code-is-noticed": func(s *Stage) any { return replayAs(s, "StartToClose") },
	"code/side-effect": func(s *Stage) any {
		stop := s.workerProcess("go-drawing", "cache")
		run := s.startWith(on("go-drawing"), KeepsSideEffect)
		first := query[int64](s, run, "drawn")
		stop()
		s.workerProcess("go-drawing", "cache")
		second := query[int64](s, run, "drawn")
		s.signal(run, "finish", nil)
		return []any{result[bool](s, run), first == second, s.count(run, "MARKER_RECORDED")}
	},
	"worker/another-goes-on": func(s *Stage) any {
		stop := s.workerProcess("go-mortal", "cache")
		run := s.startWith(on("go-mortal"), Collects)
		s.signal(run, "add", 1)
		collected(s, run, 1)
		stop()
		s.signal(run, "add", 2)
		s.workerProcess("go-mortal", "cache")
		collected(s, run, 2)
		return finished[[]int](s, run)
	},
	"worker/without-cache": func(s *Stage) any {
		s.workerProcess("go-forgetful", "no-cache")
		run := s.startWith(on("go-forgetful"), Collects)
		for value := 1; value <= 3; value++ {
			s.signal(run, "add", value)
			collected(s, run, value)
		}
		return finished[[]int](s, run)
	},
	// What the list expects of it is wrong on purpose: the judge has to see that.
	"control/wrong-answer": func(s *Stage) any { return result[string](s, s.start(Greets, "Judge")) },
}
