"""Workflows that are sent signals, queries and updates."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import activities


@workflow.defn
class Collects:
    """Collects what signals bring until it is told to finish."""

    def __init__(self) -> None:
        self.collected: list[int] = []
        self.done = False

    @workflow.run
    async def run(self) -> list[int]:
        await workflow.wait_condition(lambda: self.done)
        return self.collected

    @workflow.signal
    def add(self, value: int) -> None:
        self.collected.append(value)

    @workflow.signal
    def finish(self) -> None:
        self.done = True

    @workflow.query
    def values(self) -> list[int]:
        return self.collected

    @workflow.query
    def broken(self) -> None:
        raise ValueError("cannot say")


@workflow.defn
class Account:
    """A balance: raised by updates, which refuse what makes no sense and may take a while."""

    def __init__(self) -> None:
        self.sum = 0
        self.done = False
        self.proceeds = False

    @workflow.run
    async def run(self, wait_for_handlers: bool) -> int:
        await workflow.wait_condition(
            lambda: self.done and (not wait_for_handlers or workflow.all_handlers_finished())
        )
        return self.sum

    def add(self, amount: int) -> int:
        if amount == 13:
            raise ApplicationError("unlucky", type="Unlucky")
        self.sum += amount
        return self.sum

    @workflow.update(name="raise")
    def increase(self, amount: int) -> int:
        return self.add(amount)

    @increase.validator
    def check(self, amount: int) -> None:
        if amount <= 0:
            raise ApplicationError("too little", type="Refused")

    @workflow.update(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def raise_later(self, amount: int) -> int:
        await workflow.wait_condition(lambda: self.proceeds)
        return self.add(amount)

    @workflow.update
    async def raise_doubled(self, amount: int) -> int:
        doubled = await workflow.execute_activity(
            activities.double, amount, start_to_close_timeout=timedelta(seconds=30)
        )
        return self.add(doubled)

    @workflow.signal
    def proceed(self) -> None:
        self.proceeds = True

    @workflow.signal
    def finish(self) -> None:
        self.done = True

    @workflow.query
    def balance(self) -> int:
        return self.sum


ALL = [Collects, Account]
