package interop;

import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.ParentClosePolicy;
import io.temporal.client.WorkflowStub;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Scenarios of children, and of workflows that reach others. */
final class RelationScenarios {
  private RelationScenarios() {}

  private static WorkflowStub childOf(Stage s, WorkflowStub run) {
    return s.at(Stage.idOf(run) + "/child");
  }

  private static String leaveChild(Stage s, ParentClosePolicy policy, boolean ends) {
    WorkflowStub run = s.start("LeavesChild", policy);
    run.getResult(Void.class);
    WorkflowStub child = childOf(s, run);
    if (ends) {
      Stage.refusal(() -> child.getResult(Void.class));
    }
    String status = Stage.status(child);
    if (!ends) {
      child.terminate("enough");
    }
    return status;
  }

  private static Object reachNobody(Stage s, String type, EventType event) {
    WorkflowStub run = s.start(type, "is not there");
    return List.of(!s.failure(run).isEmpty(), s.count(run, event));
  }

  static void register(Map<String, Function<Stage, Object>> all) {
    all.put("child/result", s -> s.start("HasChild").getResult(Integer.class));
    all.put("child/failed", s -> s.failure(s.start("HasFailingChild")));
    all.put("child/canceled", s -> {
      WorkflowStub run = s.start("CancelsChild");
      return List.of(run.getResult(String.class), Stage.status(childOf(s, run)));
    });
    all.put("child/timed-out", s -> s.failure(s.start("HasSlowChild")));
    all.put("child/terminated", s -> {
      WorkflowStub run = s.start("HasLongChild");
      EventType started = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED;
      Stage.eventually(() -> s.count(run, started) == 1);
      childOf(s, run).terminate("enough");
      return s.failure(run);
    });
    all.put("child/id-taken", s -> s.start("StartsChildTwice").getResult(String.class));
    all.put("child/parent-closes-terminate",
        s -> leaveChild(s, ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE, true));
    all.put("child/parent-closes-abandon",
        s -> leaveChild(s, ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON, false));
    all.put("child/parent-closes-cancel",
        s -> leaveChild(s, ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL, true));
    all.put("child/signaled", s -> s.start("SignalsChild").getResult(List.class));
    all.put("child/retried", s -> s.start("RetriesChild").getResult(Integer.class));
    all.put("child/many", s -> s.start("HasManyChildren", 20).getResult(Integer.class));
    all.put("child/continued", s -> s.start("HasContinuedChild").getResult(Integer.class));
    all.put("child/knows-its-parent", s -> s.start("AsksChildForRelations").getResult(List.class));
    all.put("external/signal", s -> {
      WorkflowStub other = s.start("Collects");
      String told = s.start("SignalsExternal", Stage.idOf(other)).getResult(String.class);
      return List.of(told, other.getResult(List.class));
    });
    all.put("external/cancel", s -> {
      WorkflowStub other = s.start("SleepsForHours");
      String told = s.start("CancelsExternal", Stage.idOf(other)).getResult(String.class);
      return List.of(told, s.failure(other));
    });
    all.put("external/signal-unknown", s -> reachNobody(s, "SignalsExternal",
        EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED));
    all.put("external/cancel-unknown", s -> reachNobody(s, "CancelsExternal",
        EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED));
  }
}
