package interop;

import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.common.SearchAttributeKey;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.ContinueAsNewOptions;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Workflows about the life of a workflow, its payloads and its code. */
public final class LifeWorkflows {
  private LifeWorkflows() {}

  static final SearchAttributeKey<String> KEYWORD = SearchAttributeKey.forKeyword("InteropKeyword");

  @WorkflowInterface
  public interface ContinuesWithAttributes {
    @WorkflowMethod
    Map<String, String> run(boolean first);

    class Impl implements ContinuesWithAttributes {
      @Override
      public Map<String, String> run(boolean first) {
        if (first) {
          // Java carries nothing by itself.
          Workflow.continueAsNew(
              ContinueAsNewOptions.newBuilder()
                  .setMemo(Map.of("note", Workflow.getMemo("note", String.class)))
                  .setTypedSearchAttributes(Workflow.getTypedSearchAttributes())
                  .build(),
              false);
        }
        String note = (String) Workflow.getMemo("note", String.class);
        return Map.of("memo", note, "keyword", Workflow.getTypedSearchAttributes().get(KEYWORD));
      }
    }
  }

  /** A run of a cron: one more than the run before. */
  @WorkflowInterface
  public interface CountsRuns {
    @WorkflowMethod
    int run();

    @QueryMethod
    List<Integer> values();

    class Impl implements CountsRuns {
      private int count;

      @Override
      public int run() {
        Integer last = Workflow.getLastCompletionResult(Integer.class);
        count = last == null ? 1 : last + 1;
        return count;
      }

      @Override
      public List<Integer> values() {
        return List.of(count);
      }
    }
  }

  @WorkflowInterface
  public interface FailsItsTask {
    @WorkflowMethod
    void run();

    class Impl implements FailsItsTask {
      @Override
      public void run() {
        throw new IllegalStateException("not a failure of the workflow");
      }
    }
  }

  @WorkflowInterface
  public interface CleansUp {
    @WorkflowMethod
    void run();

    class Impl implements CleansUp {
      @Override
      public void run() {
        try {
          Workflow.sleep(Duration.ofHours(1));
        } catch (CanceledFailure cancelled) {
          Activities act = ActingWorkflows.act(ActingWorkflows.options());
          Workflow.newDetachedCancellationScope(() -> act.twice(1)).run();
          throw cancelled;
        }
      }
    }
  }

  @WorkflowInterface
  public interface FailsWithCauses {
    @WorkflowMethod
    void run();

    class Impl implements FailsWithCauses {
      @Override
      public void run() {
        Exception inner = ApplicationFailure.newFailure("inner", "Inner");
        Map<String, List<Integer>> nested = Map.of("two", List.of(3));
        throw ApplicationFailure.newNonRetryableFailureWithCause("outer", "Outer", inner, 1, nested);
      }
    }
  }

  @WorkflowInterface
  public interface Echoes {
    @WorkflowMethod
    Object run(Object value);

    class Impl implements Echoes {
      @Override
      public Object run(Object value) {
        return value;
      }
    }
  }

  @WorkflowInterface
  public interface EchoesExecution {
    @WorkflowMethod
    WorkflowExecution run(WorkflowExecution value);

    class Impl implements EchoesExecution {
      @Override
      public WorkflowExecution run(WorkflowExecution value) {
        return value;
      }
    }
  }

  @WorkflowInterface
  public interface EchoesBytes {
    @WorkflowMethod
    byte[] run(byte[] value);

    class Impl implements EchoesBytes {
      @Override
      public byte[] run(byte[] value) {
        return value;
      }
    }
  }

  @WorkflowInterface
  public interface Measures {
    @WorkflowMethod
    List<Object> run(String text);

    class Impl implements Measures {
      @Override
      public List<Object> run(String text) {
        return List.of(text.length(), text);
      }
    }
  }

  @WorkflowInterface
  public interface Annotates {
    @WorkflowMethod
    void run(String keyword);

    class Impl implements Annotates {
      @Override
      public void run(String keyword) {
        Workflow.upsertTypedSearchAttributes(KEYWORD.valueSet(keyword));
        Workflow.upsertMemo(Map.of("note", keyword));
        Workflow.sleep(Duration.ofMillis(1));
      }
    }
  }

  @WorkflowInterface
  public interface SleepsOnce {
    @WorkflowMethod
    String run();

    class Impl implements SleepsOnce {
      @Override
      public String run() {
        Workflow.sleep(Duration.ofMillis(1));
        return "slept";
      }
    }
  }

  /** What SleepsOnce became: runs from before the patch still sleep. */
  @WorkflowInterface
  public interface GreetsSinceThePatch {
    @WorkflowMethod
    String run();

    class Impl implements GreetsSinceThePatch {
      @Override
      public String run() {
        if (Workflow.getVersion("greets", Workflow.DEFAULT_VERSION, 1) == 1) {
          return ActingWorkflows.act(ActingWorkflows.options()).greet("patched");
        }
        Workflow.sleep(Duration.ofMillis(1));
        return "slept";
      }
    }
  }

  /** Draws a value once, and has the same one after each replay. */
  @WorkflowInterface
  public interface KeepsSideEffect {
    @WorkflowMethod
    boolean run();

    @SignalMethod
    void finish();

    @QueryMethod
    long drawn();

    class Impl implements KeepsSideEffect {
      private long drawn;
      private boolean done;

      @Override
      public boolean run() {
        drawn = Workflow.sideEffect(Long.class, System::nanoTime);
        Workflow.await(() -> done);
        return drawn != 0;
      }

      @Override
      public void finish() {
        done = true;
      }

      @Override
      public long drawn() {
        return drawn;
      }
    }
  }

  static final Class<?>[] ALL = {
    ContinuesWithAttributes.Impl.class, CountsRuns.Impl.class, FailsItsTask.Impl.class,
    CleansUp.Impl.class, FailsWithCauses.Impl.class,
    Echoes.Impl.class, EchoesExecution.Impl.class, EchoesBytes.Impl.class, Measures.Impl.class,
    Annotates.Impl.class, SleepsOnce.Impl.class, GreetsSinceThePatch.Impl.class,
    KeepsSideEffect.Impl.class
  };
}
