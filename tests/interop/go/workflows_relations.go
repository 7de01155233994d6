package main

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Workflows that start others, or reach them.

func childID(ctx workflow.Context) string {
	return workflow.GetInfo(ctx).WorkflowExecution.ID + "/child"
}

func withChild(ctx workflow.Context) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: childID(ctx)})
}

func AddsOne(_ workflow.Context, value int) (int, error) { return value + 1, nil }

func FailsAsChild(workflow.Context) error {
	return temporal.NewNonRetryableApplicationError("no", "Refused", nil)
}

func SleepsForHours(ctx workflow.Context) error { return workflow.Sleep(ctx, 8*time.Hour) }

func SucceedsAt(ctx workflow.Context, attempt int) (int, error) {
	now := int(workflow.GetInfo(ctx).Attempt)
	if now < attempt {
		return 0, temporal.NewApplicationError(fmt.Sprintf("attempt %d", now), "Flaky")
	}
	return now, nil
}

func CountsToZero(ctx workflow.Context, left, runs int) (int, error) {
	if left > 0 {
		return 0, workflow.NewContinueAsNewError(ctx, CountsToZero, left-1, runs+1)
	}
	return runs, nil
}

func TellsRelations(ctx workflow.Context) ([]string, error) {
	info := workflow.GetInfo(ctx)
	relations := []string{"", ""}
	if parent := info.ParentWorkflowExecution; parent != nil {
		relations[0] = parent.ID
	}
	if root := info.RootWorkflowExecution; root != nil {
		relations[1] = root.ID
	}
	return relations, nil
}

func HasChild(ctx workflow.Context) (result int, err error) {
	err = workflow.ExecuteChildWorkflow(withChild(ctx), AddsOne, 41).Get(ctx, &result)
	return
}

func HasFailingChild(ctx workflow.Context) error {
	return workflow.ExecuteChildWorkflow(withChild(ctx), FailsAsChild).Get(ctx, nil)
}

func CancelsChild(ctx workflow.Context) (string, error) {
	cancellable, cancel := workflow.WithCancel(ctx)
	options := workflow.ChildWorkflowOptions{WorkflowID: childID(ctx), WaitForCancellation: true}
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(cancellable, options), SleepsForHours)
	if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return "", err
	}
	cancel()
	return unlessCancelled("slept", child.Get(ctx, nil))
}

func HasSlowChild(ctx workflow.Context) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:         childID(ctx),
		WorkflowRunTimeout: time.Second,
	})
	return workflow.ExecuteChildWorkflow(ctx, SleepsForHours).Get(ctx, nil)
}

// HasLongChild waits for a child that somebody else ends.
func HasLongChild(ctx workflow.Context) error {
	return workflow.ExecuteChildWorkflow(withChild(ctx), SleepsForHours).Get(ctx, nil)
}

func StartsChildTwice(ctx workflow.Context) (string, error) {
	ctx = withChild(ctx)
	first := workflow.ExecuteChildWorkflow(ctx, SleepsForHours)
	if err := first.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return "", err
	}
	second := workflow.ExecuteChildWorkflow(ctx, SleepsForHours)
	err := second.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return "already started", nil
	}
	return "started", err
}

func LeavesChild(ctx workflow.Context, policy enumspb.ParentClosePolicy) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        childID(ctx),
		ParentClosePolicy: policy,
	})
	child := workflow.ExecuteChildWorkflow(ctx, SleepsForHours)
	return child.GetChildWorkflowExecution().Get(ctx, nil)
}

func SignalsChild(ctx workflow.Context) (collected []int, err error) {
	child := workflow.ExecuteChildWorkflow(withChild(ctx), Collects)
	for _, value := range []int{1, 2} {
		if err = child.SignalChildWorkflow(ctx, "add", value).Get(ctx, nil); err != nil {
			return
		}
	}
	if err = child.SignalChildWorkflow(ctx, "finish", nil).Get(ctx, nil); err != nil {
		return
	}
	err = child.Get(ctx, &collected)
	return
}

func RetriesChild(ctx workflow.Context) (attempt int, err error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:  childID(ctx),
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 20 * time.Millisecond, MaximumAttempts: 3},
	})
	err = workflow.ExecuteChildWorkflow(ctx, SucceedsAt, 2).Get(ctx, &attempt)
	return
}

func HasManyChildren(ctx workflow.Context, count int) (sum int, err error) {
	var children []workflow.ChildWorkflowFuture
	for value := range count {
		options := workflow.ChildWorkflowOptions{WorkflowID: fmt.Sprintf("%s-%d", childID(ctx), value)}
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), AddsOne, value)
		children = append(children, child)
	}
	for _, child := range children {
		var value int
		if err = child.Get(ctx, &value); err != nil {
			return
		}
		sum += value
	}
	return
}

func HasContinuedChild(ctx workflow.Context) (runs int, err error) {
	err = workflow.ExecuteChildWorkflow(withChild(ctx), CountsToZero, 2, 1).Get(ctx, &runs)
	return
}

func AsksChildForRelations(ctx workflow.Context) ([]bool, error) {
	var relations []string
	err := workflow.ExecuteChildWorkflow(withChild(ctx), TellsRelations).Get(ctx, &relations)
	var told []bool
	for _, relative := range relations {
		told = append(told, relative == workflow.GetInfo(ctx).WorkflowExecution.ID)
	}
	return told, err
}

func TellsPriority(ctx workflow.Context) (int, error) {
	return workflow.GetInfo(ctx).Priority.PriorityKey, nil
}

func AsksChildForPriority(ctx workflow.Context) ([]int, error) {
	var told int
	err := workflow.ExecuteChildWorkflow(withChild(ctx), TellsPriority).Get(ctx, &told)
	return []int{workflow.GetInfo(ctx).Priority.PriorityKey, told}, err
}

func SignalsExternal(ctx workflow.Context, workflowID string) (string, error) {
	if err := workflow.SignalExternalWorkflow(ctx, workflowID, "", "add", 7).Get(ctx, nil); err != nil {
		return "", err
	}
	return "sent", workflow.SignalExternalWorkflow(ctx, workflowID, "", "finish", nil).Get(ctx, nil)
}

func CancelsExternal(ctx workflow.Context, workflowID string) (string, error) {
	return "sent", workflow.RequestCancelExternalWorkflow(ctx, workflowID, "").Get(ctx, nil)
}
