package interop;

import static interop.Stage.chain;

import com.google.protobuf.util.Timestamps;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.ResetReapplyExcludeType;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.workflowservice.v1.ResetWorkflowExecutionRequest;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.Priority;
import io.temporal.common.RetryOptions;
import io.temporal.common.SearchAttributes;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/** Scenarios of the life of a workflow: how it ends, starts again, and whose id it has. */
final class LifeScenarios {
  private LifeScenarios() {}

  private static WorkflowStub firstRun(Stage s, WorkflowStub run) {
    return s.at(Stage.idOf(run), Stage.runOf(run));
  }

  private static Consumer<WorkflowOptions.Builder> retries(int maximumAttempts) {
    RetryOptions retry = ActingWorkflows.again().setMaximumAttempts(maximumAttempts).build();
    return options -> options.setRetryOptions(retry);
  }

  private static Object timesOut(Stage s, Consumer<WorkflowOptions.Builder> change) {
    WorkflowStub run = s.startWith(change, "SleepsForHours");
    return List.of(s.failure(run), Stage.status(run));
  }

  private static WorkflowStub startSleeping(Stage s, String type) {
    WorkflowStub run = s.start(type);
    Stage.eventually(() -> s.count(run, EventType.EVENT_TYPE_TIMER_STARTED) == 1);
    return run;
  }

  /** Starts a workflow under the id of one that runs. */
  private static Object meet(Stage s, WorkflowIdConflictPolicy policy) {
    WorkflowStub first = s.start("Collects");
    Stage.eventually(() -> s.count(first, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) == 1);
    String told;
    try {
      WorkflowStub second =
          s.startWith(
              options ->
                  options.setWorkflowId(Stage.idOf(first)).setWorkflowIdConflictPolicy(policy),
              "Collects");
      told = Stage.runOf(second).equals(Stage.runOf(first)) ? "same run" : "new run";
    } catch (WorkflowExecutionAlreadyStarted taken) {
      told = "already started";
    }
    String status = Stage.status(firstRun(s, first));
    s.at(Stage.idOf(first)).terminate("enough");
    return List.of(told, status);
  }

  /** Starts a workflow under the id of one that has ended. */
  private static Object reuse(Stage s, int succeedsAt, WorkflowIdReusePolicy policy) {
    WorkflowStub first = s.start("SucceedsAt", succeedsAt);
    Stage.refusal(() -> first.getResult(Integer.class));
    return Stage.refusal(
        () ->
            s.startWith(
                    options ->
                        options.setWorkflowId(Stage.idOf(first)).setWorkflowIdReusePolicy(policy),
                    "SucceedsAt",
                    1)
                .getResult(Integer.class));
  }

  /** Lets a workflow begin again after its first task, and tells what it collected. */
  private static Object reset(Stage s, ResetReapplyExcludeType... excluded) {
    WorkflowStub run = s.start("Collects");
    EventType completed = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED;
    Stage.eventually(() -> s.count(run, completed) == 1);
    run.signal("add", 1);
    run.signal("add", 2);
    Stage.eventually(() -> run.query("values", List.class).size() == 2);
    HistoryEvent point =
        s.events(run).stream().filter(e -> e.getEventType() == completed).findFirst().orElseThrow();
    ResetWorkflowExecutionRequest request =
        ResetWorkflowExecutionRequest.newBuilder()
            .setNamespace("default")
            .setWorkflowExecution(run.getExecution())
            .setWorkflowTaskFinishEventId(point.getEventId())
            .setRequestId(s.nextId())
            .setReason("once more")
            .addAllResetReapplyExcludeTypes(List.of(excluded))
            .build();
    String runId =
        s.client.getWorkflowServiceStubs().blockingStub().resetWorkflowExecution(request).getRunId();
    WorkflowStub again = s.at(Stage.idOf(run), runId);
    again.signal("add", 3);
    again.signal("finish");
    return List.of(again.getResult(List.class), Stage.status(firstRun(s, run)));
  }

  static void register(Map<String, Function<Stage, Object>> all) {
    registerChains(all);
    registerEnds(all);
    registerStarts(all);
    registerIds(all);
    all.put("reset/signals-again", s -> reset(s));
    all.put("reset/signals-excluded",
        s -> reset(s, ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL));
  }

  private static void registerChains(Map<String, Function<Stage, Object>> all) {
    all.put("workflow/continued", s -> {
      WorkflowStub run = s.start("CountsToZero", 3, 1);
      String first = Stage.runOf(run);
      int runs = run.getResult(Integer.class);
      String last = s.at(Stage.idOf(run)).describe().getExecution().getRunId();
      return List.of(runs, Stage.status(s.at(Stage.idOf(run), first)), !last.equals(first));
    });
    all.put("workflow/continued-carries", s -> {
      SearchAttributes kept =
          SearchAttributes.newBuilder().set(LifeWorkflows.KEYWORD, "kept").build();
      return s.startWith(
              options -> options.setMemo(Map.of("note", "kept")).setTypedSearchAttributes(kept),
              "ContinuesWithAttributes",
              true)
          .getResult(Map.class);
    });
    all.put("workflow/cron", s -> {
      WorkflowStub run = s.startWith(options -> options.setCronSchedule("@every 1s"), "CountsRuns");
      WorkflowStub latest = s.at(Stage.idOf(run));
      Stage.eventually(() -> (int) latest.query("values", List.class).get(0) >= 2);
      s.at(Stage.idOf(run)).terminate("enough");
      return Stage.status(firstRun(s, run));
    });
    all.put("workflow/retried", s -> {
      WorkflowStub run = s.startWith(retries(3), "SucceedsAt", 2);
      WorkflowStub first = firstRun(s, run);
      return List.of(run.getResult(Integer.class), Stage.status(first));
    });
    all.put("workflow/retries-exhausted",
        s -> s.failure(s.startWith(retries(2), "SucceedsAt", 9)));
  }

  private static void registerEnds(Map<String, Function<Stage, Object>> all) {
    Duration second = Duration.ofSeconds(1);
    all.put("workflow/execution-timeout",
        s -> timesOut(s, options -> options.setWorkflowExecutionTimeout(second)));
    all.put("workflow/run-timeout",
        s -> timesOut(s, options -> options.setWorkflowRunTimeout(second)));
    all.put("workflow/task-fails", s -> {
      WorkflowStub run = s.start("FailsItsTask");
      Stage.eventually(
          () -> run.describe().getRawDescription().getPendingWorkflowTask().getAttempt() >= 2);
      String status = Stage.status(run);
      run.terminate("enough");
      return List.of(status, s.count(run, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED));
    });
    all.put("workflow/cancel-cleans-up", s -> {
      WorkflowStub run = startSleeping(s, "CleansUp");
      run.cancel();
      List<String> told = s.failure(run);
      int cleaned = s.count(run, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED);
      return List.of(told, Stage.status(run), cleaned);
    });
    all.put("workflow/terminated", s -> {
      WorkflowStub run = startSleeping(s, "SleepsForHours");
      run.terminate("enough");
      List<String> told = s.failure(run);
      List<HistoryEvent> events = s.events(run);
      String reason =
          events.get(events.size() - 1).getWorkflowExecutionTerminatedEventAttributes().getReason();
      return List.of(told, Stage.status(run), reason);
    });
    all.put("workflow/terminated-twice", s -> {
      WorkflowStub run = startSleeping(s, "SleepsForHours");
      run.terminate("enough");
      return Stage.refusal(() -> run.terminate("enough"));
    });
    all.put("workflow/failed-with-causes", s -> {
      WorkflowStub run = s.start("FailsWithCauses");
      Throwable error = Stage.caught(() -> run.getResult(Void.class));
      var details = ((ApplicationFailure) error.getCause()).getDetails();
      List<Object> told = List.of(details.get(0, Integer.class), details.get(1, Map.class));
      return List.of(chain(error), told, Stage.status(run));
    });
  }

  private static void registerStarts(Map<String, Function<Stage, Object>> all) {
    all.put("workflow/start-delayed", s -> {
      WorkflowStub run =
          s.startWith(options -> options.setStartDelay(Duration.ofSeconds(1)), "Greets", "World");
      String told = run.getResult(String.class);
      List<HistoryEvent> events = s.events(run);
      long waited =
          Timestamps.toNanos(events.get(1).getEventTime())
              - Timestamps.toNanos(events.get(0).getEventTime());
      return List.of(told, waited >= 1_000_000_000L);
    });
    all.put("workflow/eager-start", s -> {
      WorkflowStub run =
          s.startWith(options -> options.setDisableEagerExecution(false), "Greets", "World");
      String told = run.getResult(String.class);
      var started = s.events(run).get(0).getWorkflowExecutionStartedEventAttributes();
      return List.of(told, started.getEagerExecutionAccepted());
    });
    all.put("workflow/priority", s -> {
      Priority second = Priority.newBuilder().setPriorityKey(2).build();
      return s.startWith(options -> options.setPriority(second), "AsksChildForPriority")
          .getResult(List.class);
    });
    all.put("workflow/summary", s -> {
      WorkflowStub run =
          s.startWith(
              options -> options.setStaticSummary("in short").setStaticDetails("at length"),
              "Greets",
              "World");
      run.getResult(String.class);
      return List.of(run.describe().getStaticSummary(), run.describe().getStaticDetails());
    });
  }

  private static void registerIds(Map<String, Function<Stage, Object>> all) {
    all.put("id/conflict-fail",
        s -> meet(s, WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL));
    all.put("id/conflict-use-existing",
        s -> meet(s, WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING));
    all.put("id/conflict-terminate",
        s -> meet(s, WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING));
    WorkflowIdReusePolicy onlyFailed =
        WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY;
    all.put("id/reuse-allowed",
        s -> reuse(s, 1, WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE));
    all.put("id/reuse-rejected",
        s -> reuse(s, 9, WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE));
    all.put("id/reuse-after-success", s -> reuse(s, 1, onlyFailed));
    all.put("id/reuse-after-failure", s -> reuse(s, 9, onlyFailed));
  }
}
