package interop;

import io.temporal.api.history.v1.History;
import io.temporal.client.WorkflowClient;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.serviceclient.Version;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testing.ReplayResults;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.WorkerFactory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/**
 * The Java suite of the interop tests: runs the scenarios against a server, and prints a line of
 * JSON for each.
 *
 * <p>{@code scenarios ADDRESS [PART]}: every scenario whose name has PART in it, then the replays.
 * {@code cross ADDRESS PEER...}: offers a worker until standard input ends; meets the peers when a
 * line comes in.
 */
public final class Main {
  private static final int AT_ONCE = 10;
  private static final long LIMIT_SECONDS = 60;
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private Main() {}

  private static synchronized void show(Map<String, Object> line) {
    OUT.println(
        DefaultDataConverter.STANDARD_INSTANCE.toPayload(line).orElseThrow().getData().toStringUtf8());
  }

  private static Map<String, Object> line(String key, Object value) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put(key, value);
    return line;
  }

  private static void runOne(
      WorkflowClient client, String name, Function<Stage, Object> run, Map<String, Object> more) {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    Map<String, Object> told = line("scenario", name);
    told.putAll(more);
    try (Stage stage = new Stage(client, name)) {
      Future<Object> result = thread.submit(() -> run.apply(stage));
      try {
        told.put("result", result.get(LIMIT_SECONDS, TimeUnit.SECONDS));
      } catch (ExecutionException | TimeoutException | InterruptedException failed) {
        StringWriter trace = new StringWriter();
        failed.printStackTrace(new PrintWriter(trace));
        told.put("error", trace.toString());
      }
      show(told);
    } finally {
      thread.shutdownNow();
    }
  }

  private static void runAll(WorkflowClient client, String part) throws InterruptedException {
    Map<String, Function<Stage, Object>> all = new TreeMap<>();
    ActingScenarios.register(all);
    MessageScenarios.register(all);
    RelationScenarios.register(all);
    LifeScenarios.register(all);
    DataScenarios.register(all);
    ExecutorService lanes = Executors.newFixedThreadPool(AT_ONCE);
    all.forEach(
        (name, run) -> {
          if (name.contains(part)) {
            lanes.execute(() -> runOne(client, name, run, Map.of()));
          }
        });
    lanes.shutdown();
    lanes.awaitTermination(1, TimeUnit.HOURS);
  }

  private static String scenarioOf(String workflowId) {
    String[] parts = workflowId.split("/");
    return parts[1] + "/" + parts[2];
  }

  /** Replays every history that the scenarios left, and tells how many each of them had. */
  private static void replay(WorkflowClient client) throws Exception {
    List<WorkflowExecutionHistory> histories = new ArrayList<>();
    Map<String, List<String>> failures = new TreeMap<>();
    Map<String, Integer> counts = new TreeMap<>();
    client
        .listExecutions("WorkflowId STARTS_WITH '" + Stage.LANGUAGE + "/'")
        .map(row -> row.getExecution())
        .forEach(
            run -> {
              History.Builder history =
                  client.fetchHistory(run.getWorkflowId(), run.getRunId()).getHistory().toBuilder();
              int last = history.getEventsCount() - 1;
              if (history.getEvents(last).hasWorkflowExecutionTerminatedEventAttributes()) {
                history.removeEvents(last); // The replayer does not know it.
              }
              if (history.getEventsCount() < 4) {
                return; // It ended before its first task did: nothing to replay.
              }
              histories.add(new WorkflowExecutionHistory(history.build(), run.getWorkflowId()));
              counts.merge(scenarioOf(run.getWorkflowId()), 1, Integer::sum);
            });
    ReplayResults results =
        WorkflowReplayer.replayWorkflowExecutions(histories, false, DataScenarios.ALL_WORKFLOWS);
    for (ReplayResults.ReplayError error : results.allErrors()) {
      failures
          .computeIfAbsent(scenarioOf(error.workflowId), name -> new ArrayList<>())
          .add(error.workflowId + ": " + error.exception);
    }
    counts.forEach(
        (name, count) -> {
          Map<String, Object> told = line("replay", name);
          told.put("histories", count);
          told.put("failures", failures.getOrDefault(name, List.of()));
          show(told);
        });
  }

  private static void runCross(WorkflowClient client, List<String> peers) throws IOException {
    WorkerFactory worker =
        Stage.startWorker(
            client, Cross.queue(Stage.LANGUAGE), 100, new Cross.CrossActivities.Impl());
    show(line("ready", Stage.LANGUAGE));
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    while (input.readLine() != null) {
      for (String peer : peers) {
        Cross.MEETINGS.forEach(
            (name, meet) ->
                runOne(
                    client,
                    name,
                    stage -> meet.apply(stage, Cross.queue(peer)),
                    Map.of("peer", peer)));
      }
      show(line("done", Stage.LANGUAGE));
    }
    Stage.stop(worker);
  }

  public static void main(String[] arguments) throws Exception {
    WorkflowServiceStubs service =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(arguments[1]).build());
    WorkflowClient client = WorkflowClient.newInstance(service);
    if (arguments[0].equals("cross")) {
      runCross(client, Arrays.asList(arguments).subList(2, arguments.length));
    } else {
      show(line("sdk", Version.LIBRARY_VERSION));
      Stage.startWorker(client, Stage.LANGUAGE, 600, new Activities.Impl());
      runAll(client, arguments.length > 2 ? arguments[2] : "");
      replay(client);
    }
    System.exit(0);
  }
}
