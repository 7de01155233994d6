package interop;

import static interop.Stage.chain;

import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.QueryRejectCondition;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowQueryConditionallyRejectedException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateHandle;
import io.temporal.client.WorkflowUpdateStage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Scenarios of signals, queries and updates. */
final class MessageScenarios {
  private MessageScenarios() {}

  static <T> T finished(WorkflowStub run, Class<T> type) {
    run.signal("finish");
    return run.getResult(type);
  }

  /** Starts a workflow, sends it a query and tells how that is refused. */
  private static String ask(Stage s, String query) {
    WorkflowStub run = s.start("Collects");
    String told = Stage.refusal(() -> run.query(query, Object.class));
    finished(run, List.class);
    return told;
  }

  private static WorkflowUpdateHandle<Integer> acceptLater(WorkflowStub run, String id, int amount) {
    UpdateOptions<Integer> options =
        UpdateOptions.newBuilder(Integer.class)
            .setUpdateName("raiseLater")
            .setUpdateId(id)
            .setWaitForStage(WorkflowUpdateStage.ACCEPTED)
            .build();
    return run.startUpdate(options, amount);
  }

  /** Starts an account, or meets it, and raises it. */
  private static int updateWithStart(
      Stage s, String id, WorkflowIdConflictPolicy policy, int amount) {
    WorkflowStub stub =
        s.client.newUntypedWorkflowStub(
            "Account",
            s.options().setWorkflowId(id).setWorkflowIdConflictPolicy(policy).build());
    UpdateOptions<Integer> options =
        UpdateOptions.newBuilder(Integer.class)
            .setUpdateName("raise")
            .setWaitForStage(WorkflowUpdateStage.COMPLETED)
            .build();
    return stub.executeUpdateWithStart(options, new Object[] {amount}, new Object[] {true});
  }

  static void register(Map<String, Function<Stage, Object>> all) {
    registerSignals(all);
    registerQueries(all);
    registerUpdates(all);
    registerUpdateEnds(all);
  }

  private static void registerSignals(Map<String, Function<Stage, Object>> all) {
    all.put("signal/order", s -> {
      WorkflowStub run = s.start("Collects");
      for (int value = 1; value <= 20; ++value) {
        run.signal("add", value);
      }
      return finished(run, List.class);
    });
    all.put("signal/before-worker", s -> {
      WorkflowStub run = s.startWith(options -> options.setTaskQueue("java-late"), "Collects");
      for (int value = 1; value <= 3; ++value) {
        run.signal("add", value);
      }
      run.signal("finish");
      s.worker("java-late", 10);
      return run.getResult(List.class);
    });
    all.put("signal/with-start", s -> {
      String id = s.nextId();
      List<String> runs = new ArrayList<>();
      for (int value = 1; value <= 2; ++value) {
        WorkflowStub stub =
            s.client.newUntypedWorkflowStub("Collects", s.options().setWorkflowId(id).build());
        WorkflowExecution execution =
            stub.signalWithStart("add", new Object[] {value}, new Object[] {});
        runs.add(execution.getRunId());
      }
      return List.of(runs.get(0).equals(runs.get(1)), finished(s.at(id), List.class));
    });
    all.put("signal/unknown-workflow",
        s -> Stage.refusal(() -> s.at("is not there").signal("add", 1)));
    all.put("signal/closed-workflow", s -> {
      WorkflowStub run = s.start("Greets", "World");
      run.getResult(String.class);
      return Stage.refusal(() -> run.signal("add", 1));
    });
  }

  private static void registerQueries(Map<String, Function<Stage, Object>> all) {
    all.put("query/state", s -> {
      WorkflowStub run = s.start("Collects");
      List<?> before = run.query("values", List.class);
      run.signal("add", 1);
      run.signal("add", 2);
      List<?> after = run.query("values", List.class);
      finished(run, List.class);
      return List.of(before, after);
    });
    all.put("query/fails", s -> ask(s, "broken").contains("cannot say"));
    all.put("query/unknown", s -> ask(s, "unheard").contains("unheard"));
    all.put("query/closed-workflow", s -> {
      WorkflowStub run = s.start("Collects");
      run.signal("add", 5);
      finished(run, List.class);
      return run.query("values", List.class);
    });
    all.put("query/rejected-when-closed", s -> {
      WorkflowStub run = s.start("Collects");
      finished(run, List.class);
      WorkflowClientOptions options =
          WorkflowClientOptions.newBuilder()
              .setQueryRejectCondition(QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN)
              .build();
      WorkflowClient strict =
          WorkflowClient.newInstance(s.client.getWorkflowServiceStubs(), options);
      WorkflowStub closed = strict.newUntypedWorkflowStub(Stage.idOf(run));
      Throwable error = Stage.caught(() -> closed.query("values", List.class));
      return ((WorkflowQueryConditionallyRejectedException) error)
          .getWorkflowExecutionStatus().name().replace("WORKFLOW_EXECUTION_STATUS_", "");
    });
  }

  private static void registerUpdates(Map<String, Function<Stage, Object>> all) {
    all.put("update/result", s -> {
      WorkflowStub run = s.start("Account", true);
      List<Integer> sums =
          List.of(run.update("raise", Integer.class, 40), run.update("raise", Integer.class, 2));
      return List.of(sums, finished(run, Integer.class));
    });
    all.put("update/rejected", s -> {
      WorkflowStub run = s.start("Account", true);
      run.update("raise", Integer.class, 1);
      int before = s.events(run).size();
      List<String> told = Stage.failureOf(() -> run.update("raise", Integer.class, -1));
      int added = s.events(run).size() - before;
      return List.of(told, added, finished(run, Integer.class));
    });
    all.put("update/failed", s -> {
      WorkflowStub run = s.start("Account", true);
      List<String> told = Stage.failureOf(() -> run.update("raise", Integer.class, 13));
      int sum = finished(run, Integer.class);
      EventType completed = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED;
      return List.of(told, sum, s.count(run, completed));
    });
    all.put("update/accepted-first", s -> {
      WorkflowStub run = s.start("Account", true);
      WorkflowUpdateHandle<Integer> handle = acceptLater(run, "later", 42);
      int between = run.query("balance", Integer.class);
      run.signal("proceed");
      List<Integer> results =
          List.of(handle.getResult(), run.getUpdateHandle("later", Integer.class).getResult());
      finished(run, Integer.class);
      return List.of(between, results, run.getUpdateHandle("later", Integer.class).getResult());
    });
    all.put("update/same-id", s -> {
      WorkflowStub run = s.start("Account", true);
      UpdateOptions<Integer> once =
          UpdateOptions.newBuilder(Integer.class)
              .setUpdateName("raise")
              .setUpdateId("once")
              .setWaitForStage(WorkflowUpdateStage.COMPLETED)
              .build();
      List<Integer> sums =
          List.of(run.startUpdate(once, 40).getResult(), run.startUpdate(once, 40).getResult());
      return List.of(sums, finished(run, Integer.class));
    });
    all.put("update/with-activity", s -> {
      WorkflowStub run = s.start("Account", true);
      int sum = run.update("raiseDoubled", Integer.class, 21);
      finished(run, Integer.class);
      return sum;
    });
  }

  private static void registerUpdateEnds(Map<String, Function<Stage, Object>> all) {
    all.put("update/unknown", s -> {
      WorkflowStub run = s.start("Account", true);
      List<String> told = Stage.failureOf(() -> run.update("unheard", Integer.class));
      finished(run, Integer.class);
      return List.of(told.size(), told.get(0).contains("unheard"));
    });
    all.put("update/closed-workflow", s -> {
      WorkflowStub run = s.start("Greets", "World");
      run.getResult(String.class);
      return Stage.refusal(() -> run.update("raise", Integer.class, 1));
    });
    all.put("update/left-unfinished", s -> {
      WorkflowStub run = s.start("Account", false);
      WorkflowUpdateHandle<Integer> handle = acceptLater(run, "unfinished", 1);
      int sum = finished(run, Integer.class);
      List<String> told = Stage.failureOf(handle::getResult);
      return List.of(sum, told.stream().map(text -> text.split(":")[0]).toList());
    });
    all.put("update/with-start", s -> {
      String id = s.nextId();
      WorkflowIdConflictPolicy policy =
          WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING;
      List<Integer> sums =
          List.of(updateWithStart(s, id, policy, 1), updateWithStart(s, id, policy, 2));
      return List.of(sums, finished(s.at(id), Integer.class));
    });
    WorkflowIdConflictPolicy fails = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL;
    all.put("update/with-start-refused", s -> {
      WorkflowStub run = s.start("Account", true);
      String told = Stage.refusal(() -> updateWithStart(s, Stage.idOf(run), fails, 1));
      return List.of(told, finished(run, Integer.class));
    });
    all.put("update/with-start-rejected", s -> {
      String id = s.nextId();
      List<String> told = chain(Stage.caught(() -> updateWithStart(s, id, fails, -1)));
      Stage.eventually(() -> Stage.status(s.at(id)).equals("RUNNING"));
      return List.of(told, finished(s.at(id), Integer.class));
    });
  }
}
