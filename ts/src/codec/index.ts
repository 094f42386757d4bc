export { CodecError } from './error.js';
export type { Reader } from './reader.js';
export { Timestamp } from './time.js';
export * from './types.js';
export type { Value } from './value.js';
export type { Writer } from './writer.js';
