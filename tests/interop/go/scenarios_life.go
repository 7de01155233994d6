package main

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// Scenarios of the life of a workflow: how it ends, starts again, and whose id it has.

type options = client.StartWorkflowOptions

// latest follows a workflow's id, whatever its run.
func latest(s *Stage, run client.WorkflowRun) client.WorkflowRun {
	return s.client.GetWorkflow(s.ctx, run.GetID(), "")
}

func retries(maximumAttempts int32) func(*options) {
	return func(o *options) {
		o.RetryPolicy = &temporal.RetryPolicy{
			InitialInterval: 20 * time.Millisecond,
			MaximumAttempts: maximumAttempts,
		}
	}
}

func timesOut(s *Stage, change func(*options)) any {
	run := s.startWith(change, SleepsForHours)
	return []any{s.failure(run), s.status(run.GetID(), "")}
}

func waitForTimer(s *Stage, run client.WorkflowRun) {
	s.eventually(func() bool { return s.count(run, "TIMER_STARTED") == 1 })
}

func cancel(s *Stage, run client.WorkflowRun) {
	check(s.client.CancelWorkflow(s.ctx, run.GetID(), ""))
}

func terminate(s *Stage, run client.WorkflowRun) error {
	return s.client.TerminateWorkflow(s.ctx, run.GetID(), "", "enough")
}

// meet starts a workflow under the id of one that runs.
func meet(s *Stage, policy enumspb.WorkflowIdConflictPolicy) any {
	first := s.start(Collects)
	firstRun := first.GetRunID()
	again := s.options()
	again.ID = first.GetID()
	again.WorkflowIDConflictPolicy = policy
	second, err := s.client.ExecuteWorkflow(s.ctx, again, "Collects")
	told := "new run"
	if err != nil {
		told = plain(err)
	} else if second.GetRunID() == firstRun {
		told = "same run"
	}
	status := s.status(first.GetID(), firstRun)
	check(terminate(s, first))
	return []string{told, status}
}

// reuse starts a workflow under the id of one that has ended.
func reuse(s *Stage, succeedsAt int, policy enumspb.WorkflowIdReusePolicy) any {
	first := s.start(SucceedsAt, succeedsAt)
	_ = first.Get(s.ctx, nil)
	again := s.options()
	again.ID = first.GetID()
	again.WorkflowIDReusePolicy = policy
	_, err := s.client.ExecuteWorkflow(s.ctx, again, "SucceedsAt", 1)
	if err == nil {
		check(latest(s, first).Get(s.ctx, nil))
	}
	return plain(err)
}

// reset lets a workflow begin again after its first task, and tells what it collected.
func reset(s *Stage, excluded ...enumspb.ResetReapplyExcludeType) any {
	run := s.start(Collects)
	runID := run.GetRunID()
	s.eventually(func() bool { return s.count(run, "WORKFLOW_TASK_COMPLETED") == 1 })
	s.signal(run, "add", 1)
	s.signal(run, "add", 2)
	s.eventually(func() bool { return len(query[[]int](s, run, "values")) == 2 })
	var completed int64
	for _, event := range s.events(run) {
		if event.GetWorkflowTaskCompletedEventAttributes() != nil {
			completed = event.GetEventId()
			break
		}
	}
	again := must(s.client.ResetWorkflowExecution(s.ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 "default",
		WorkflowExecution:         &execution{WorkflowId: run.GetID(), RunId: runID},
		WorkflowTaskFinishEventId: completed,
		RequestId:                 s.nextID(),
		Reason:                    "once more",
		ResetReapplyExcludeTypes:  excluded,
	}))
	s.signal(run, "add", 3)
	s.signal(run, "finish", nil)
	other := s.client.GetWorkflow(s.ctx, run.GetID(), again.GetRunId())
	return []any{result[[]int](s, other), s.status(run.GetID(), runID)}
}

var life = scenarios{
	"workflow/continued": func(s *Stage) any {
		run := s.start(CountsToZero, 3, 1)
		first := run.GetRunID()
		runs := result[int](s, run)
		now := must(s.client.DescribeWorkflowExecution(s.ctx, run.GetID(), ""))
		last := now.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		return []any{runs, s.status(run.GetID(), first), last != first}
	},
	"workflow/continued-carries": func(s *Stage) any {
		return result[map[string]string](s, s.startWith(func(o *options) {
			o.Memo = map[string]any{"note": "kept"}
			o.TypedSearchAttributes = temporal.NewSearchAttributes(interopKeyword.ValueSet("kept"))
		}, ContinuesWithAttributes, true))
	},
	"workflow/cron": func(s *Stage) any {
		run := s.startWith(func(o *options) { o.CronSchedule = "@every 1s" }, CountsRuns)
		first := run.GetRunID()
		s.eventually(func() bool { return query[[]int](s, run, "values")[0] >= 2 })
		check(terminate(s, run))
		return s.status(run.GetID(), first)
	},
	"workflow/retried": func(s *Stage) any {
		run := s.startWith(retries(3), SucceedsAt, 2)
		first := run.GetRunID()
		return []any{result[int](s, run), s.status(run.GetID(), first)}
	},
	"workflow/retries-exhausted": func(s *Stage) any { return s.failure(s.startWith(retries(2), SucceedsAt, 9)) },
	"workflow/execution-timeout": func(s *Stage) any {
		return timesOut(s, func(o *options) { o.WorkflowExecutionTimeout = time.Second })
	},
	"workflow/run-timeout": func(s *Stage) any {
		return timesOut(s, func(o *options) { o.WorkflowRunTimeout = time.Second })
	},
	"workflow/task-fails": func(s *Stage) any {
		run := s.start(FailsItsTask)
		s.eventually(func() bool {
			description := must(s.client.DescribeWorkflowExecution(s.ctx, run.GetID(), ""))
			return description.GetPendingWorkflowTask().GetAttempt() >= 2
		})
		status := s.status(run.GetID(), "")
		check(terminate(s, run))
		return []any{status, s.count(run, "WORKFLOW_TASK_FAILED")}
	},
	"workflow/cancel-cleans-up": func(s *Stage) any {
		run := s.start(CleansUp)
		waitForTimer(s, run)
		cancel(s, run)
		told := s.failure(run)
		return []any{told, s.status(run.GetID(), ""), s.count(run, "ACTIVITY_TASK_COMPLETED")}
	},
	"workflow/cancel-ignored": func(s *Stage) any {
		run := s.start(IgnoresCancellation)
		waitForTimer(s, run)
		cancel(s, run)
		return []string{result[string](s, run), s.status(run.GetID(), "")}
	},
	"workflow/terminated": func(s *Stage) any {
		run := s.start(SleepsForHours)
		check(terminate(s, run))
		told := s.failure(run)
		events := s.events(run)
		reason := events[len(events)-1].GetWorkflowExecutionTerminatedEventAttributes().GetReason()
		return []any{told, s.status(run.GetID(), ""), reason}
	},
	"workflow/terminated-twice": func(s *Stage) any {
		run := s.start(SleepsForHours)
		check(terminate(s, run))
		return plain(terminate(s, run))
	},
	"workflow/failed-with-causes": func(s *Stage) any {
		run := s.start(FailsWithCauses)
		err := run.Get(s.ctx, nil)
		var failed *temporal.ApplicationError
		errors.As(err, &failed)
		var number int
		var nested map[string][]int
		check(failed.Details(&number, &nested))
		return []any{chain(err), []any{number, nested}, s.status(run.GetID(), "")}
	},
	"workflow/start-delayed": func(s *Stage) any {
		run := s.startWith(func(o *options) { o.StartDelay = time.Second }, Greets, "World")
		told := result[string](s, run)
		events := s.events(run)
		waited := events[1].GetEventTime().AsTime().Sub(events[0].GetEventTime().AsTime())
		return []any{told, waited >= time.Second}
	},
	"workflow/eager-start": func(s *Stage) any {
		run := s.startWith(func(o *options) { o.EnableEagerStart = true }, Greets, "World")
		told := result[string](s, run)
		started := s.events(run)[0].GetWorkflowExecutionStartedEventAttributes()
		return []any{told, started.GetEagerExecutionAccepted()}
	},
	"workflow/priority": func(s *Stage) any {
		second := func(o *options) { o.Priority = temporal.Priority{PriorityKey: 2} }
		return result[[]int](s, s.startWith(second, AsksChildForPriority))
	},
	"workflow/summary": func(s *Stage) any {
		run := s.startWith(func(o *options) {
			o.StaticSummary = "in short"
			o.StaticDetails = "at length"
		}, Greets, "World")
		result[string](s, run)
		told := must(s.client.DescribeWorkflow(s.ctx, run.GetID(), ""))
		return []string{must(told.GetStaticSummary()), must(told.GetStaticDetails())}
	},
	"id/conflict-fail": func(s *Stage) any { return meet(s, failsIfRunning) },
	"id/conflict-use-existing": func(s *Stage) any {
		return meet(s, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
	},
	"id/conflict-terminate": func(s *Stage) any {
		return meet(s, enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
	},
	"id/reuse-allowed": func(s *Stage) any {
		return reuse(s, 1, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
	},
	"id/reuse-rejected": func(s *Stage) any {
		return reuse(s, 9, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
	},
	"id/reuse-after-success": func(s *Stage) any {
		return reuse(s, 1, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)
	},
	"id/reuse-after-failure": func(s *Stage) any {
		return reuse(s, 9, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)
	},
	"reset/signals-again": func(s *Stage) any { return reset(s) },
	"reset/signals-excluded": func(s *Stage) any {
		return reset(s, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL)
	},
}
