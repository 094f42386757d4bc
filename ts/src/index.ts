/**
 * The TypeScript client of twinwire: sessions with calls, streams, topics and
 * state that survive their wires. docs/protocol.md is what it speaks.
 */
export { type Compression, type ConnectOptions, connect, type Reconnect } from './client/connect.js';
export { type Credentials, credentials, secret, token } from './client/credentials.js';
export type { Storage } from './client/memory.js';
export { CodecError, Timestamp, type Type, type TypeOf, type Value } from './codec/index.js';
export { Code, TwinwireError } from './error.js';
export { type CallMetadata, type Metadata, metadata } from './frame/metadata.js';
export { type Delivery, type EventOptions, type TypedDelivery, typedEvents } from './session/events.js';
export { type Body, bytes, type Source, values } from './session/exchange.js';
export { type Handler, type Handlers, handler, type Request } from './session/serve.js';
export { changes, lifecycle, onEvent, ready } from './session/listen.js';
export { type CallOptions, type Change, type Method, method, type Session, untyped } from './session/session.js';
export type { View } from './session/view.js';
export type { Carrier, Receiver, Target, Wire } from './wires/carrier.js';
export { type WebSocketClass, type WebSocketLike, webSocket } from './wires/websocket.js';
export { webTransport } from './wires/webtransport.js';
