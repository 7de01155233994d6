package main

import (
	"context"
	"errors"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// The cross-language part: what this language offers to the others, and how it calls theirs.

type execution = commonpb.WorkflowExecution

func withPeer(ctx workflow.Context, queue string) workflow.Context {
	options := workflow.ActivityOptions{TaskQueue: queue, StartToCloseTimeout: long}
	return workflow.WithActivityOptions(ctx, options)
}

// CrossActivity calls another language's activity.
func CrossActivity(ctx workflow.Context, queue string, value any) (told any, err error) {
	err = workflow.ExecuteActivity(withPeer(ctx, queue), "CrossEcho", value).Get(ctx, &told)
	return
}

// CrossRefused calls an activity that refuses, in another language.
func CrossRefused(ctx workflow.Context, queue string) error {
	return workflow.ExecuteActivity(withPeer(ctx, queue), "CrossRefuse").Get(ctx, nil)
}

// CrossPayloads sends bytes, a message of protobuf and nothing at all to another language and back.
func CrossPayloads(ctx workflow.Context, queue string) (map[string]any, error) {
	ctx = withPeer(ctx, queue)
	var bytes []byte
	var message execution
	var nothing any
	err := errors.Join(
		workflow.ExecuteActivity(ctx, "CrossBytes", []byte{0, 1, 255}).Get(ctx, &bytes),
		workflow.ExecuteActivity(ctx, "CrossMessage", &execution{WorkflowId: "w", RunId: "r"}).Get(ctx, &message),
		workflow.ExecuteActivity(ctx, "CrossNothing", nil).Get(ctx, &nothing),
	)
	var numbers []int
	for _, byte := range bytes {
		numbers = append(numbers, int(byte))
	}
	return map[string]any{
		"bytes":   numbers,
		"message": []string{message.GetWorkflowId(), message.GetRunId()},
		"nothing": nothing == nil,
	}, err
}

// CrossChild starts a child in another language, signals it and waits for what it collected.
func CrossChild(ctx workflow.Context, queue string, value any) (told any, err error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		TaskQueue:  queue,
		WorkflowID: childID(ctx),
	})
	child := workflow.ExecuteChildWorkflow(ctx, "CrossCollect", value)
	for _, more := range []int{40, 2} {
		if err = child.SignalChildWorkflow(ctx, "add", more).Get(ctx, nil); err != nil {
			return
		}
	}
	if err = child.SignalChildWorkflow(ctx, "finish", nil).Get(ctx, nil); err != nil {
		return
	}
	err = child.Get(ctx, &told)
	return
}

// CrossCollect collects, and is a child, an updated and a queried one.
func CrossCollect(ctx workflow.Context, value any) ([]any, error) {
	sum := 0
	done := false
	raise := func(_ workflow.Context, more int) (int, error) {
		sum += more
		return sum, nil
	}
	validator := workflow.UpdateHandlerOptions{
		Validator: func(_ workflow.Context, more int) error { return refuseTooLittle(more) },
	}
	err := errors.Join(
		workflow.SetUpdateHandlerWithOptions(ctx, "raise", raise, validator),
		workflow.SetQueryHandler(ctx, "sum", func() (int, error) { return sum, nil }),
	)
	if err != nil {
		return nil, err
	}
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, "add"), func(signals workflow.ReceiveChannel, _ bool) {
		var more int
		signals.Receive(ctx, &more)
		sum += more
	})
	selector.AddReceive(workflow.GetSignalChannel(ctx, "finish"), func(signals workflow.ReceiveChannel, _ bool) {
		signals.Receive(ctx, nil)
		done = true
	})
	for !done {
		selector.Select(ctx)
	}
	return []any{value, sum, language}, nil
}

// ---- what workflows of the other languages call -------------------------------------------------

func crossEcho(_ context.Context, value any) ([]any, error) { return []any{value, language}, nil }

func crossRefuse(context.Context) error {
	return temporal.NewNonRetryableApplicationError("no", "Refused", nil)
}

func crossBytes(_ context.Context, bytes []byte) ([]byte, error) {
	slices.Reverse(bytes)
	return bytes, nil
}

func crossMessage(_ context.Context, message *execution) (*execution, error) {
	return &execution{WorkflowId: message.GetWorkflowId(), RunId: language}, nil
}

func crossNothing(_ context.Context, given any) error {
	if given != nil {
		return errSomething
	}
	return nil
}

func registerCross(w worker.Worker) {
	for name, function := range map[string]any{
		"CrossEcho": crossEcho, "CrossRefuse": crossRefuse, "CrossBytes": crossBytes,
		"CrossMessage": crossMessage, "CrossNothing": crossNothing,
	} {
		w.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
}

func crossQueue(peer string) string { return "cross-" + peer }

// ---- what is tried with each of them ------------------------------------------------------------

type meeting struct {
	name string
	meet func(s *Stage, queue string) any
}

func own(options *client.StartWorkflowOptions) { options.TaskQueue = crossQueue(language) }

var meetings = []meeting{
	{"cross/activity", func(s *Stage, queue string) any {
		value := map[string]any{"text": "ÄÖ \u2603", "list": []any{1, 2.5, nil}}
		return result[any](s, s.startWith(own, CrossActivity, queue, value))
	}},
	{"cross/failure", func(s *Stage, queue string) any {
		return s.failure(s.startWith(own, CrossRefused, queue))
	}},
	{"cross/payloads", func(s *Stage, queue string) any {
		return result[any](s, s.startWith(own, CrossPayloads, queue))
	}},
	{"cross/child", func(s *Stage, queue string) any {
		return result[any](s, s.startWith(own, CrossChild, queue, "given"))
	}},
	{"cross/messages", sendMessages},
}

func sendMessages(s *Stage, queue string) any {
	run := s.startWith(func(options *client.StartWorkflowOptions) { options.TaskQueue = queue }, "CrossCollect", "client")
	raised := must(update[int](s, run, "raise", 40))
	_, rejected := update[int](s, run, "raise", -1)
	s.signal(run, "add", 2)
	sum := query[int](s, run, "sum")
	s.signal(run, "finish", nil)
	return []any{raised, chain(rejected), sum, result[any](s, run)}
}
