// The names of errors are those of their codes.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Code, TwinwireError } from '../src/error.js';

it('errors are named by their codes', () => {
	const codes = Object.entries(Code).filter(([, code]) => typeof code === 'number');
	assert.equal(codes.length, 23);
	for (const [name, code] of codes) {
		const err = new TwinwireError(code as number);
		assert.deepEqual([err.name, err.message], [name, name]);
	}
	assert.equal(new TwinwireError(4000).name, 'Code4000');
});
