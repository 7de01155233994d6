package interop;

import static interop.Stage.chain;

import io.temporal.activity.ActivityCancellationType;
import io.temporal.api.enums.v1.EventType;
import io.temporal.client.ActivityCompletionClient;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.common.converter.Values;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Scenarios of activities and timers. */
final class ActingScenarios {
  private ActingScenarios() {}

  /** The chain of a failed activity, with the reason why it was not tried again. */
  private static Map<String, Object> activityFailure(WorkflowStub run) {
    Throwable error = Stage.caught(() -> run.getResult(Object.class));
    ActivityFailure failed = (ActivityFailure) error.getCause();
    Map<String, Object> told = new HashMap<>();
    told.put("chain", chain(error));
    told.put("state", failed.getRetryState().name().replace("RETRY_STATE_", ""));
    if (failed.getCause() instanceof ApplicationFailure refused && refused.getDetails().getSize() > 0) {
      Values details = refused.getDetails();
      told.put("details", List.of(details.get(0, Integer.class), details.get(1, String.class)));
    }
    return told;
  }

  private static Object cancelActivity(Stage s, ActivityCancellationType how, boolean ignore) {
    WorkflowStub run = s.start("CancelsActivity", how, ignore);
    Stage.activityStarted(run);
    run.signal("started");
    return Map.of(
        "outcome", run.getResult(String.class),
        "requested", s.count(run, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED),
        "canceled", s.count(run, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED));
  }

  private static String last(List<String> links) {
    return links.get(links.size() - 1);
  }

  static void register(Map<String, Function<Stage, Object>> all) {
    all.put("activity/result", s -> s.start("Greets", "World").getResult(String.class));
    all.put("activity/retried", s -> {
      WorkflowStub run = s.start("Retries", 2, 0);
      int attempt = run.getResult(Integer.class);
      return List.of(attempt, s.count(run, EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED));
    });
    all.put("activity/retries-exhausted", s -> activityFailure(s.start("Retries", 9, 2)));
    all.put("activity/non-retryable", s -> activityFailure(s.start("IsRefused")));
    all.put("activity/non-retryable-by-policy", s -> activityFailure(s.start("IsRefusedByPolicy")));
    all.put("activity/next-retry-delay", s -> s.start("IsAskedToRetrySoon").getResult(Integer.class));
    all.put("activity/start-to-close", s -> s.failure(s.start("StartToClose")));
    all.put("activity/schedule-to-start", s -> s.failure(s.start("ScheduleToStart")));
    all.put("activity/schedule-to-close", s -> activityFailure(s.start("ScheduleToClose")));
    all.put("activity/heartbeat-missed", s -> s.failure(s.start("HeartbeatMissed")));
    all.put("activity/heartbeat-details", s -> s.start("Resumes").getResult(String.class));
    all.put("activity/cancel-waits",
        s -> cancelActivity(s, ActivityCancellationType.WAIT_CANCELLATION_COMPLETED, false));
    all.put("activity/cancel-ignored",
        s -> cancelActivity(s, ActivityCancellationType.WAIT_CANCELLATION_COMPLETED, true));
    all.put("activity/cancel-tries",
        s -> cancelActivity(s, ActivityCancellationType.TRY_CANCEL, false));
    all.put("activity/cancel-abandons",
        s -> cancelActivity(s, ActivityCancellationType.ABANDON, false));
    all.put("activity/completed-outside", s -> {
      WorkflowStub run = s.start("WaitsForOutside");
      String activity = Stage.activityStarted(run);
      ActivityCompletionClient outside = s.client.newActivityCompletionClient();
      outside.complete(Stage.idOf(run), Optional.empty(), activity, "from outside");
      return run.getResult(String.class);
    });
    all.put("activity/failed-outside", s -> {
      WorkflowStub run = s.start("WaitsForOutside");
      String activity = Stage.activityStarted(run);
      ActivityCompletionClient outside = s.client.newActivityCompletionClient();
      Exception refusal = ApplicationFailure.newNonRetryableFailure("no", "Refused");
      outside.completeExceptionally(Stage.idOf(run), Optional.empty(), activity, refusal);
      return s.failure(run);
    });
    all.put("activity/many", s -> s.start("DoesMuchAtOnce", 25).getResult(Integer.class));
    all.put("activity/other-queue", s -> {
      s.worker("java-other", 10);
      return s.start("UsesOtherQueue", "java-other").getResult(String.class);
    });
    registerWaiting(all);
  }

  private static void registerWaiting(Map<String, Function<Stage, Object>> all) {
    all.put("local/result", s -> {
      WorkflowStub run = s.start("UsesLocal");
      int sum = run.getResult(Integer.class);
      return List.of(sum, s.count(run, EventType.EVENT_TYPE_MARKER_RECORDED));
    });
    all.put("local/retried", s -> s.start("RetriesLocal").getResult(Integer.class));
    all.put("local/failed", s -> last(s.failure(s.start("IsRefusedLocally"))));
    all.put("local/timed-out", s -> last(s.failure(s.start("LocalTimesOut"))).split("\\(")[0]);
    all.put("timer/fires", s -> {
      WorkflowStub run = s.start("Sleeps", 700);
      boolean late = run.getResult(Boolean.class);
      return List.of(
          late,
          s.count(run, EventType.EVENT_TYPE_TIMER_STARTED),
          s.count(run, EventType.EVENT_TYPE_TIMER_FIRED));
    });
    all.put("timer/canceled", s -> {
      WorkflowStub run = s.start("CancelsTimer");
      String told = run.getResult(String.class);
      return List.of(told, s.count(run, EventType.EVENT_TYPE_TIMER_CANCELED));
    });
    all.put("timer/order", s -> {
      int[] times = {900, 100, 500};
      return s.start("SleepsInParallel", (Object) times).getResult(List.class);
    });
    all.put("timer/condition", s -> {
      WorkflowStub run = s.start("WaitsForConditions");
      run.signal("tell");
      return run.getResult(List.class);
    });
  }
}
