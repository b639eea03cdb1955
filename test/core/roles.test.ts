import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAssistant, knownRole, roleOf } from '#dist/core/roles.js';
import { runs } from '../support/factor.js';

describe('a role', () => {
  it.each([
    ['human', 'user'],
    [' User ', 'user'],
    ['developer', 'system'],
    ['tool_response', 'tool'],
    ['gpt', 'assistant'],
    ['function_call', 'assistant'],
    ['somebody', 'assistant'],
    ['', 'assistant'],
  ])('of %j is %s', (name, role) => {
    expect(roleOf(name)).toBe(role);
  });

  it("is an assistant's where a reply is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('user', 'System', 'tool\n', 'ai')), (name) => {
        expect(roleOf(name) === 'assistant').toBe(isAssistant(name));
        const known = knownRole(name);
        if (known !== undefined && known !== 'function_call' && name === name.trim())
          expect(roleOf(name)).toBe(known);
      }),
      runs(500),
    );
  });
});
