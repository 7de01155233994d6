package main

import (
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// Scenarios of signals, queries and updates.

func finished[T any](s *Stage, run client.WorkflowRun) T {
	s.signal(run, "finish", nil)
	return result[T](s, run)
}

// asks starts a workflow, sends it a query and tells the text of the refusal.
func asks(s *Stage, name string) string {
	run := s.start(Collects)
	_, err := s.client.QueryWorkflow(s.ctx, run.GetID(), "", name)
	finished[[]int](s, run)
	return plain(err)
}

func signalWithStart(s *Stage, options client.StartWorkflowOptions, value int) client.WorkflowRun {
	return must(s.client.SignalWithStartWorkflow(s.ctx, options.ID, "add", value, options, "Collects"))
}

// updateWithStart starts an account, or meets it, and raises it.
func updateWithStart(s *Stage, id string, policy enumspb.WorkflowIdConflictPolicy, amount int) (sum int, err error) {
	options := s.options()
	options.ID = id
	options.WorkflowIDConflictPolicy = policy
	handle, err := s.client.UpdateWithStartWorkflow(s.ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.client.NewWithStartWorkflowOperation(options, "Account", true),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName:   "raise",
			Args:         []any{amount},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(s.ctx, &sum)
	}
	return
}

func acceptLater(s *Stage, run client.WorkflowRun, id string, amount int) client.WorkflowUpdateHandle {
	return must(s.client.UpdateWorkflow(s.ctx, client.UpdateWorkflowOptions{
		WorkflowID:   run.GetID(),
		UpdateID:     id,
		UpdateName:   "raiseLater",
		Args:         []any{amount},
		WaitForStage: client.WorkflowUpdateStageAccepted,
	}))
}

func outcome(s *Stage, handle client.WorkflowUpdateHandle) (value int) {
	check(handle.Get(s.ctx, &value))
	return
}

const failsIfRunning = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL

var messages = scenarios{
	"signal/order": func(s *Stage) any {
		run := s.start(Collects)
		for value := 1; value <= 20; value++ {
			s.signal(run, "add", value)
		}
		return finished[[]int](s, run)
	},
	"signal/before-worker": func(s *Stage) any {
		run := s.startWith(func(o *client.StartWorkflowOptions) { o.TaskQueue = "go-late" }, Collects)
		for value := 1; value <= 3; value++ {
			s.signal(run, "add", value)
		}
		s.signal(run, "finish", nil)
		s.otherWorker("go-late")
		return result[[]int](s, run)
	},
	"signal/with-start": func(s *Stage) any {
		options := s.options()
		first := signalWithStart(s, options, 1)
		second := signalWithStart(s, options, 2)
		return []any{first.GetRunID() == second.GetRunID(), finished[[]int](s, first)}
	},
	"signal/unknown-workflow": func(s *Stage) any {
		return plain(s.client.SignalWorkflow(s.ctx, "is not there", "", "add", 1))
	},
	"signal/closed-workflow": func(s *Stage) any {
		run := s.start(Greets, "World")
		result[string](s, run)
		return plain(s.client.SignalWorkflow(s.ctx, run.GetID(), "", "add", 1))
	},
	"query/state": func(s *Stage) any {
		run := s.start(Collects)
		before := query[[]int](s, run, "values")
		s.signal(run, "add", 1)
		s.signal(run, "add", 2)
		after := query[[]int](s, run, "values")
		finished[[]int](s, run)
		return [][]int{before, after}
	},
	"query/fails":   func(s *Stage) any { return strings.Contains(asks(s, "broken"), "cannot say") },
	"query/unknown": func(s *Stage) any { return strings.Contains(asks(s, "unheard"), "unheard") },
	"query/closed-workflow": func(s *Stage) any {
		run := s.start(Collects)
		s.signal(run, "add", 5)
		finished[[]int](s, run)
		return query[[]int](s, run, "values")
	},
	"query/rejected-when-closed": func(s *Stage) any {
		run := s.start(Collects)
		finished[[]int](s, run)
		response := must(s.client.QueryWorkflowWithOptions(s.ctx, &client.QueryWorkflowWithOptionsRequest{
			WorkflowID:           run.GetID(),
			QueryType:            "values",
			QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
		}))
		return upper(response.QueryRejected.GetStatus().String())
	},
	"update/result": func(s *Stage) any {
		run := s.start(Account, true)
		sums := []int{must(update[int](s, run, "raise", 40)), must(update[int](s, run, "raise", 2))}
		return []any{sums, finished[int](s, run)}
	},
	"update/rejected": func(s *Stage) any {
		run := s.start(Account, true)
		must(update[int](s, run, "raise", 1))
		before := len(s.events(run))
		_, err := update[int](s, run, "raise", -1)
		added := len(s.events(run)) - before
		return []any{chain(err), added, finished[int](s, run)}
	},
	"update/failed": func(s *Stage) any {
		run := s.start(Account, true)
		_, err := update[int](s, run, "raise", 13)
		sum := finished[int](s, run)
		return []any{chain(err), sum, s.count(run, "WORKFLOW_EXECUTION_UPDATE_COMPLETED")}
	},
	"update/accepted-first": func(s *Stage) any {
		run := s.start(Account, true)
		handle := acceptLater(s, run, "later", 42)
		between := query[int](s, run, "balance")
		s.signal(run, "proceed", nil)
		again := s.client.GetWorkflowUpdateHandle(client.GetWorkflowUpdateHandleOptions{
			WorkflowID: run.GetID(),
			UpdateID:   "later",
		})
		results := []int{outcome(s, handle), outcome(s, again)}
		finished[int](s, run)
		return []any{between, results, outcome(s, again)}
	},
	"update/same-id": func(s *Stage) any {
		run := s.start(Account, true)
		var sums []int
		for range 2 {
			sums = append(sums, must(updateWith[int](s, client.UpdateWorkflowOptions{
				WorkflowID:   run.GetID(),
				UpdateID:     "once",
				UpdateName:   "raise",
				Args:         []any{40},
				WaitForStage: client.WorkflowUpdateStageCompleted,
			})))
		}
		return []any{sums, finished[int](s, run)}
	},
	"update/with-activity": func(s *Stage) any {
		run := s.start(Account, true)
		sum := must(update[int](s, run, "raiseDoubled", 21))
		finished[int](s, run)
		return sum
	},
	"update/unknown": func(s *Stage) any {
		run := s.start(Account, true)
		_, err := update[int](s, run, "unheard")
		finished[int](s, run)
		told := chain(err)
		return []any{len(told), strings.Contains(last(told), "unheard")}
	},
	"update/closed-workflow": func(s *Stage) any {
		run := s.start(Greets, "World")
		result[string](s, run)
		_, err := update[int](s, run, "raise", 1)
		return plain(err)
	},
	"update/left-unfinished": func(s *Stage) any {
		run := s.start(Account, false)
		handle := acceptLater(s, run, "", 1)
		sum := finished[int](s, run)
		var told []string
		for _, text := range chain(handle.Get(s.ctx, nil)) {
			told = append(told, strings.Split(text, ":")[0])
		}
		return []any{sum, told}
	},
	"update/with-start": func(s *Stage) any {
		id := s.nextID()
		var sums []int
		for _, amount := range []int{1, 2} {
			policy := enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
			sums = append(sums, must(updateWithStart(s, id, policy, amount)))
		}
		return []any{sums, finished[int](s, s.client.GetWorkflow(s.ctx, id, ""))}
	},
	"update/with-start-refused": func(s *Stage) any {
		run := s.start(Account, true)
		_, err := updateWithStart(s, run.GetID(), failsIfRunning, 1)
		return []any{plain(err), finished[int](s, run)}
	},
	"update/with-start-rejected": func(s *Stage) any {
		id := s.nextID()
		_, err := updateWithStart(s, id, failsIfRunning, -1)
		s.eventually(func() bool { return s.status(id, "") == "RUNNING" })
		return []any{chain(err), finished[int](s, s.client.GetWorkflow(s.ctx, id, ""))}
	},
}
