package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
)

const (
	language = "go"
	pause    = 30 * time.Millisecond
)

// A Stage is what a scenario works with: a client, workers, and the histories of what it started.
// Its methods panic on errors that a scenario does not expect; whoever runs it recovers.
type Stage struct {
	ctx     context.Context
	client  client.Client
	address string
	name    string
	counter int
	closing []func()
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// eventually polls until the condition holds.
func (s *Stage) eventually(holds func() bool) {
	for !holds() {
		if s.ctx.Err() != nil {
			panic("took too long")
		}
		time.Sleep(pause)
	}
}

// chain tells a failure as every language does: one text for each error of the chain.
func chain(err error) []string {
	links := []string{}
	for ; err != nil; err = errors.Unwrap(err) {
		var execution *temporal.WorkflowExecutionError
		if reflect.TypeOf(err) != reflect.TypeOf(execution) {
			links = append(links, link(err))
		}
	}
	return links
}

func link(err error) string {
	switch err := err.(type) {
	case *temporal.ActivityError:
		return "activity"
	case *temporal.ChildWorkflowExecutionError:
		return "child"
	case *temporal.ApplicationError:
		return fmt.Sprintf("application(%s: %s)", err.Type(), err.Message())
	case *temporal.TimeoutError:
		return fmt.Sprintf("timeout(%s)", upper(err.TimeoutType().String()))
	case *temporal.CanceledError:
		return "cancelled"
	case *temporal.TerminatedError:
		return "terminated"
	}
	return plain(err)
}

// plain tells an error of a call as every language does.
func plain(err error) string {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	var missing *serviceerror.NotFound
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &started):
		return "already started"
	case errors.As(err, &missing):
		return "not found"
	}
	return fmt.Sprintf("%T: %v", err, err)
}

var hump = regexp.MustCompile("([a-z])([A-Z])")

// upper makes NAMES_LIKE_THIS of NamesLikeThis.
func upper(name string) string {
	return strings.ToUpper(hump.ReplaceAllString(name, "${1}_${2}"))
}

func nameOf(function any) string {
	if name, ok := function.(string); ok {
		return name
	}
	name := runtime.FuncForPC(reflect.ValueOf(function).Pointer()).Name()
	return name[strings.LastIndex(name, ".")+1:]
}

// nextID makes an id that begins with the scenario's name.
func (s *Stage) nextID() string {
	s.counter++
	return fmt.Sprintf("%s/%s/%d", language, s.name, s.counter)
}

func (s *Stage) options() client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       s.nextID(),
		TaskQueue:                                language,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}

func (s *Stage) start(workflow any, args ...any) client.WorkflowRun {
	return s.startWith(func(*client.StartWorkflowOptions) {}, workflow, args...)
}

// startWith starts a workflow with options that the function changes.
func (s *Stage) startWith(change func(*client.StartWorkflowOptions), workflow any, args ...any) client.WorkflowRun {
	options := s.options()
	change(&options)
	return must(s.client.ExecuteWorkflow(s.ctx, options, nameOf(workflow), args...))
}

// result waits for a workflow's result.
func result[T any](s *Stage, run client.WorkflowRun) (value T) {
	check(run.Get(s.ctx, &value))
	return
}

// failure is the chain of the error that a workflow ends with.
func (s *Stage) failure(run client.WorkflowRun) []string {
	return chain(run.Get(s.ctx, nil))
}

func (s *Stage) signal(run client.WorkflowRun, name string, value any) {
	check(s.client.SignalWorkflow(s.ctx, run.GetID(), "", name, value))
}

func query[T any](s *Stage, run client.WorkflowRun, name string) (value T) {
	check(must(s.client.QueryWorkflow(s.ctx, run.GetID(), "", name)).Get(&value))
	return
}

// update sends an update and waits for its outcome.
func update[T any](s *Stage, run client.WorkflowRun, name string, args ...any) (value T, err error) {
	return updateWith[T](s, client.UpdateWorkflowOptions{
		WorkflowID:   run.GetID(),
		UpdateName:   name,
		Args:         args,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
}

func updateWith[T any](s *Stage, options client.UpdateWorkflowOptions) (value T, err error) {
	handle, err := s.client.UpdateWorkflow(s.ctx, options)
	if err == nil {
		err = handle.Get(s.ctx, &value)
	}
	return
}

func (s *Stage) history(workflowID, runID string) *historypb.History {
	var history historypb.History
	events := s.client.GetWorkflowHistory(s.ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		history.Events = append(history.Events, must(events.Next()))
	}
	return &history
}

func (s *Stage) events(run client.WorkflowRun) []*historypb.HistoryEvent {
	return s.history(run.GetID(), "").Events
}

// count tells how many events of a type a workflow has, for example TIMER_FIRED.
func (s *Stage) count(run client.WorkflowRun, kind string) (count int) {
	for _, event := range s.events(run) {
		if upper(event.EventType.String()) == kind {
			count++
		}
	}
	return
}

func (s *Stage) status(workflowID, runID string) string {
	description := must(s.client.DescribeWorkflowExecution(s.ctx, workflowID, runID))
	return upper(description.GetWorkflowExecutionInfo().GetStatus().String())
}

// activityStarted waits until a workflow's activity runs.
func (s *Stage) activityStarted(run client.WorkflowRun) {
	s.eventually(func() bool {
		description := must(s.client.DescribeWorkflowExecution(s.ctx, run.GetID(), ""))
		for _, pending := range description.GetPendingActivities() {
			if pending.GetLastStartedTime() != nil {
				return true
			}
		}
		return false
	})
}

func newWorker(c client.Client, taskQueue string) worker.Worker {
	return worker.New(c, taskQueue, worker.Options{
		StickyScheduleToStartTimeout:     2 * time.Second,
		MaxHeartbeatThrottleInterval:     100 * time.Millisecond,
		DefaultHeartbeatThrottleInterval: 100 * time.Millisecond,
		WorkerStopTimeout:                time.Second,
	})
}

func registerAll(w worker.Worker) {
	for _, workflow := range allWorkflows {
		w.RegisterWorkflow(workflow)
	}
	for _, activity := range allActivities {
		w.RegisterActivity(activity)
	}
}

// otherWorker runs activities on another queue until the scenario ends.
func (s *Stage) otherWorker(taskQueue string) {
	w := newWorker(s.client, taskQueue)
	registerAll(w)
	check(w.Start())
	s.closing = append(s.closing, w.Stop)
}

// workerProcess starts a worker of this suite in a process of its own, since the cache of workflows
// is one for the whole process. Returns what ends it, at the latest when the scenario does.
func (s *Stage) workerProcess(taskQueue string, cache string) (stop func()) {
	process := exec.Command(must(os.Executable()), "worker", s.address, taskQueue, cache)
	input := must(process.StdinPipe())
	output := bufio.NewReader(must(process.StdoutPipe()))
	check(process.Start())
	ended := false
	stop = func() {
		if !ended {
			ended = true
			check(input.Close())
			check(process.Wait())
		}
	}
	s.closing = append(s.closing, stop)
	must(output.ReadString('\n'))
	return
}

func (s *Stage) close() {
	for _, end := range s.closing {
		end()
	}
}
