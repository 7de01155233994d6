package interop;

import io.temporal.failure.ApplicationFailure;
import io.temporal.workflow.HandlerUnfinishedPolicy;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.util.ArrayList;
import java.util.List;

/** Workflows that are sent signals, queries and updates. */
public final class MessageWorkflows {
  private MessageWorkflows() {}

  static void refuseTooLittle(int amount) {
    if (amount <= 0) {
      throw ApplicationFailure.newFailure("too little", "Refused");
    }
  }

  /** Collects what signals bring until it is told to finish. */
  @WorkflowInterface
  public interface Collects {
    @WorkflowMethod
    List<Integer> run();

    @SignalMethod
    void add(int value);

    @SignalMethod
    void finish();

    @QueryMethod
    List<Integer> values();

    @QueryMethod
    int broken();

    class Impl implements Collects {
      private final List<Integer> collected = new ArrayList<>();
      private boolean done;

      @Override
      public List<Integer> run() {
        Workflow.await(() -> done);
        return collected;
      }

      @Override
      public void add(int value) {
        collected.add(value);
      }

      @Override
      public void finish() {
        done = true;
      }

      @Override
      public List<Integer> values() {
        return collected;
      }

      @Override
      public int broken() {
        throw new IllegalStateException("cannot say");
      }
    }
  }

  /** A balance: raised by updates, which refuse what makes no sense and may take a while. */
  @WorkflowInterface
  public interface Account {
    @WorkflowMethod
    int run(boolean waitForHandlers);

    @UpdateMethod
    int raise(int amount);

    @UpdateValidatorMethod(updateName = "raise")
    void checkRaise(int amount);

    @UpdateMethod(unfinishedPolicy = HandlerUnfinishedPolicy.ABANDON)
    int raiseLater(int amount);

    @UpdateMethod
    int raiseDoubled(int amount);

    @SignalMethod
    void proceed();

    @SignalMethod
    void finish();

    @QueryMethod
    int balance();

    class Impl implements Account {
      private int sum;
      private boolean done;
      private boolean proceeds;

      @Override
      public int run(boolean waitForHandlers) {
        Workflow.await(() -> done && (!waitForHandlers || Workflow.isEveryHandlerFinished()));
        return sum;
      }

      @Override
      public int raise(int amount) {
        if (amount == 13) {
          throw ApplicationFailure.newFailure("unlucky", "Unlucky");
        }
        sum += amount;
        return sum;
      }

      @Override
      public void checkRaise(int amount) {
        refuseTooLittle(amount);
      }

      @Override
      public int raiseLater(int amount) {
        Workflow.await(() -> proceeds);
        return raise(amount);
      }

      @Override
      public int raiseDoubled(int amount) {
        return raise(ActingWorkflows.act(ActingWorkflows.options()).twice(amount));
      }

      @Override
      public void proceed() {
        proceeds = true;
      }

      @Override
      public void finish() {
        done = true;
      }

      @Override
      public int balance() {
        return sum;
      }
    }
  }

  static final Class<?>[] ALL = {Collects.Impl.class, Account.Impl.class};
}
