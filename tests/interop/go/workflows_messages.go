package main

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Workflows that are sent signals, queries and updates.

// Collects what signals bring until it is told to finish.
func Collects(ctx workflow.Context) ([]int, error) {
	collected := []int{}
	done := false
	err := errors.Join(
		workflow.SetQueryHandler(ctx, "values", func() ([]int, error) { return collected, nil }),
		workflow.SetQueryHandler(ctx, "broken", func() (int, error) { return 0, errors.New("cannot say") }),
	)
	if err != nil {
		return nil, err
	}
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, "add"), func(signals workflow.ReceiveChannel, _ bool) {
		var value int
		signals.Receive(ctx, &value)
		collected = append(collected, value)
	})
	selector.AddReceive(workflow.GetSignalChannel(ctx, "finish"), func(signals workflow.ReceiveChannel, _ bool) {
		signals.Receive(ctx, nil)
		done = true
	})
	for !done {
		selector.Select(ctx)
	}
	return collected, nil
}

func refuseTooLittle(amount int) error {
	if amount <= 0 {
		return temporal.NewApplicationError("too little", "Refused")
	}
	return nil
}

// Account is a balance: raised by updates, which refuse what makes no sense and may take a while.
func Account(ctx workflow.Context, waitForHandlers bool) (int, error) {
	sum := 0
	done := false
	proceeds := false
	add := func(amount int) (int, error) {
		if amount == 13 {
			return 0, temporal.NewApplicationError("unlucky", "Unlucky")
		}
		sum += amount
		return sum, nil
	}
	raise := func(_ workflow.Context, amount int) (int, error) { return add(amount) }
	validator := workflow.UpdateHandlerOptions{
		Validator: func(_ workflow.Context, amount int) error { return refuseTooLittle(amount) },
	}
	raiseLater := func(ctx workflow.Context, amount int) (int, error) {
		if err := workflow.Await(ctx, func() bool { return proceeds }); err != nil {
			return 0, err
		}
		return add(amount)
	}
	raiseDoubled := func(ctx workflow.Context, amount int) (int, error) {
		var doubled int
		if err := workflow.ExecuteActivity(withLong(ctx), double, amount).Get(ctx, &doubled); err != nil {
			return 0, err
		}
		return add(doubled)
	}
	abandoned := workflow.UpdateHandlerOptions{UnfinishedPolicy: workflow.HandlerUnfinishedPolicyAbandon}
	err := errors.Join(
		workflow.SetUpdateHandlerWithOptions(ctx, "raise", raise, validator),
		workflow.SetUpdateHandlerWithOptions(ctx, "raiseLater", raiseLater, abandoned),
		workflow.SetUpdateHandler(ctx, "raiseDoubled", raiseDoubled),
		workflow.SetQueryHandler(ctx, "balance", func() (int, error) { return sum, nil }),
	)
	if err != nil {
		return 0, err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, "proceed").Receive(ctx, nil)
		proceeds = true
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, "finish").Receive(ctx, nil)
		done = true
	})
	err = workflow.Await(ctx, func() bool {
		return done && (!waitForHandlers || workflow.AllHandlersFinished(ctx))
	})
	return sum, err
}
