// The service that Restate drives in the benchmarks: a handler that does nothing, and one of three
// durable steps. usage: node service.js PORT
Promise.withResolvers ??= function () {
  // Node 20 lacks what Restate's SDK uses.
  let resolve, reject;
  const promise = new this((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};
const restate = await import('@restatedev/restate-sdk');

const bench = restate.service({
  name: 'bench',
  handlers: {
    noop: async (_, text) => text,
    steps3: async (context, text) => {
      for (let i = 0; i < 3; ++i) text = await context.run(`step${i}`, () => text);
      return text;
    },
  },
});

const quiet = () => {};
const port = Number(process.argv[2]);
await restate.serve({ services: [bench], port, logger: quiet });
console.log(`listening on ${port}`);
