package interop;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInterface;
import io.temporal.client.ActivityCompletionException;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;

/** Activities of the scenarios; most of them misbehave in one way. */
@ActivityInterface
public interface Activities {
  String greet(String name);

  int twice(int value);

  String queueName();

  /** Fails the first attempts, and tells which one succeeded. */
  int flaky(int failures);

  void refuse();

  /** Asks to be tried again soon, whatever the policy says. */
  int soonAgain();

  /** Does nothing until its worker ends. */
  void hang();

  /** The first attempt reports 7 and hangs; a later one tells what it was left. */
  String resume();

  /** Reports until its heartbeat tells it to stop. */
  String untilCancelled(boolean ignore);

  String completedOutside();

  class Impl implements Activities {
    private static int attempt() {
      return Activity.getExecutionContext().getInfo().getAttempt();
    }

    private static void sleep(Duration duration) {
      try {
        Thread.sleep(duration.toMillis());
      } catch (InterruptedException ended) {
        throw Activity.wrap(ended);
      }
    }

    @Override
    public String greet(String name) {
      return "Hello, " + name + "!";
    }

    @Override
    public int twice(int value) {
      return value * 2;
    }

    @Override
    public String queueName() {
      String queue = Activity.getExecutionContext().getInfo().getActivityTaskQueue();
      return queue.substring(queue.lastIndexOf('-') + 1);
    }

    @Override
    public int flaky(int failures) {
      if (attempt() <= failures) {
        throw ApplicationFailure.newFailure("attempt " + attempt(), "Flaky");
      }
      return attempt();
    }

    @Override
    public void refuse() {
      throw ApplicationFailure.newNonRetryableFailure("no", "Refused", 1, "two");
    }

    @Override
    public int soonAgain() {
      if (attempt() == 1) {
        throw ApplicationFailure.newBuilder()
            .setMessage("soon")
            .setType("Soon")
            .setNextRetryDelay(Duration.ofMillis(10))
            .build();
      }
      return attempt();
    }

    @Override
    public void hang() {
      sleep(Duration.ofSeconds(40));
    }

    @Override
    public String resume() {
      ActivityExecutionContext context = Activity.getExecutionContext();
      if (attempt() > 1) {
        return "from " + context.getHeartbeatDetails(Integer.class).orElse(null);
      }
      context.heartbeat(7);
      sleep(Duration.ofSeconds(40));
      return "the first attempt ended";
    }

    @Override
    public String untilCancelled(boolean ignore) {
      try {
        while (true) {
          Activity.getExecutionContext().heartbeat(null);
          sleep(Duration.ofMillis(50));
        }
      } catch (ActivityCompletionException cancelled) {
        if (ignore) {
          return "finished anyway";
        }
        throw cancelled;
      }
    }

    @Override
    public String completedOutside() {
      Activity.getExecutionContext().doNotCompleteOnReturn();
      return null;
    }
  }
}
