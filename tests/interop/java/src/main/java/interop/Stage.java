package interop;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.ChildWorkflowFailure;
import io.temporal.failure.TerminatedFailure;
import io.temporal.failure.TimeoutFailure;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** What a scenario works with: a client, workers, and the histories of what it started. */
final class Stage implements AutoCloseable {
  static final String LANGUAGE = "java";

  final WorkflowClient client;
  final String name;
  private int counter;
  private final List<WorkerFactory> factories = new ArrayList<>();

  Stage(WorkflowClient client, String name) {
    this.client = client;
    this.name = name;
  }

  // ---- failures ---------------------------------------------------------------------------------

  /** A failure as every language tells it: one text for each error of the chain. */
  static List<String> chain(Throwable error) {
    List<String> links = new ArrayList<>();
    for (Throwable next = error; next != null; next = next.getCause()) {
      if (!(next instanceof WorkflowFailedException) && !(next instanceof WorkflowUpdateException)) {
        links.add(link(next));
      }
    }
    return links;
  }

  private static String link(Throwable error) {
    if (error instanceof ActivityFailure) {
      return "activity";
    }
    if (error instanceof ChildWorkflowFailure) {
      return "child";
    }
    if (error instanceof ApplicationFailure failure) {
      return "application(" + failure.getType() + ": " + failure.getOriginalMessage() + ")";
    }
    if (error instanceof TimeoutFailure failure) {
      return "timeout(" + failure.getTimeoutType().name().replace("TIMEOUT_TYPE_", "") + ")";
    }
    if (error instanceof CanceledFailure) {
      return "cancelled";
    }
    if (error instanceof TerminatedFailure) {
      return "terminated";
    }
    return plain(error);
  }

  /** An error of a call as every language tells it. */
  static String plain(Throwable error) {
    for (Throwable next = error; next != null; next = next.getCause()) {
      if (next instanceof WorkflowExecutionAlreadyStarted) {
        return "already started";
      }
      if (next instanceof WorkflowNotFoundException) {
        return "not found";
      }
      if (next instanceof StatusRuntimeException failed
          && failed.getStatus().getCode() == Status.Code.ALREADY_EXISTS) {
        return "already started";
      }
    }
    return error + (error.getCause() == null ? "" : " because of " + error.getCause());
  }

  static Throwable caught(Runnable call) {
    try {
      call.run();
    } catch (RuntimeException error) {
      return error;
    }
    throw new IllegalStateException("no failure");
  }

  static List<String> failureOf(Runnable call) {
    return chain(caught(call));
  }

  /** The kind of error that a call fails with. */
  static String refusal(Runnable call) {
    try {
      call.run();
      return "accepted";
    } catch (RuntimeException error) {
      return plain(error);
    }
  }

  List<String> failure(WorkflowStub run) {
    return failureOf(() -> run.getResult(Object.class));
  }

  // ---- workflows --------------------------------------------------------------------------------

  /** An id that begins with the scenario's name. */
  String nextId() {
    return LANGUAGE + "/" + name + "/" + ++counter;
  }

  WorkflowOptions.Builder options() {
    return WorkflowOptions.newBuilder().setWorkflowId(nextId()).setTaskQueue(LANGUAGE);
  }

  WorkflowStub start(String type, Object... arguments) {
    return startWith(options -> {}, type, arguments);
  }

  /** Starts a workflow with options that the function changes. */
  WorkflowStub startWith(
      Consumer<WorkflowOptions.Builder> change, String type, Object... arguments) {
    WorkflowOptions.Builder options = options();
    change.accept(options);
    WorkflowStub stub = client.newUntypedWorkflowStub(type, options.build());
    stub.start(arguments);
    return stub;
  }

  static String idOf(WorkflowStub run) {
    return run.getExecution().getWorkflowId();
  }

  static String runOf(WorkflowStub run) {
    return run.getExecution().getRunId();
  }

  /** A workflow by its id, whatever its run. */
  WorkflowStub at(String workflowId) {
    return client.newUntypedWorkflowStub(workflowId);
  }

  WorkflowStub at(String workflowId, String runId) {
    WorkflowExecution execution =
        WorkflowExecution.newBuilder().setWorkflowId(workflowId).setRunId(runId).build();
    return client.newUntypedWorkflowStub(execution, Optional.empty());
  }

  List<HistoryEvent> events(WorkflowStub run) {
    return client.fetchHistory(idOf(run)).getEvents();
  }

  int count(WorkflowStub run, EventType type) {
    return (int) events(run).stream().filter(event -> event.getEventType() == type).count();
  }

  static String status(WorkflowStub run) {
    return run.describe().getStatus().name().replace("WORKFLOW_EXECUTION_STATUS_", "");
  }

  static void eventually(BooleanSupplier holds) {
    try {
      while (!holds.getAsBoolean()) {
        Thread.sleep(30);
      }
    } catch (InterruptedException late) {
      throw new IllegalStateException("took too long");
    }
  }

  /** Waits until a workflow's activity runs, and tells its id. */
  static String activityStarted(WorkflowStub run) {
    List<String> ids = new ArrayList<>();
    eventually(
        () -> {
          run.describe().getRawDescription().getPendingActivitiesList().stream()
              .filter(activity -> activity.hasLastStartedTime())
              .forEach(activity -> ids.add(activity.getActivityId()));
          return !ids.isEmpty();
        });
    return ids.get(0);
  }

  // ---- workers ----------------------------------------------------------------------------------

  static Worker register(Worker worker) {
    worker.registerWorkflowImplementationTypes(ActingWorkflows.ALL);
    worker.registerWorkflowImplementationTypes(MessageWorkflows.ALL);
    worker.registerWorkflowImplementationTypes(RelationWorkflows.ALL);
    worker.registerWorkflowImplementationTypes(LifeWorkflows.ALL);
    worker.registerWorkflowImplementationTypes(Cross.ALL);
    return worker;
  }

  static WorkerFactory startWorker(
      WorkflowClient client, String taskQueue, int cache, Object activities) {
    WorkerFactoryOptions kept = WorkerFactoryOptions.newBuilder().setWorkflowCacheSize(cache).build();
    WorkerFactory factory = WorkerFactory.newInstance(client, kept);
    WorkerOptions options =
        WorkerOptions.newBuilder()
            .setStickyQueueScheduleToStartTimeout(Duration.ofSeconds(2))
            .setMaxHeartbeatThrottleInterval(Duration.ofMillis(100))
            .setDefaultHeartbeatThrottleInterval(Duration.ofMillis(100))
            .build();
    register(factory.newWorker(taskQueue, options)).registerActivitiesImplementations(activities);
    factory.start();
    return factory;
  }

  /** A worker beside the one that all scenarios share; ends with the scenario, or before. */
  WorkerFactory worker(String taskQueue, int cache) {
    WorkerFactory factory = startWorker(client, taskQueue, cache, new Activities.Impl());
    factories.add(factory);
    return factory;
  }

  static void stop(WorkerFactory factory) {
    factory.shutdownNow();
    factory.awaitTermination(10, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    factories.forEach(Stage::stop);
  }
}
