package main

import (
	enumspb "go.temporal.io/api/enums/v1"
)

// Scenarios of children, and of workflows that reach others.

func leaveChild(s *Stage, policy enumspb.ParentClosePolicy, ends bool) string {
	run := s.start(LeavesChild, policy)
	check(run.Get(s.ctx, nil))
	child := run.GetID() + "/child"
	if ends {
		_ = s.client.GetWorkflow(s.ctx, child, "").Get(s.ctx, nil)
	}
	status := s.status(child, "")
	if !ends {
		check(s.client.TerminateWorkflow(s.ctx, child, "", ""))
	}
	return status
}

func reachNobody(s *Stage, workflow any, event string) any {
	run := s.start(workflow, "is not there")
	return []any{len(s.failure(run)) > 0, s.count(run, event)}
}

var relations = scenarios{
	"child/result": func(s *Stage) any { return result[int](s, s.start(HasChild)) },
	"child/failed": func(s *Stage) any { return s.failure(s.start(HasFailingChild)) },
	"child/canceled": func(s *Stage) any {
		run := s.start(CancelsChild)
		return []string{result[string](s, run), s.status(run.GetID()+"/child", "")}
	},
	"child/timed-out": func(s *Stage) any { return s.failure(s.start(HasSlowChild)) },
	"child/terminated": func(s *Stage) any {
		run := s.start(HasLongChild)
		s.eventually(func() bool { return s.count(run, "CHILD_WORKFLOW_EXECUTION_STARTED") == 1 })
		check(s.client.TerminateWorkflow(s.ctx, run.GetID()+"/child", "", "enough"))
		return s.failure(run)
	},
	"child/id-taken": func(s *Stage) any { return result[string](s, s.start(StartsChildTwice)) },
	"child/parent-closes-terminate": func(s *Stage) any {
		return leaveChild(s, enumspb.PARENT_CLOSE_POLICY_TERMINATE, true)
	},
	"child/parent-closes-abandon": func(s *Stage) any {
		return leaveChild(s, enumspb.PARENT_CLOSE_POLICY_ABANDON, false)
	},
	"child/parent-closes-cancel": func(s *Stage) any {
		return leaveChild(s, enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, true)
	},
	"child/signaled":         func(s *Stage) any { return result[[]int](s, s.start(SignalsChild)) },
	"child/retried":          func(s *Stage) any { return result[int](s, s.start(RetriesChild)) },
	"child/many":             func(s *Stage) any { return result[int](s, s.start(HasManyChildren, 20)) },
	"child/continued":        func(s *Stage) any { return result[int](s, s.start(HasContinuedChild)) },
	"child/knows-its-parent": func(s *Stage) any { return result[[]bool](s, s.start(AsksChildForRelations)) },
	"external/signal": func(s *Stage) any {
		other := s.start(Collects)
		return []any{result[string](s, s.start(SignalsExternal, other.GetID())), result[[]int](s, other)}
	},
	"external/cancel": func(s *Stage) any {
		other := s.start(SleepsForHours)
		return []any{result[string](s, s.start(CancelsExternal, other.GetID())), s.failure(other)}
	},
	"external/signal-unknown": func(s *Stage) any {
		return reachNobody(s, SignalsExternal, "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED")
	},
	"external/cancel-unknown": func(s *Stage) any {
		return reachNobody(s, CancelsExternal, "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED")
	},
}
