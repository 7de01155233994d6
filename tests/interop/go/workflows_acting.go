package main

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Workflows that call activities, and wait.

const long = 30 * time.Second

var (
	again = &temporal.RetryPolicy{InitialInterval: 20 * time.Millisecond, BackoffCoefficient: 1}
	once  = &temporal.RetryPolicy{MaximumAttempts: 1}
)

func withLong(ctx workflow.Context) workflow.Context {
	options := workflow.ActivityOptions{StartToCloseTimeout: long, RetryPolicy: again}
	return workflow.WithActivityOptions(ctx, options)
}

func Greets(ctx workflow.Context, name string) (told string, err error) {
	err = workflow.ExecuteActivity(withLong(ctx), greet, name).Get(ctx, &told)
	return
}

func Retries(ctx workflow.Context, failures int, maximumAttempts int32) (attempt int, err error) {
	policy := *again
	policy.MaximumAttempts = maximumAttempts
	limited := workflow.WithRetryPolicy(withLong(ctx), policy)
	err = workflow.ExecuteActivity(limited, flaky, failures).Get(ctx, &attempt)
	return
}

func IsRefused(ctx workflow.Context) error {
	return workflow.ExecuteActivity(withLong(ctx), refuse).Get(ctx, nil)
}

func IsRefusedByPolicy(ctx workflow.Context) error {
	policy := *again
	policy.NonRetryableErrorTypes = []string{"Flaky"}
	strict := workflow.WithRetryPolicy(withLong(ctx), policy)
	return workflow.ExecuteActivity(strict, flaky, 5).Get(ctx, nil)
}

func IsAskedToRetrySoon(ctx workflow.Context) (attempt int, err error) {
	patient := workflow.WithRetryPolicy(withLong(ctx), temporal.RetryPolicy{InitialInterval: time.Hour})
	err = workflow.ExecuteActivity(patient, soonAgain).Get(ctx, &attempt)
	return
}

func hangs(ctx workflow.Context, options workflow.ActivityOptions) error {
	ctx = workflow.WithActivityOptions(ctx, options)
	return workflow.ExecuteActivity(ctx, hang).Get(ctx, nil)
}

func StartToClose(ctx workflow.Context) error {
	return hangs(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 200 * time.Millisecond,
		RetryPolicy:         once,
	})
}

func ScheduleToStart(ctx workflow.Context) error {
	return hangs(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    long,
		ScheduleToStartTimeout: 200 * time.Millisecond,
		TaskQueue:              "nobody-polls-this",
	})
}

func ScheduleToClose(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: long,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Hour},
	})
	return workflow.ExecuteActivity(ctx, flaky, 1000).Get(ctx, nil)
}

func HeartbeatMissed(ctx workflow.Context) error {
	return hangs(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: long,
		HeartbeatTimeout:    300 * time.Millisecond,
		RetryPolicy:         once,
	})
}

func Resumes(ctx workflow.Context) (told string, err error) {
	ctx = workflow.WithHeartbeatTimeout(withLong(ctx), 2*time.Second)
	err = workflow.ExecuteActivity(ctx, resume).Get(ctx, &told)
	return
}

// unlessCancelled tells that something was cancelled, where it was.
func unlessCancelled(told string, err error) (string, error) {
	if temporal.IsCanceledError(err) || errors.Is(err, workflow.ErrCanceled) {
		return "canceled", nil
	}
	return told, err
}

// CancelsActivity cancels its activity once it runs, which a signal tells.
func CancelsActivity(ctx workflow.Context, wait bool, ignore bool) (string, error) {
	cancellable, cancel := workflow.WithCancel(ctx)
	running := workflow.ExecuteActivity(
		workflow.WithActivityOptions(cancellable, workflow.ActivityOptions{
			StartToCloseTimeout: long,
			HeartbeatTimeout:    20 * time.Second,
			WaitForCancellation: wait,
		}), untilCancelled, ignore)
	workflow.GetSignalChannel(ctx, "started").Receive(ctx, nil)
	cancel()
	var told string
	err := running.Get(ctx, &told)
	return unlessCancelled(told, err)
}

func WaitsForOutside(ctx workflow.Context) (told string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:          "1",
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         once,
	})
	err = workflow.ExecuteActivity(ctx, completedOutside).Get(ctx, &told)
	return
}

func DoesMuchAtOnce(ctx workflow.Context, count int) (sum int, err error) {
	var parts []workflow.Future
	for value := range count {
		parts = append(parts, workflow.ExecuteActivity(withLong(ctx), double, value))
	}
	for _, part := range parts {
		var value int
		if err = part.Get(ctx, &value); err != nil {
			return
		}
		sum += value
	}
	return
}

func UsesOtherQueue(ctx workflow.Context, taskQueue string) (told string, err error) {
	other := workflow.WithTaskQueue(withLong(ctx), taskQueue)
	err = workflow.ExecuteActivity(other, queueName).Get(ctx, &told)
	return
}

func withLocal(ctx workflow.Context, limit time.Duration, policy *temporal.RetryPolicy) workflow.Context {
	options := workflow.LocalActivityOptions{StartToCloseTimeout: limit, RetryPolicy: policy}
	return workflow.WithLocalActivityOptions(ctx, options)
}

func UsesLocal(ctx workflow.Context) (sum int, err error) {
	for _, value := range []int{20, 1} {
		var part int
		local := withLocal(ctx, long, again)
		if err = workflow.ExecuteLocalActivity(local, double, value).Get(ctx, &part); err != nil {
			return
		}
		sum += part
	}
	return
}

func RetriesLocal(ctx workflow.Context) (attempt int, err error) {
	err = workflow.ExecuteLocalActivity(withLocal(ctx, long, again), flaky, 2).Get(ctx, &attempt)
	return
}

func IsRefusedLocally(ctx workflow.Context) error {
	return workflow.ExecuteLocalActivity(withLocal(ctx, long, again), refuse).Get(ctx, nil)
}

func LocalTimesOut(ctx workflow.Context) error {
	short := withLocal(ctx, 200*time.Millisecond, once)
	return workflow.ExecuteLocalActivity(short, hang).Get(ctx, nil)
}

// ---- timers -------------------------------------------------------------------------------------

func Sleeps(ctx workflow.Context, milliseconds int) (bool, error) {
	before := workflow.Now(ctx)
	duration := time.Duration(milliseconds) * time.Millisecond
	err := workflow.Sleep(ctx, duration)
	return workflow.Now(ctx).Sub(before) >= duration, err
}

func CancelsTimer(ctx workflow.Context) (string, error) {
	cancellable, cancel := workflow.WithCancel(ctx)
	sleeping := workflow.NewTimer(cancellable, time.Hour)
	if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
		return "", err
	}
	cancel()
	return unlessCancelled("slept", sleeping.Get(ctx, nil))
}

func SleepsInParallel(ctx workflow.Context, times []int) ([]int, error) {
	var fired []int
	selector := workflow.NewSelector(ctx)
	for _, milliseconds := range times {
		timer := workflow.NewTimer(ctx, time.Duration(milliseconds)*time.Millisecond)
		selector.AddFuture(timer, func(workflow.Future) { fired = append(fired, milliseconds) })
	}
	for range times {
		selector.Select(ctx)
	}
	return fired, nil
}

func WaitsForConditions(ctx workflow.Context) ([]bool, error) {
	told := false
	workflow.Go(ctx, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, "tell").Receive(ctx, nil)
		told = true
	})
	inTime, err := workflow.AwaitWithTimeout(ctx, 50*time.Millisecond, func() bool { return false })
	if err != nil {
		return nil, err
	}
	inTimeNow, err := workflow.AwaitWithTimeout(ctx, time.Hour, func() bool { return told })
	return []bool{inTime, inTimeNow}, err
}
