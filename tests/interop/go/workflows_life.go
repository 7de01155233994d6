package main

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Workflows about the life of a workflow, its payloads and its code.

var interopKeyword = temporal.NewSearchAttributeKeyKeyword("InteropKeyword")

func ContinuesWithAttributes(ctx workflow.Context, first bool) (map[string]string, error) {
	if first {
		return nil, workflow.NewContinueAsNewError(ctx, ContinuesWithAttributes, false)
	}
	var note string
	memo := workflow.GetInfo(ctx).Memo.GetFields()["note"]
	if err := converter.GetDefaultDataConverter().FromPayload(memo, &note); err != nil {
		return nil, err
	}
	keyword, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(interopKeyword)
	return map[string]string{"memo": note, "keyword": keyword}, nil
}

// CountsRuns is a run of a cron: one more than the run before.
func CountsRuns(ctx workflow.Context) (int, error) {
	count := 0
	if workflow.HasLastCompletionResult(ctx) {
		if err := workflow.GetLastCompletionResult(ctx, &count); err != nil {
			return 0, err
		}
	}
	count++
	return count, workflow.SetQueryHandler(ctx, "values", func() ([]int, error) { return []int{count}, nil })
}

func FailsItsTask(workflow.Context) error {
	panic("not a failure of the workflow")
}

func CleansUp(ctx workflow.Context) error {
	err := workflow.Sleep(ctx, time.Hour)
	if temporal.IsCanceledError(err) {
		cleaning, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		if failed := workflow.ExecuteActivity(withLong(cleaning), double, 1).Get(cleaning, nil); failed != nil {
			return failed
		}
	}
	return err
}

func IgnoresCancellation(ctx workflow.Context) (string, error) {
	if err := workflow.Sleep(ctx, time.Hour); err != nil && !temporal.IsCanceledError(err) {
		return "", err
	}
	return "finished anyway", nil
}

func FailsWithCauses(workflow.Context) error {
	inner := temporal.NewApplicationError("inner", "Inner")
	nested := map[string][]int{"two": {3}}
	return temporal.NewNonRetryableApplicationError("outer", "Outer", inner, 1, nested)
}

func Echoes(_ workflow.Context, value any) (any, error) { return value, nil }

func EchoesExecution(_ workflow.Context, value *execution) (*execution, error) { return value, nil }

func EchoesBytes(_ workflow.Context, value []byte) ([]byte, error) { return value, nil }

// HandsOnNothing gives its argument to an activity; as a result, nothing would be no payload at all.
func HandsOnNothing(ctx workflow.Context, value *execution) (told bool, err error) {
	err = workflow.ExecuteActivity(withLong(ctx), isNothing, value).Get(ctx, &told)
	return told && value == nil, err
}

type measured struct {
	Length int
	Text   string
}

func Measures(_ workflow.Context, text string) (measured, error) {
	return measured{len([]rune(text)), text}, nil
}

func Annotates(ctx workflow.Context, keyword string) error {
	if err := workflow.UpsertTypedSearchAttributes(ctx, interopKeyword.ValueSet(keyword)); err != nil {
		return err
	}
	if err := workflow.UpsertMemo(ctx, map[string]any{"note": keyword}); err != nil {
		return err
	}
	return workflow.Sleep(ctx, time.Millisecond)
}

func SleepsOnce(ctx workflow.Context) (string, error) {
	return "slept", workflow.Sleep(ctx, time.Millisecond)
}

// GreetsSinceThePatch is what SleepsOnce became: runs from before the patch still sleep.
func GreetsSinceThePatch(ctx workflow.Context) (told string, err error) {
	if workflow.GetVersion(ctx, "greets", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return "slept", workflow.Sleep(ctx, time.Millisecond)
	}
	err = workflow.ExecuteActivity(withLong(ctx), greet, "patched").Get(ctx, &told)
	return
}

// KeepsSideEffect draws a value once, and has the same one after each replay.
func KeepsSideEffect(ctx workflow.Context) (bool, error) {
	var drawn int64
	draw := func(workflow.Context) any { return time.Now().UnixNano() }
	if err := workflow.SideEffect(ctx, draw).Get(&drawn); err != nil {
		return false, err
	}
	if err := workflow.SetQueryHandler(ctx, "drawn", func() (int64, error) { return drawn, nil }); err != nil {
		return false, err
	}
	workflow.GetSignalChannel(ctx, "finish").Receive(ctx, nil)
	return drawn != 0, nil
}

var allWorkflows = []any{
	Greets, Retries, IsRefused, IsRefusedByPolicy, IsAskedToRetrySoon, StartToClose, ScheduleToStart,
	ScheduleToClose, HeartbeatMissed, Resumes, CancelsActivity, WaitsForOutside, DoesMuchAtOnce,
	UsesOtherQueue, UsesLocal, RetriesLocal, IsRefusedLocally, LocalTimesOut, Sleeps, CancelsTimer,
	SleepsInParallel, WaitsForConditions, Collects, Account, AddsOne, FailsAsChild, SleepsForHours,
	SucceedsAt, CountsToZero, TellsRelations, HasChild, HasFailingChild, CancelsChild, HasSlowChild,
	HasLongChild, StartsChildTwice, LeavesChild, SignalsChild, RetriesChild, HasManyChildren,
	HasContinuedChild, AsksChildForRelations, TellsPriority, AsksChildForPriority, SignalsExternal,
	CancelsExternal, ContinuesWithAttributes, CountsRuns, FailsItsTask, CleansUp, IgnoresCancellation,
	FailsWithCauses, Echoes, EchoesExecution, HandsOnNothing, EchoesBytes, Measures, Annotates, SleepsOnce,
	GreetsSinceThePatch, KeepsSideEffect, CrossActivity, CrossRefused, CrossPayloads, CrossChild,
	CrossCollect,
}
