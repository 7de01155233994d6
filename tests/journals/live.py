#!/usr/bin/env python3
"""Lives what life.cpp lives, in real time, on the binary of a version from before there was one.

usage: live.py BINARY FOLDER   needs: pip install temporalio grpcio; then pack FOLDER/* with gzip -9n
"""
import pathlib
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

import grpc
from google.protobuf import duration_pb2
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import request_response_pb2 as ws

PREFIX = "/temporal.api.workflowservice.v1.WorkflowService/"


def seconds(n):
    return duration_pb2.Duration(seconds=n)


def payload(json):
    return Payload(metadata={"encoding": b"json/plain"}, data=json.encode())


def failure(text, retryable=True):
    out = Failure(message=text)
    out.application_failure_info.type = "mistake"
    out.application_failure_info.non_retryable = not retryable
    return out


class Server:
    def __init__(self, binary, file):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.process = subprocess.Popen(
            [binary, "server", "start-dev", "--port", str(port), "--headless", "--db-filename", file,
             "--search-attribute", "Tag=Keyword", "--log-level", "error"])
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        grpc.channel_ready_future(self.channel).result(timeout=20)

    def raw(self, method, request):
        if hasattr(request, "namespace"):
            request.namespace = "default"
        call = self.channel.unary_unary(PREFIX + method, type(request).SerializeToString, lambda x: x)
        return call(request, timeout=5 if not method.startswith("Poll") else 10)

    def call(self, method, **fields):
        answer = getattr(ws, method + "Response")()
        answer.ParseFromString(self.raw(method, getattr(ws, method + "Request")(**fields)))
        return answer

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Life:
    def __init__(self, server):
        self.s = server
        self.workflow_tasks, self.activity_tasks = [], []

    def start(self, name, **more):
        request = ws.StartWorkflowExecutionRequest(workflow_id=name, request_id="start-" + name,
                                                   identity="tester", **more)
        request.workflow_type.name = "type"
        request.task_queue.name = name
        self.s.raw("StartWorkflowExecution", request)

    def task(self, name):
        return self.s.call("PollWorkflowTaskQueue", task_queue={"name": name}, identity="worker")

    def activity(self, name):
        return self.s.call("PollActivityTaskQueue", task_queue={"name": name}, identity="worker")

    def complete(self, token, commands, **more):
        self.s.call("RespondWorkflowTaskCompleted", task_token=token, commands=commands,
                    identity="worker", **more)

    def start_with(self, name, commands, **more):
        self.start(name, **more)
        self.complete(self.task(name).task_token, commands)

    def signal(self, name, text):
        self.s.call("SignalWorkflowExecution", workflow_execution={"workflow_id": name},
                    signal_name=text, request_id=name + text)

    @staticmethod
    def command(kind, **attributes):
        field = kind.lower() + "_command_attributes"
        out = Command(command_type=CommandType.Value("COMMAND_TYPE_" + kind))
        getattr(out, field).SetInParent()
        getattr(out, field).MergeFrom(type(getattr(out, field))(**attributes))
        return out

    def schedule(self, name, **more):
        limits = {"start_to_close_timeout": seconds(300_000), **more}
        return self.command("SCHEDULE_ACTIVITY_TASK", activity_id="a",
                            activity_type={"name": "activity"}, task_queue={"name": name},
                            schedule_to_close_timeout=seconds(400_000),
                            heartbeat_timeout=seconds(200_000), **limits)

    def close(self):
        end = self.command("COMPLETE_WORKFLOW_EXECUTION")
        upsert = self.command("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
        upsert.upsert_workflow_search_attributes_command_attributes.search_attributes.indexed_fields[
            "Tag"].CopyFrom(payload('"green"'))
        memo = self.command("MODIFY_WORKFLOW_PROPERTIES")
        memo.modify_workflow_properties_command_attributes.upserted_memo.fields["note"].CopyFrom(
            payload('"changed"'))
        marker = self.command("RECORD_MARKER", marker_name="marker")
        self.start_with("completed", [marker, upsert, memo, end])
        self.start_with("failed", [self.command("FAIL_WORKFLOW_EXECUTION", failure=failure("planned"))])
        self.start("cancelled")
        self.s.call("RequestCancelWorkflowExecution", workflow_execution={"workflow_id": "cancelled"})
        self.complete(self.task("cancelled").task_token, [self.command("CANCEL_WORKFLOW_EXECUTION")])
        self.start("terminated")
        self.s.call("TerminateWorkflowExecution", workflow_execution={"workflow_id": "terminated"})
        self.start_with("continued", [self.command(
            "CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type={"name": "type"},
            task_queue={"name": "continued"})])
        self.start("timed-out", workflow_run_timeout=seconds(1))
        self.start_with("timers", [
            self.command("START_TIMER", timer_id=name, start_to_fire_timeout=seconds(n))
            for name, n in (("fires", 1), ("is-cancelled", 500))])
        self.complete(self.task("timers").task_token,
                      [self.command("CANCEL_TIMER", timer_id="is-cancelled"), end])

    def activities(self):
        for name in ("completes", "fails", "times-out", "cancelled", "waits", "started", "backs-off",
                     "paused", "cancel-requested"):
            more = {}
            if name == "times-out":
                more = {"start_to_close_timeout": seconds(1), "retry_policy": {"maximum_attempts": 1}}
            elif name == "backs-off":
                more = {"retry_policy": {"initial_interval": seconds(3600)}}
            self.start_with("activity-" + name, [self.schedule("activity-" + name, **more)])
        self.s.call("RespondActivityTaskCompleted",
                    task_token=self.activity("activity-completes").task_token)
        self.s.call("RespondActivityTaskFailed", failure=failure("for good", False),
                    task_token=self.activity("activity-fails").task_token)
        self.s.call("RespondActivityTaskFailed", failure=failure("try again"),
                    task_token=self.activity("activity-backs-off").task_token)
        self.activity("activity-times-out")
        token = self.activity("activity-started").task_token
        self.s.call("RecordActivityTaskHeartbeat", task_token=token,
                    details={"payloads": [payload('"half"')]})
        self.activity_tasks.append(token)
        self.s.call("PauseActivity", execution={"workflow_id": "activity-paused"}, id="a",
                    reason="a look at it")
        for name in ("activity-cancelled", "activity-cancel-requested"):
            token = self.activity(name).task_token
            self.signal(name, "stop")
            self.complete(self.task(name).task_token,
                          [self.command("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=5)])
            if name == "activity-cancelled":
                self.s.call("RespondActivityTaskCanceled", task_token=token)

    def tasks(self):
        self.start("task-times-out")
        self.task("task-times-out")
        self.start("task-fails")
        self.s.call("RespondWorkflowTaskFailed", task_token=self.task("task-fails").task_token,
                    failure=failure("a worker's mistake"))
        self.start("long")
        for i in range(600):
            self.signal("long", f"signal-{i}")
        self.start("signal-waits")
        self.complete(self.task("signal-waits").task_token, [])
        self.start("delayed", workflow_start_delay=seconds(300_000))
        self.start("cron", cron_schedule="0 0 * * *")
        self.start_with("retried", [self.command("FAIL_WORKFLOW_EXECUTION", failure=failure("planned"))],
                        retry_policy={"initial_interval": seconds(3600)})
        self.start("full", memo={"fields": {"note": payload('"first"')}},
                   priority={"priority_key": 2, "fairness_key": "tenant"},
                   user_metadata={"summary": payload('"a summary"')})
        self.start("task-waits")
        self.start("task-sticky")
        self.complete(self.task("task-sticky").task_token, [], sticky_attributes={
            "worker_task_queue": {"name": "own", "normal_name": "task-sticky", "kind": 2},
            "schedule_to_start_timeout": seconds(100_000)})
        time.sleep(12)  # for what times out, above
        self.start("task-started", workflow_task_timeout=seconds(120))
        token = self.task("task-started").task_token
        self.signal("task-started", "buffered")
        self.signal("task-started", "buffered-too")
        self.workflow_tasks.append(token)
        time.sleep(1.5)  # what left early is written within a second


def run_lines(server, info):
    run = {"workflow_id": info.execution.workflow_id, "run_id": info.execution.run_id}
    yield f"run {run['workflow_id']} {run['run_id']}"
    history, token = b"", b""
    while True:
        page = server.call("GetWorkflowExecutionHistory", execution=run, next_page_token=token)
        history += page.history.SerializeToString()
        token = page.next_page_token
        if not token:
            break
    yield "history x" + history.hex()
    describe = ws.DescribeWorkflowExecutionRequest(execution=run)
    yield "describe x" + server.raw("DescribeWorkflowExecution", describe).hex()


def journal_lines(db, run_id):
    key, = db.execute("SELECT run_key FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    snapshot = db.execute("SELECT seq, state FROM snapshots WHERE run_key = ?", (key,)).fetchone()
    if snapshot:
        yield "snapshot x" + snapshot[1].hex()
    for first, count, events, facts in db.execute(
            "SELECT first_event_id, event_count, events, facts FROM journal"
            " WHERE run_key = ? AND seq > ? ORDER BY seq", (key, snapshot[0] if snapshot else 0)):
        yield f"row {first} {count} x{events.hex()} x{facts.hex()}"


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        file = f"{work}/store.db"
        server = Server(binary, file)
        try:
            life = Life(server)
            life.close()
            life.activities()
            life.tasks()
            listed = server.call("ListWorkflowExecutions").executions
            runs = {info.execution.run_id: list(run_lines(server, info))
                    for info in sorted(listed, key=lambda x: (x.execution.workflow_id,
                                                              x.execution.run_id))}
            ends = time.time_ns()
        finally:
            server.stop()
        db = sqlite3.connect(file)
        lines = [f"ends {ends}"]
        lines += ["workflow-task x" + token.hex() for token in life.workflow_tasks]
        lines += ["activity-task x" + token.hex() for token in life.activity_tasks]
        for run_id, said in runs.items():
            lines += said + list(journal_lines(db, run_id))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        (folder / "record.txt").write_text("\n".join(lines) + "\n")
        (folder / "store.db").write_bytes(pathlib.Path(file).read_bytes())


if __name__ == "__main__":
    main()
