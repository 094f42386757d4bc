// What a page loads of the client, for size.mjs: both wires, calls, streams of
// bytes and values both ways, topics, and state. A session has calls, what
// streams down, and live copies of states (state, get, subscribe); struct
// brings the patches of what is in them.
export { string, struct, uint32 } from '../src/codec/index.js';
export { bytes, connect, method, typedEvents, values } from '../src/index.js';
