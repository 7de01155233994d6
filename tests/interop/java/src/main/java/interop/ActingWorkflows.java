package interop;

import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Workflows that call activities, and wait. */
public final class ActingWorkflows {
  private ActingWorkflows() {}

  static final Duration LONG = Duration.ofSeconds(30);
  static final Duration SHORT = Duration.ofMillis(200);
  static final RetryOptions ONCE = RetryOptions.newBuilder().setMaximumAttempts(1).build();

  static RetryOptions.Builder again() {
    return RetryOptions.newBuilder()
        .setInitialInterval(Duration.ofMillis(20))
        .setBackoffCoefficient(1);
  }

  static ActivityOptions.Builder options() {
    return ActivityOptions.newBuilder()
        .setStartToCloseTimeout(LONG)
        .setRetryOptions(again().build());
  }

  static Activities act(ActivityOptions.Builder options) {
    return Workflow.newActivityStub(Activities.class, options.build());
  }

  static Activities local(Duration limit, RetryOptions retry) {
    return Workflow.newLocalActivityStub(
        Activities.class,
        LocalActivityOptions.newBuilder()
            .setStartToCloseTimeout(limit)
            // Without it, or a maximum of attempts, nothing is tried again.
            .setScheduleToCloseTimeout(LONG)
            .setRetryOptions(retry)
            .build());
  }

  /** What a promise brings, or that it was cancelled. */
  static String unlessCancelled(Promise<String> promise) {
    try {
      return promise.get();
    } catch (CanceledFailure cancelled) {
      return "canceled";
    } catch (ActivityFailure failed) {
      if (failed.getCause() instanceof CanceledFailure) {
        return "canceled";
      }
      throw failed;
    }
  }

  @WorkflowInterface
  public interface Greets {
    @WorkflowMethod
    String run(String name);

    class Impl implements Greets {
      @Override
      public String run(String name) {
        return act(options()).greet(name);
      }
    }
  }

  @WorkflowInterface
  public interface Retries {
    @WorkflowMethod
    int run(int failures, int maximumAttempts);

    class Impl implements Retries {
      @Override
      public int run(int failures, int maximumAttempts) {
        RetryOptions limited = again().setMaximumAttempts(maximumAttempts).build();
        return act(options().setRetryOptions(limited)).flaky(failures);
      }
    }
  }

  @WorkflowInterface
  public interface IsRefused {
    @WorkflowMethod
    void run();

    class Impl implements IsRefused {
      @Override
      public void run() {
        act(options()).refuse();
      }
    }
  }

  @WorkflowInterface
  public interface IsRefusedByPolicy {
    @WorkflowMethod
    void run();

    class Impl implements IsRefusedByPolicy {
      @Override
      public void run() {
        RetryOptions strict = again().setDoNotRetry("Flaky").build();
        act(options().setRetryOptions(strict)).flaky(5);
      }
    }
  }

  @WorkflowInterface
  public interface IsAskedToRetrySoon {
    @WorkflowMethod
    int run();

    class Impl implements IsAskedToRetrySoon {
      @Override
      public int run() {
        RetryOptions patient = again().setInitialInterval(Duration.ofHours(1)).build();
        return act(options().setRetryOptions(patient)).soonAgain();
      }
    }
  }

  @WorkflowInterface
  public interface StartToClose {
    @WorkflowMethod
    void run();

    class Impl implements StartToClose {
      @Override
      public void run() {
        act(options().setStartToCloseTimeout(SHORT).setRetryOptions(ONCE)).hang();
      }
    }
  }

  @WorkflowInterface
  public interface ScheduleToStart {
    @WorkflowMethod
    void run();

    class Impl implements ScheduleToStart {
      @Override
      public void run() {
        act(options().setScheduleToStartTimeout(SHORT).setTaskQueue("nobody-polls-this")).hang();
      }
    }
  }

  @WorkflowInterface
  public interface ScheduleToClose {
    @WorkflowMethod
    void run();

    class Impl implements ScheduleToClose {
      @Override
      public void run() {
        RetryOptions late = again().setInitialInterval(Duration.ofHours(1)).build();
        act(options().setScheduleToCloseTimeout(LONG).setRetryOptions(late)).flaky(1000);
      }
    }
  }

  @WorkflowInterface
  public interface HeartbeatMissed {
    @WorkflowMethod
    void run();

    class Impl implements HeartbeatMissed {
      @Override
      public void run() {
        act(options().setHeartbeatTimeout(Duration.ofMillis(300)).setRetryOptions(ONCE)).hang();
      }
    }
  }

  @WorkflowInterface
  public interface Resumes {
    @WorkflowMethod
    String run();

    class Impl implements Resumes {
      @Override
      public String run() {
        return act(options().setHeartbeatTimeout(Duration.ofSeconds(2))).resume();
      }
    }
  }

  /** Cancels its activity once it runs, which a signal tells. */
  @WorkflowInterface
  public interface CancelsActivity {
    @WorkflowMethod
    String run(ActivityCancellationType how, boolean ignore);

    @SignalMethod
    void started();

    class Impl implements CancelsActivity {
      private boolean started;
      private Promise<String> running;

      @Override
      public String run(ActivityCancellationType how, boolean ignore) {
        Activities watched =
            act(options().setHeartbeatTimeout(Duration.ofSeconds(20)).setCancellationType(how));
        CancellationScope scope =
            Workflow.newCancellationScope(
                () -> running = Async.function(watched::untilCancelled, ignore));
        scope.run();
        Workflow.await(() -> started);
        scope.cancel();
        return unlessCancelled(running);
      }

      @Override
      public void started() {
        started = true;
      }
    }
  }

  @WorkflowInterface
  public interface WaitsForOutside {
    @WorkflowMethod
    String run();

    class Impl implements WaitsForOutside {
      @Override
      public String run() {
        return act(options().setStartToCloseTimeout(Duration.ofMinutes(1)).setRetryOptions(ONCE))
            .completedOutside();
      }
    }
  }

  @WorkflowInterface
  public interface DoesMuchAtOnce {
    @WorkflowMethod
    int run(int count);

    class Impl implements DoesMuchAtOnce {
      @Override
      public int run(int count) {
        List<Promise<Integer>> parts = new ArrayList<>();
        for (int value = 0; value < count; ++value) {
          parts.add(Async.function(act(options())::twice, value));
        }
        return parts.stream().mapToInt(Promise::get).sum();
      }
    }
  }

  @WorkflowInterface
  public interface UsesOtherQueue {
    @WorkflowMethod
    String run(String taskQueue);

    class Impl implements UsesOtherQueue {
      @Override
      public String run(String taskQueue) {
        return act(options().setTaskQueue(taskQueue)).queueName();
      }
    }
  }

  @WorkflowInterface
  public interface UsesLocal {
    @WorkflowMethod
    int run();

    class Impl implements UsesLocal {
      @Override
      public int run() {
        Activities here = local(LONG, again().build());
        return here.twice(20) + here.twice(1);
      }
    }
  }

  @WorkflowInterface
  public interface RetriesLocal {
    @WorkflowMethod
    int run();

    class Impl implements RetriesLocal {
      @Override
      public int run() {
        return local(LONG, again().build()).flaky(2);
      }
    }
  }

  @WorkflowInterface
  public interface IsRefusedLocally {
    @WorkflowMethod
    void run();

    class Impl implements IsRefusedLocally {
      @Override
      public void run() {
        local(LONG, again().build()).refuse();
      }
    }
  }

  @WorkflowInterface
  public interface LocalTimesOut {
    @WorkflowMethod
    void run();

    class Impl implements LocalTimesOut {
      @Override
      public void run() {
        local(SHORT, ONCE).hang();
      }
    }
  }

  // ---- timers -----------------------------------------------------------------------------------

  @WorkflowInterface
  public interface Sleeps {
    @WorkflowMethod
    boolean run(int milliseconds);

    class Impl implements Sleeps {
      @Override
      public boolean run(int milliseconds) {
        long before = Workflow.currentTimeMillis();
        Workflow.sleep(Duration.ofMillis(milliseconds));
        return Workflow.currentTimeMillis() - before >= milliseconds;
      }
    }
  }

  @WorkflowInterface
  public interface CancelsTimer {
    @WorkflowMethod
    String run();

    class Impl implements CancelsTimer {
      private Promise<String> sleeping;

      @Override
      public String run() {
        CancellationScope scope =
            Workflow.newCancellationScope(
                () -> sleeping = Workflow.newTimer(Duration.ofHours(1)).thenApply(done -> "slept"));
        scope.run();
        Workflow.sleep(Duration.ofMillis(20));
        scope.cancel();
        return unlessCancelled(sleeping);
      }
    }
  }

  @WorkflowInterface
  public interface SleepsInParallel {
    @WorkflowMethod
    List<Integer> run(int[] times);

    class Impl implements SleepsInParallel {
      @Override
      public List<Integer> run(int[] times) {
        List<Integer> fired = new ArrayList<>();
        List<Promise<Boolean>> timers = new ArrayList<>();
        for (int milliseconds : times) {
          Promise<Void> timer = Workflow.newTimer(Duration.ofMillis(milliseconds));
          timers.add(timer.thenApply(done -> fired.add(milliseconds)));
        }
        Promise.allOf(timers).get();
        return fired;
      }
    }
  }

  @WorkflowInterface
  public interface WaitsForConditions {
    @WorkflowMethod
    List<Boolean> run();

    @SignalMethod
    void tell();

    class Impl implements WaitsForConditions {
      private boolean told;

      @Override
      public List<Boolean> run() {
        boolean inTime = Workflow.await(Duration.ofMillis(50), () -> false);
        return List.of(inTime, Workflow.await(Duration.ofHours(1), () -> told));
      }

      @Override
      public void tell() {
        told = true;
      }
    }
  }

  static final Class<?>[] ALL = {
    Greets.Impl.class, Retries.Impl.class, IsRefused.Impl.class, IsRefusedByPolicy.Impl.class,
    IsAskedToRetrySoon.Impl.class, StartToClose.Impl.class, ScheduleToStart.Impl.class,
    ScheduleToClose.Impl.class, HeartbeatMissed.Impl.class, Resumes.Impl.class,
    CancelsActivity.Impl.class, WaitsForOutside.Impl.class, DoesMuchAtOnce.Impl.class,
    UsesOtherQueue.Impl.class, UsesLocal.Impl.class, RetriesLocal.Impl.class,
    IsRefusedLocally.Impl.class, LocalTimesOut.Impl.class, Sleeps.Impl.class,
    CancelsTimer.Impl.class, SleepsInParallel.Impl.class, WaitsForConditions.Impl.class
  };
}
