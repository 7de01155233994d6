package interop;

import io.temporal.api.common.v1.Payload;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.common.v1.WorkflowType;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.History;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.SearchAttributeKey;
import io.temporal.common.SearchAttributes;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.testing.ReplayResults;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.WorkerFactory;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Scenarios of what is kept with workflows: attributes, payloads, and the code that made them. */
final class DataScenarios {
  private DataScenarios() {}

  private static final SearchAttributeKey<String> TEXT = SearchAttributeKey.forText("InteropText");
  private static final SearchAttributeKey<Long> INT = SearchAttributeKey.forLong("InteropInt");
  private static final SearchAttributeKey<Double> DOUBLE =
      SearchAttributeKey.forDouble("InteropDouble");
  private static final SearchAttributeKey<Boolean> BOOL =
      SearchAttributeKey.forBoolean("InteropBool");
  private static final SearchAttributeKey<OffsetDateTime> DATETIME =
      SearchAttributeKey.forOffsetDateTime("InteropDatetime");
  private static final SearchAttributeKey<List<String>> LIST =
      SearchAttributeKey.forKeywordList("InteropKeywordList");
  private static final String CONDITIONS =
      String.join(
          " AND ",
          "InteropKeyword = 'java one'",
          "InteropText = 'words'",
          "InteropInt > 41",
          "InteropDouble < 2",
          "InteropBool = true",
          "InteropDatetime > '2026-01-02T03:04:04Z'",
          "InteropDatetime < '2026-01-02T03:04:06Z'",
          "InteropKeywordList = 'b'");

  static final Class<?>[] ALL_WORKFLOWS =
      Stream.of(
              ActingWorkflows.ALL,
              MessageWorkflows.ALL,
              RelationWorkflows.ALL,
              LifeWorkflows.ALL,
              Cross.ALL)
          .flatMap(Arrays::stream)
          .toArray(Class<?>[]::new);

  /** Waits until a query finds so many workflows, and tells their ids. */
  private static List<String> listed(Stage s, String query, int count) {
    Stage.eventually(() -> s.client.listExecutions(query).count() >= count);
    return s.client.listExecutions(query).map(row -> row.getExecution().getWorkflowId()).toList();
  }

  private static Consumer<WorkflowOptions.Builder> withKeyword(String value) {
    SearchAttributes attributes =
        SearchAttributes.newBuilder().set(LifeWorkflows.KEYWORD, value).build();
    return options -> options.setTypedSearchAttributes(attributes);
  }

  private static Object keepAttributes(Stage s) {
    SearchAttributes given =
        SearchAttributes.newBuilder()
            .set(LifeWorkflows.KEYWORD, "java one")
            .set(TEXT, "some words in a row")
            .set(INT, 42L)
            .set(DOUBLE, 1.5)
            .set(BOOL, true)
            .set(DATETIME, OffsetDateTime.of(2026, 1, 2, 3, 4, 5, 0, ZoneOffset.UTC))
            .set(LIST, List.of("a", "b"))
            .build();
    WorkflowStub run = s.startWith(o -> o.setTypedSearchAttributes(given), "Greets", "World");
    run.getResult(String.class);
    SearchAttributes told = run.describe().getTypedSearchAttributes();
    List<Object> shown =
        List.of(
            told.get(TEXT),
            told.get(INT),
            told.get(DOUBLE),
            told.get(BOOL),
            told.get(DATETIME).toInstant().toEpochMilli(),
            told.get(LIST));
    return List.of(shown, listed(s, CONDITIONS, 1).equals(List.of(Stage.idOf(run))));
  }

  private static String encoding(Payload payload) {
    return payload.getMetadataOrThrow("encoding").toStringUtf8();
  }

  /** A value's way through a workflow: what it is encoded as, there and back. */
  private static <T> Object echo(
      Stage s, String type, Class<T> kind, T value, Predicate<T> same) {
    WorkflowStub run = s.start(type, new Object[] {value});
    T told = run.getResult(kind);
    List<HistoryEvent> events = s.events(run);
    Payload given =
        events.get(0).getWorkflowExecutionStartedEventAttributes().getInput().getPayloads(0);
    Payload back =
        events.get(events.size() - 1)
            .getWorkflowExecutionCompletedEventAttributes().getResult().getPayloads(0);
    return List.of(encoding(given), encoding(back), same.test(told));
  }

  /** Replays the history of one workflow as if another had made it. */
  private static Object replayAs(Stage s, String type) {
    WorkflowStub run = s.start("SleepsOnce");
    run.getResult(String.class);
    History.Builder history = s.client.fetchHistory(Stage.idOf(run)).getHistory().toBuilder();
    history
        .getEventsBuilder(0)
        .getWorkflowExecutionStartedEventAttributesBuilder()
        .setWorkflowType(WorkflowType.newBuilder().setName(type));
    try {
      ReplayResults results =
          WorkflowReplayer.replayWorkflowExecutions(
              List.of(new WorkflowExecutionHistory(history.build(), Stage.idOf(run))),
              false,
              ALL_WORKFLOWS);
      return results.allErrors().isEmpty() ? "replayed" : "refused";
    } catch (Exception failed) {
      throw new IllegalStateException(failed);
    }
  }

  private static void collected(WorkflowStub run, int count) {
    Stage.eventually(() -> run.query("values", List.class).size() == count);
  }

  static void register(Map<String, Function<Stage, Object>> all) {
    registerVisibility(all);
    registerPayloads(all);
    registerCode(all);
    registerWorkers(all);
    // What the list expects of it is wrong on purpose: the judge has to see that.
    all.put("control/wrong-answer", s -> s.start("Greets", "Judge").getResult(String.class));
  }

  private static void registerVisibility(Map<String, Function<Stage, Object>> all) {
    all.put("visibility/attributes", DataScenarios::keepAttributes);
    all.put("visibility/upsert", s -> {
      WorkflowStub run = s.start("Annotates", "java violet");
      run.getResult(Void.class);
      String query = "InteropKeyword = 'java violet' AND ExecutionStatus = 'Completed'";
      Object note = run.describe().getMemo("note", String.class);
      return List.of(listed(s, query, 1).size(), "java violet".equals(note));
    });
    all.put("visibility/unknown-attribute", s -> {
      SearchAttributes unknown =
          SearchAttributes.newBuilder()
              .set(SearchAttributeKey.forKeyword("NobodyDefinedThis"), "x")
              .build();
      String told =
          Stage.refusal(
              () -> s.startWith(o -> o.setTypedSearchAttributes(unknown), "Greets", "World"));
      return told.contains("NobodyDefinedThis") ? "refused by name" : told;
    });
    all.put("visibility/list-and-count", s -> {
      for (int i = 0; i < 3; ++i) {
        s.startWith(withKeyword("java counted"), "Greets", "World").getResult(String.class);
      }
      WorkflowStub open = s.startWith(withKeyword("java counted"), "Collects");
      String query = "InteropKeyword = 'java counted'";
      int found = listed(s, query, 4).size();
      String running = query + " AND ExecutionStatus = 'Running'";
      long count = s.client.countWorkflows(running).getCount();
      open.terminate("enough");
      return List.of(found, count);
    });
    all.put("visibility/describe", s -> {
      Map<String, Object> memo = Map.of("note", List.of("kept", 1));
      WorkflowStub run = s.startWith(options -> options.setMemo(memo), "Greets", "World");
      run.getResult(String.class);
      WorkflowExecutionDescription told = run.describe();
      return List.of(
          told.getExecution().getWorkflowId().equals(Stage.idOf(run)),
          told.getTaskQueue().equals(Stage.LANGUAGE),
          Map.of("note", told.getMemo("note", List.class)),
          told.getHistoryLength() == s.events(run).size(),
          !told.getCloseTime().isBefore(told.getStartTime()));
    });
  }

  private static void registerPayloads(Map<String, Function<Stage, Object>> all) {
    all.put("payload/json-plain", s -> {
      Map<String, Object> value = new LinkedHashMap<>();
      value.put("text", "ÄÖ \u2603 \"quoted\"");
      value.put("list", Arrays.asList(1, 2.5, true, null));
      value.put("nested", Map.of("empty", Map.of()));
      return echo(s, "Echoes", Object.class, value, value::equals);
    });
    all.put("payload/json-protobuf", s -> {
      WorkflowExecution value =
          WorkflowExecution.newBuilder().setWorkflowId("w").setRunId("r").build();
      return echo(s, "EchoesExecution", WorkflowExecution.class, value, value::equals);
    });
    all.put("payload/binary-plain", s -> {
      byte[] value = {0, 1, 127, -128, -1};
      return echo(s, "EchoesBytes", byte[].class, value, told -> Arrays.equals(told, value));
    });
    all.put("payload/binary-null",
        s -> echo(s, "Echoes", Object.class, null, told -> told == null));
    all.put("payload/large", s -> {
      String text = "x\u2603".repeat(250_000);
      List<?> told = s.start("Measures", text).getResult(List.class);
      return List.of(told.get(0), text.equals(told.get(1)));
    });
  }

  private static void registerCode(Map<String, Function<Stage, Object>> all) {
    all.put("code/patched", s -> {
      WorkflowStub run = s.start("GreetsSinceThePatch");
      String told = run.getResult(String.class);
      return List.of(told, s.count(run, EventType.EVENT_TYPE_MARKER_RECORDED));
    });
    all.put("code/from-before-the-patch", s -> replayAs(s, "GreetsSinceThePatch"));
    all.put("code/other-code-is-noticed", s -> replayAs(s, "StartToClose"));
    all.put("code/side-effect", s -> {
      WorkerFactory first = s.worker("java-drawing", 10);
      WorkflowStub run =
          s.startWith(options -> options.setTaskQueue("java-drawing"), "KeepsSideEffect");
      long before = run.query("drawn", Long.class);
      Stage.stop(first);
      s.worker("java-drawing", 10);
      long after = run.query("drawn", Long.class);
      boolean drawn = MessageScenarios.finished(run, Boolean.class);
      int markers = s.count(run, EventType.EVENT_TYPE_MARKER_RECORDED);
      return List.of(drawn, before == after, markers);
    });
  }

  private static void registerWorkers(Map<String, Function<Stage, Object>> all) {
    all.put("worker/another-goes-on", s -> {
      WorkerFactory mortal = s.worker("java-mortal", 10);
      WorkflowStub run = s.startWith(options -> options.setTaskQueue("java-mortal"), "Collects");
      run.signal("add", 1);
      collected(run, 1);
      Stage.stop(mortal);
      run.signal("add", 2);
      s.worker("java-mortal", 10);
      collected(run, 2);
      return MessageScenarios.finished(run, List.class);
    });
    all.put("worker/without-cache", s -> {
      s.worker("java-forgetful", 0);
      WorkflowStub run = s.startWith(options -> options.setTaskQueue("java-forgetful"), "Collects");
      for (int value = 1; value <= 3; ++value) {
        run.signal("add", value);
        collected(run, value);
      }
      return MessageScenarios.finished(run, List.class);
    });
  }
}
