// What a page loads of the client, for size.mjs: both wires, calls, streams,
// topics and state.
export { string, struct, uint32 } from '../src/codec/index.js';
export { bytes, connect, method, typedEvents, values } from '../src/index.js';
