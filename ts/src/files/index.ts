/** Files that travel with calls (docs/protocol.md, clause 13). */
export { answerFiles, takeFiles } from './answer.js';
export { FileError, FilesError, type FileInfo, type Progress } from './file.js';
export { isName } from './name.js';
export { type FetchOptions, fetchFiles, type IncomingFile } from './receive.js';
export { type OutgoingFile, type SendOptions, sendFiles } from './send.js';
