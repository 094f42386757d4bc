export { CodecError } from './error.js';
export { Reader } from './reader.js';
export { Timestamp } from './time.js';
export * from './types.js';
export type { Value } from './value.js';
export { Writer } from './writer.js';
