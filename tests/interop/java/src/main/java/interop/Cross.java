package interop;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.ChildWorkflowStub;
import io.temporal.workflow.Promise;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** The cross-language part: what this language offers to the others, and how it calls theirs. */
public final class Cross {
  private Cross() {}

  static String queue(String peer) {
    return "cross-" + peer;
  }

  // ---- what workflows of the other languages call -----------------------------------------------

  @ActivityInterface(namePrefix = "Cross")
  public interface CrossActivities {
    List<Object> echo(Object value);

    void refuse();

    byte[] bytes(byte[] bytes);

    WorkflowExecution message(WorkflowExecution message);

    void nothing(Object given);

    class Impl implements CrossActivities {
      @Override
      public List<Object> echo(Object value) {
        return Arrays.asList(value, Stage.LANGUAGE);
      }

      @Override
      public void refuse() {
        throw ApplicationFailure.newNonRetryableFailure("no", "Refused");
      }

      @Override
      public byte[] bytes(byte[] bytes) {
        byte[] reversed = new byte[bytes.length];
        for (int at = 0; at < bytes.length; ++at) {
          reversed[bytes.length - 1 - at] = bytes[at];
        }
        return reversed;
      }

      @Override
      public WorkflowExecution message(WorkflowExecution message) {
        return message.toBuilder().setRunId(Stage.LANGUAGE).build();
      }

      @Override
      public void nothing(Object given) {
        if (given != null) {
          throw ApplicationFailure.newNonRetryableFailure("something", "Something");
        }
      }
    }
  }

  static CrossActivities peer(String queue) {
    return Workflow.newActivityStub(
        CrossActivities.class,
        ActivityOptions.newBuilder()
            .setTaskQueue(queue)
            .setStartToCloseTimeout(ActingWorkflows.LONG)
            .build());
  }

  /** Calls another language's activity. */
  @WorkflowInterface
  public interface CrossActivity {
    @WorkflowMethod
    Object run(String queue, Object value);

    class Impl implements CrossActivity {
      @Override
      public Object run(String queue, Object value) {
        return peer(queue).echo(value);
      }
    }
  }

  /** Calls an activity that refuses, in another language. */
  @WorkflowInterface
  public interface CrossRefused {
    @WorkflowMethod
    void run(String queue);

    class Impl implements CrossRefused {
      @Override
      public void run(String queue) {
        peer(queue).refuse();
      }
    }
  }

  /** Bytes, a message of protobuf and nothing at all, to another language and back. */
  @WorkflowInterface
  public interface CrossPayloads {
    @WorkflowMethod
    Map<String, Object> run(String queue);

    class Impl implements CrossPayloads {
      @Override
      public Map<String, Object> run(String queue) {
        List<Integer> numbers = new ArrayList<>();
        for (byte each : peer(queue).bytes(new byte[] {0, 1, -1})) {
          numbers.add(Byte.toUnsignedInt(each));
        }
        WorkflowExecution sent =
            WorkflowExecution.newBuilder().setWorkflowId("w").setRunId("r").build();
        WorkflowExecution message = peer(queue).message(sent);
        peer(queue).nothing(null);
        return Map.of(
            "bytes", numbers,
            "message", List.of(message.getWorkflowId(), message.getRunId()),
            "nothing", true);
      }
    }
  }

  /** Starts a child in another language, signals it and waits for what it collected. */
  @WorkflowInterface
  public interface CrossChild {
    @WorkflowMethod
    Object run(String queue, Object value);

    class Impl implements CrossChild {
      @Override
      public Object run(String queue, Object value) {
        ChildWorkflowStub child =
            Workflow.newUntypedChildWorkflowStub(
                "CrossCollect",
                ChildWorkflowOptions.newBuilder()
                    .setTaskQueue(queue)
                    .setWorkflowId(RelationWorkflows.childId())
                    .build());
        Promise<Object> collected = child.executeAsync(Object.class, value);
        child.getExecution().get();
        child.signal("add", 40);
        child.signal("add", 2);
        child.signal("finish");
        return collected.get();
      }
    }
  }

  /** Collects, and is a child, an updated and a queried one. */
  @WorkflowInterface
  public interface CrossCollect {
    @WorkflowMethod
    List<Object> run(Object value);

    @SignalMethod
    void add(int more);

    @SignalMethod
    void finish();

    @QueryMethod
    int sum();

    @UpdateMethod
    int raise(int more);

    @UpdateValidatorMethod(updateName = "raise")
    void checkRaise(int more);

    class Impl implements CrossCollect {
      private int sum;
      private boolean done;

      @Override
      public List<Object> run(Object value) {
        Workflow.await(() -> done);
        return List.of(value, sum, Stage.LANGUAGE);
      }

      @Override
      public void add(int more) {
        sum += more;
      }

      @Override
      public void finish() {
        done = true;
      }

      @Override
      public int sum() {
        return sum;
      }

      @Override
      public int raise(int more) {
        sum += more;
        return sum;
      }

      @Override
      public void checkRaise(int more) {
        MessageWorkflows.refuseTooLittle(more);
      }
    }
  }

  static final Class<?>[] ALL = {
    CrossActivity.Impl.class, CrossRefused.Impl.class, CrossPayloads.Impl.class,
    CrossChild.Impl.class, CrossCollect.Impl.class
  };

  // ---- what is tried with each of them ----------------------------------------------------------

  static final Map<String, BiFunction<Stage, String, Object>> MEETINGS = new LinkedHashMap<>();

  private static WorkflowStub startOwn(Stage s, String type, Object... arguments) {
    return s.startWith(options -> options.setTaskQueue(queue(Stage.LANGUAGE)), type, arguments);
  }

  static {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("text", "ÄÖ \u2603");
    value.put("list", Arrays.asList(1, 2.5, null));
    MEETINGS.put("cross/activity", (s, queue) ->
        startOwn(s, "CrossActivity", queue, value).getResult(Object.class));
    MEETINGS.put("cross/failure", (s, queue) -> s.failure(startOwn(s, "CrossRefused", queue)));
    MEETINGS.put("cross/payloads", (s, queue) ->
        startOwn(s, "CrossPayloads", queue).getResult(Object.class));
    MEETINGS.put("cross/child", (s, queue) ->
        startOwn(s, "CrossChild", queue, "given").getResult(Object.class));
    MEETINGS.put("cross/messages", Cross::sendMessages);
  }

  private static Object sendMessages(Stage s, String queue) {
    WorkflowStub run = s.startWith(options -> options.setTaskQueue(queue), "CrossCollect", "client");
    int raised = run.update("raise", Integer.class, 40);
    List<String> rejected = Stage.failureOf(() -> run.update("raise", Integer.class, -1));
    run.signal("add", 2);
    int sum = run.query("sum", Integer.class);
    run.signal("finish");
    return List.of(raised, rejected, sum, run.getResult(Object.class));
  }
}
