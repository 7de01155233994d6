// Messages of protobuf as json/protobuf; everything else as by default. A user generates the root
// from .proto files; here it is one message of the API, which every language has.
import { DefaultPayloadConverterWithProtobufs, patchProtobufRoot } from '@temporalio/common/lib/protobufs';
import * as protobuf from 'protobufjs/light';

const execution = {
  fields: { workflowId: { type: 'string', id: 1 }, runId: { type: 'string', id: 2 } },
};
const nest = (names: string[], inner: object): object =>
  names.reduceRight((nested, name) => ({ nested: { [name]: nested } }), inner);
const root = protobuf.Root.fromJSON(
  nest(['temporal', 'api', 'common', 'v1', 'WorkflowExecution'], execution) as protobuf.INamespace,
);

export const WorkflowExecution = root.lookupType('temporal.api.common.v1.WorkflowExecution');
export const payloadConverter = new DefaultPayloadConverterWithProtobufs({
  protobufRoot: patchProtobufRoot(root as never),
});
