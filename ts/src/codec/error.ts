/** What is wrong with a message, or with a value that shall become one. */
export class CodecError extends Error {
	override name = 'CodecError';
}
