package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

// Activities of the scenarios; most of them misbehave in one way.

func greet(_ context.Context, name string) (string, error) {
	return fmt.Sprintf("Hello, %s!", name), nil
}

func double(_ context.Context, value int) (int, error) {
	return value * 2, nil
}

func queueName(ctx context.Context) (string, error) {
	parts := strings.Split(activity.GetInfo(ctx).TaskQueue, "-")
	return parts[len(parts)-1], nil
}

// flaky fails the first attempts, and tells which one succeeded.
func flaky(ctx context.Context, failures int) (int, error) {
	attempt := int(activity.GetInfo(ctx).Attempt)
	if attempt <= failures {
		return 0, temporal.NewApplicationError(fmt.Sprintf("attempt %d", attempt), "Flaky")
	}
	return attempt, nil
}

func refuse(context.Context) error {
	return temporal.NewNonRetryableApplicationError("no", "Refused", nil, 1, "two")
}

// soonAgain asks to be tried again soon, whatever the policy says.
func soonAgain(ctx context.Context) (int, error) {
	attempt := int(activity.GetInfo(ctx).Attempt)
	if attempt == 1 {
		soon := temporal.ApplicationErrorOptions{NextRetryDelay: 10 * time.Millisecond}
		return 0, temporal.NewApplicationErrorWithOptions("soon", "Soon", soon)
	}
	return attempt, nil
}

// hang does nothing until it is cancelled or its worker ends.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// resume reports 7 in its first attempt and hangs; a later one tells what it was left.
func resume(ctx context.Context) (string, error) {
	if activity.HasHeartbeatDetails(ctx) {
		var left int
		if err := activity.GetHeartbeatDetails(ctx, &left); err != nil {
			return "", err
		}
		return fmt.Sprintf("from %d", left), nil
	}
	activity.RecordHeartbeat(ctx, 7)
	<-ctx.Done()
	return "", ctx.Err()
}

// untilCancelled reports until its heartbeat tells it to stop.
func untilCancelled(ctx context.Context, ignore bool) (string, error) {
	for {
		select {
		case <-ctx.Done():
			if ignore {
				return "finished anyway", nil
			}
			return "", temporal.NewCanceledError()
		case <-time.After(50 * time.Millisecond):
			activity.RecordHeartbeat(ctx)
		}
	}
}

func isNothing(_ context.Context, value *execution) (bool, error) { return value == nil, nil }

func completedOutside(context.Context) (string, error) {
	return "", activity.ErrResultPending
}

var errSomething = errors.New("something")

var allActivities = []any{
	greet, double, queueName, flaky, refuse, soonAgain, hang, resume, untilCancelled, completedOutside,
	isNothing,
}
