package interop;

import interop.MessageWorkflows.Collects;
import io.temporal.api.enums.v1.ParentClosePolicy;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.ChildWorkflowFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancelExternalWorkflowException;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.SignalExternalWorkflowException;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInfo;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Workflows that start others, or reach them. */
public final class RelationWorkflows {
  private RelationWorkflows() {}

  static String childId() {
    return Workflow.getInfo().getWorkflowId() + "/child";
  }

  static ChildWorkflowOptions.Builder options() {
    return ChildWorkflowOptions.newBuilder().setWorkflowId(childId());
  }

  static <T> T child(Class<T> type, ChildWorkflowOptions.Builder options) {
    return Workflow.newChildWorkflowStub(type, options.build());
  }

  /** Starts a child that sleeps for hours, and waits until it has started. */
  static Promise<Void> startSleeper(ChildWorkflowOptions.Builder options) {
    SleepsForHours child = child(SleepsForHours.class, options);
    Promise<Void> sleeping = Async.procedure(child::run);
    Workflow.getWorkflowExecution(child).get();
    return sleeping;
  }

  @WorkflowInterface
  public interface AddsOne {
    @WorkflowMethod
    int run(int value);

    class Impl implements AddsOne {
      @Override
      public int run(int value) {
        return value + 1;
      }
    }
  }

  @WorkflowInterface
  public interface FailsAsChild {
    @WorkflowMethod
    void run();

    class Impl implements FailsAsChild {
      @Override
      public void run() {
        throw ApplicationFailure.newNonRetryableFailure("no", "Refused");
      }
    }
  }

  @WorkflowInterface
  public interface SleepsForHours {
    @WorkflowMethod
    void run();

    class Impl implements SleepsForHours {
      @Override
      public void run() {
        Workflow.sleep(Duration.ofHours(8));
      }
    }
  }

  @WorkflowInterface
  public interface SucceedsAt {
    @WorkflowMethod
    int run(int attempt);

    class Impl implements SucceedsAt {
      @Override
      public int run(int attempt) {
        int now = Workflow.getInfo().getAttempt();
        if (now < attempt) {
          throw ApplicationFailure.newFailure("attempt " + now, "Flaky");
        }
        return now;
      }
    }
  }

  @WorkflowInterface
  public interface CountsToZero {
    @WorkflowMethod
    int run(int left, int runs);

    class Impl implements CountsToZero {
      @Override
      public int run(int left, int runs) {
        if (left > 0) {
          Workflow.continueAsNew(left - 1, runs + 1);
        }
        return runs;
      }
    }
  }

  @WorkflowInterface
  public interface TellsRelations {
    @WorkflowMethod
    List<String> run();

    class Impl implements TellsRelations {
      @Override
      public List<String> run() {
        WorkflowInfo info = Workflow.getInfo();
        return List.of(
            info.getParentWorkflowId().orElse(""), info.getRootWorkflowId().orElse(""));
      }
    }
  }

  @WorkflowInterface
  public interface HasChild {
    @WorkflowMethod
    int run();

    class Impl implements HasChild {
      @Override
      public int run() {
        return child(AddsOne.class, options()).run(41);
      }
    }
  }

  @WorkflowInterface
  public interface HasFailingChild {
    @WorkflowMethod
    void run();

    class Impl implements HasFailingChild {
      @Override
      public void run() {
        child(FailsAsChild.class, options()).run();
      }
    }
  }

  @WorkflowInterface
  public interface CancelsChild {
    @WorkflowMethod
    String run();

    class Impl implements CancelsChild {
      private Promise<Void> sleeping;

      @Override
      public String run() {
        CancellationScope scope =
            Workflow.newCancellationScope(() -> sleeping = startSleeper(options()));
        scope.run();
        scope.cancel();
        try {
          sleeping.get();
          return "slept";
        } catch (ChildWorkflowFailure failed) {
          if (failed.getCause() instanceof CanceledFailure) {
            return "canceled";
          }
          throw failed;
        }
      }
    }
  }

  @WorkflowInterface
  public interface HasSlowChild {
    @WorkflowMethod
    void run();

    class Impl implements HasSlowChild {
      @Override
      public void run() {
        child(SleepsForHours.class, options().setWorkflowRunTimeout(Duration.ofSeconds(1))).run();
      }
    }
  }

  /** Waits for a child that somebody else ends. */
  @WorkflowInterface
  public interface HasLongChild {
    @WorkflowMethod
    void run();

    class Impl implements HasLongChild {
      @Override
      public void run() {
        child(SleepsForHours.class, options()).run();
      }
    }
  }

  @WorkflowInterface
  public interface StartsChildTwice {
    @WorkflowMethod
    String run();

    class Impl implements StartsChildTwice {
      @Override
      public String run() {
        startSleeper(options());
        try {
          startSleeper(options());
          return "started";
        } catch (ChildWorkflowFailure failed) {
          if (failed.getCause() instanceof WorkflowExecutionAlreadyStarted) {
            return "already started";
          }
          throw failed;
        }
      }
    }
  }

  @WorkflowInterface
  public interface LeavesChild {
    @WorkflowMethod
    void run(ParentClosePolicy policy);

    class Impl implements LeavesChild {
      @Override
      public void run(ParentClosePolicy policy) {
        startSleeper(options().setParentClosePolicy(policy));
      }
    }
  }

  @WorkflowInterface
  public interface SignalsChild {
    @WorkflowMethod
    List<Integer> run();

    class Impl implements SignalsChild {
      @Override
      public List<Integer> run() {
        Collects child = child(Collects.class, options());
        Promise<List<Integer>> collected = Async.function(child::run);
        Workflow.getWorkflowExecution(child).get();
        child.add(1);
        child.add(2);
        child.finish();
        return collected.get();
      }
    }
  }

  @WorkflowInterface
  public interface RetriesChild {
    @WorkflowMethod
    int run();

    class Impl implements RetriesChild {
      @Override
      public int run() {
        RetryOptions retry = ActingWorkflows.again().setMaximumAttempts(3).build();
        return child(SucceedsAt.class, options().setRetryOptions(retry)).run(2);
      }
    }
  }

  @WorkflowInterface
  public interface HasManyChildren {
    @WorkflowMethod
    int run(int count);

    class Impl implements HasManyChildren {
      @Override
      public int run(int count) {
        List<Promise<Integer>> children = new ArrayList<>();
        for (int value = 0; value < count; ++value) {
          AddsOne next = child(AddsOne.class, options().setWorkflowId(childId() + "-" + value));
          children.add(Async.function(next::run, value));
        }
        return children.stream().mapToInt(Promise::get).sum();
      }
    }
  }

  @WorkflowInterface
  public interface HasContinuedChild {
    @WorkflowMethod
    int run();

    class Impl implements HasContinuedChild {
      @Override
      public int run() {
        return child(CountsToZero.class, options()).run(2, 1);
      }
    }
  }

  @WorkflowInterface
  public interface AsksChildForRelations {
    @WorkflowMethod
    List<Boolean> run();

    class Impl implements AsksChildForRelations {
      @Override
      public List<Boolean> run() {
        String own = Workflow.getInfo().getWorkflowId();
        return child(TellsRelations.class, options()).run().stream().map(own::equals).toList();
      }
    }
  }

  @WorkflowInterface
  public interface TellsPriority {
    @WorkflowMethod
    int run();

    class Impl implements TellsPriority {
      @Override
      public int run() {
        return Workflow.getInfo().getPriority().getPriorityKey();
      }
    }
  }

  @WorkflowInterface
  public interface AsksChildForPriority {
    @WorkflowMethod
    List<Integer> run();

    class Impl implements AsksChildForPriority {
      @Override
      public List<Integer> run() {
        int own = Workflow.getInfo().getPriority().getPriorityKey();
        return List.of(own, child(TellsPriority.class, options()).run());
      }
    }
  }

  @WorkflowInterface
  public interface SignalsExternal {
    @WorkflowMethod
    String run(String workflowId);

    class Impl implements SignalsExternal {
      @Override
      public String run(String workflowId) {
        try {
          Collects other = Workflow.newExternalWorkflowStub(Collects.class, workflowId);
          other.add(7);
          other.finish();
          return "sent";
        } catch (SignalExternalWorkflowException unknown) {
          throw ApplicationFailure.newNonRetryableFailure("nobody is there", "Unknown");
        }
      }
    }
  }

  @WorkflowInterface
  public interface CancelsExternal {
    @WorkflowMethod
    String run(String workflowId);

    class Impl implements CancelsExternal {
      @Override
      public String run(String workflowId) {
        try {
          Workflow.newUntypedExternalWorkflowStub(workflowId).cancel();
          return "sent";
        } catch (CancelExternalWorkflowException unknown) {
          throw ApplicationFailure.newNonRetryableFailure("nobody is there", "Unknown");
        }
      }
    }
  }

  static final Class<?>[] ALL = {
    AddsOne.Impl.class, FailsAsChild.Impl.class, SleepsForHours.Impl.class, SucceedsAt.Impl.class,
    CountsToZero.Impl.class, TellsRelations.Impl.class, HasChild.Impl.class,
    HasFailingChild.Impl.class, CancelsChild.Impl.class, HasSlowChild.Impl.class,
    HasLongChild.Impl.class, StartsChildTwice.Impl.class, LeavesChild.Impl.class,
    SignalsChild.Impl.class, RetriesChild.Impl.class, HasManyChildren.Impl.class,
    HasContinuedChild.Impl.class, AsksChildForRelations.Impl.class, TellsPriority.Impl.class,
    AsksChildForPriority.Impl.class, SignalsExternal.Impl.class, CancelsExternal.Impl.class
  };
}
