package main

import (
	"errors"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// Scenarios of activities and timers.

type scenarios map[string]func(s *Stage) any

// activityFailure is the chain of a failed activity, with the reason why it was not tried again.
func activityFailure(s *Stage, run client.WorkflowRun) map[string]any {
	err := run.Get(s.ctx, nil)
	var failed *temporal.ActivityError
	if !errors.As(err, &failed) {
		panic(err)
	}
	return map[string]any{"chain": chain(err), "state": upper(failed.RetryState().String())}
}

func last(links []string) string { return links[len(links)-1] }

// kind is a link of a chain without what it says in brackets.
func kind(link string) string { return strings.Split(link, "(")[0] }

func cancelActivity(s *Stage, wait, ignore bool) any {
	run := s.start(CancelsActivity, wait, ignore)
	s.activityStarted(run)
	s.signal(run, "started", nil)
	return map[string]any{
		"outcome":   result[string](s, run),
		"requested": s.count(run, "ACTIVITY_TASK_CANCEL_REQUESTED"),
		"canceled":  s.count(run, "ACTIVITY_TASK_CANCELED"),
	}
}

func completeOutside(s *Stage, value any, err error) client.WorkflowRun {
	run := s.start(WaitsForOutside)
	s.activityStarted(run)
	check(s.client.CompleteActivityByID(s.ctx, "default", run.GetID(), "", "1", value, err))
	return run
}

// firedTimers tells the times of a workflow's timers in the order in which they fired. Its selector
// would not, where two have fired since it looked.
func firedTimers(s *Stage, run client.WorkflowRun) (fired []int64) {
	times := map[string]int64{}
	for _, event := range s.events(run) {
		if timer := event.GetTimerStartedEventAttributes(); timer != nil {
			times[timer.GetTimerId()] = timer.GetStartToFireTimeout().AsDuration().Milliseconds()
		}
		if timer := event.GetTimerFiredEventAttributes(); timer != nil {
			fired = append(fired, times[timer.GetTimerId()])
		}
	}
	return
}

var acting = scenarios{
	"activity/result": func(s *Stage) any { return result[string](s, s.start(Greets, "World")) },
	"activity/retried": func(s *Stage) any {
		run := s.start(Retries, 2, 0)
		return []int{result[int](s, run), s.count(run, "ACTIVITY_TASK_STARTED")}
	},
	"activity/retries-exhausted": func(s *Stage) any { return activityFailure(s, s.start(Retries, 9, 2)) },
	"activity/non-retryable": func(s *Stage) any {
		run := s.start(IsRefused)
		told := activityFailure(s, run)
		var failed *temporal.ApplicationError
		errors.As(run.Get(s.ctx, nil), &failed)
		var number int
		var text string
		check(failed.Details(&number, &text))
		told["details"] = []any{number, text}
		return told
	},
	"activity/non-retryable-by-policy": func(s *Stage) any {
		return activityFailure(s, s.start(IsRefusedByPolicy))
	},
	"activity/next-retry-delay":  func(s *Stage) any { return result[int](s, s.start(IsAskedToRetrySoon)) },
	"activity/start-to-close":    func(s *Stage) any { return s.failure(s.start(StartToClose)) },
	"activity/schedule-to-start": func(s *Stage) any { return s.failure(s.start(ScheduleToStart)) },
	"activity/schedule-to-close": func(s *Stage) any { return activityFailure(s, s.start(ScheduleToClose)) },
	"activity/heartbeat-missed":  func(s *Stage) any { return s.failure(s.start(HeartbeatMissed)) },
	"activity/heartbeat-details": func(s *Stage) any { return result[string](s, s.start(Resumes)) },
	"activity/cancel-waits":      func(s *Stage) any { return cancelActivity(s, true, false) },
	"activity/cancel-ignored":    func(s *Stage) any { return cancelActivity(s, true, true) },
	"activity/cancel-tries":      func(s *Stage) any { return cancelActivity(s, false, false) },
	"activity/completed-outside": func(s *Stage) any {
		return result[string](s, completeOutside(s, "from outside", nil))
	},
	"activity/failed-outside": func(s *Stage) any {
		refusal := temporal.NewNonRetryableApplicationError("no", "Refused", nil)
		return s.failure(completeOutside(s, nil, refusal))
	},
	"activity/many": func(s *Stage) any { return result[int](s, s.start(DoesMuchAtOnce, 25)) },
	"activity/other-queue": func(s *Stage) any {
		s.otherWorker("go-other")
		return result[string](s, s.start(UsesOtherQueue, "go-other"))
	},
	"local/result": func(s *Stage) any {
		run := s.start(UsesLocal)
		return []int{result[int](s, run), s.count(run, "MARKER_RECORDED")}
	},
	"local/retried":   func(s *Stage) any { return result[int](s, s.start(RetriesLocal)) },
	"local/failed":    func(s *Stage) any { return last(s.failure(s.start(IsRefusedLocally))) },
	"local/timed-out": func(s *Stage) any { return kind(last(s.failure(s.start(LocalTimesOut)))) },
	"timer/fires": func(s *Stage) any {
		run := s.start(Sleeps, 700)
		return []any{result[bool](s, run), s.count(run, "TIMER_STARTED"), s.count(run, "TIMER_FIRED")}
	},
	"timer/canceled": func(s *Stage) any {
		run := s.start(CancelsTimer)
		return []any{result[string](s, run), s.count(run, "TIMER_CANCELED")}
	},
	"timer/order": func(s *Stage) any {
		run := s.start(SleepsInParallel, []int{900, 100, 500})
		result[[]int](s, run)
		return firedTimers(s, run)
	},
	"timer/condition": func(s *Stage) any {
		run := s.start(WaitsForConditions)
		s.signal(run, "tell", nil)
		return result[[]bool](s, run)
	},
}
