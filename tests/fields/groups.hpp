#pragma once

#include <string>
#include <vector>

namespace reprise::fields {

/// Which file walks which methods; together all that are served and have fields.
inline const std::vector<std::string> start_methods{"StartWorkflowExecution"};
inline const std::vector<std::string> signal_methods{
  "SignalWithStartWorkflowExecution", "SignalWorkflowExecution", "RequestCancelWorkflowExecution",
  "TerminateWorkflowExecution", "DeleteWorkflowExecution"};
inline const std::vector<std::string> reset_methods{"ResetWorkflowExecution"};
inline const std::vector<std::string> workflow_task_methods{
  "PollWorkflowTaskQueue", "RespondWorkflowTaskFailed", "QueryWorkflow",
  "RespondQueryTaskCompleted"};
inline const std::vector<std::string> update_methods{
  "UpdateWorkflowExecution", "PollWorkflowExecutionUpdate", "ExecuteMultiOperation"};
inline const std::vector<std::string> completion_methods{"RespondWorkflowTaskCompleted"};
inline const std::vector<std::string> activity_methods{"PollActivityTaskQueue",
                                                       "RecordActivityTaskHeartbeat",
                                                       "RecordActivityTaskHeartbeatById",
                                                       "RespondActivityTaskCompleted",
                                                       "RespondActivityTaskCompletedById",
                                                       "RespondActivityTaskFailed",
                                                       "RespondActivityTaskFailedById",
                                                       "RespondActivityTaskCanceled",
                                                       "RespondActivityTaskCanceledById"};
inline const std::vector<std::string> operator_methods{"PauseActivity",
                                                       "UnpauseActivity",
                                                       "ResetActivity",
                                                       "UpdateActivityOptions",
                                                       "PauseActivityExecution",
                                                       "UnpauseActivityExecution",
                                                       "ResetActivityExecution",
                                                       "UpdateActivityExecutionOptions",
                                                       "PauseWorkflowExecution",
                                                       "UnpauseWorkflowExecution",
                                                       "UpdateWorkflowExecutionOptions"};
inline const std::vector<std::string> read_methods{"DescribeWorkflowExecution",
                                                   "GetWorkflowExecutionHistory",
                                                   "GetWorkflowExecutionHistoryReverse",
                                                   "ListWorkflowExecutions",
                                                   "ListOpenWorkflowExecutions",
                                                   "ListClosedWorkflowExecutions",
                                                   "ScanWorkflowExecutions",
                                                   "CountWorkflowExecutions",
                                                   "DescribeTaskQueue",
                                                   "ResetStickyTaskQueue",
                                                   "ShutdownWorker"};
inline const std::vector<std::string> queue_methods{"ListTaskQueuePartitions",
                                                    "UpdateTaskQueueConfig"};
inline const std::vector<std::string> batch_methods{
  "StartBatchOperation", "StopBatchOperation", "DescribeBatchOperation", "ListBatchOperations"};
inline const std::vector<std::string> namespace_methods{
  "RegisterNamespace",  "DescribeNamespace",   "ListNamespaces",         "UpdateNamespace",
  "DeprecateNamespace", "AddSearchAttributes", "RemoveSearchAttributes", "ListSearchAttributes",
  "DeleteNamespace",    "ListClusters"};

} // namespace reprise::fields
