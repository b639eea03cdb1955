/**
 * Records that are rare but valid JSON: repeated names, escaped names, members in any order and unknown ones, texts that aren't valid
 * UTF-8; or what Python writes though JSON has no word for it. They are byte strings, each character a byte, because a text couldn't hold
 * all of that.
 */

import fc from 'fast-check';
import { parsePython } from './walked.js';

/** A dataset, and the texts in it, spelled as in the file. */
export interface OddDataset {
  readonly content: Buffer;
  /** The records for a plain loop. */
  readonly records: readonly unknown[];
  readonly texts: readonly string[];
}

/** Decodes bytes as every reader does: invalid UTF-8 becomes U+FFFD. */
function parsed(bytes: string): unknown {
  return parsePython(Buffer.from(bytes, 'latin1').toString());
}

/** The same for a record, with ids that keep all their digits. */
function parsedRecord(bytes: string): unknown {
  return parsed(LONG_IDS.reduce((text, id) => text.replaceAll(id, `"${id}"`), bytes));
}

/** Numbers that `JSON.parse` changes. Only ids have them. */
const LONG_IDS = ['-0.5e3', '-1.50e2', '12345678901234567890'];

function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const piece = fc.constantFrom(
  ...['a', 'b', 'continue', ' ', '  ', '/', '}]', '[{', ','],
  ...['xxxxxxxxxxxxxxx', '0123456789abcdef', 'x'.repeat(1365), '\\u00e9'.repeat(700), '\\n'.repeat(2047)],
  ...['é', '世', '😀', '\u2028', '\u3000', '\ufffd', '\x7f'].map(bytesOf),
  ...['\\u00e9', '\\u2028', '\\ufffd', '\\u007F', '\\ud83d\\ude00', '\\ud83d', '\\ude00', '\\uD83D\\u0061'],
  ...['\\/', '\\n', '\\u000a', '\\u0000', '\\u001F', '\\t ', '\\b\\f', '\\"', '\\u0022', '\\\\', '\\u005c'],
  ...['<think>', '\\u003cthink\\u003e', '<think>x</think>', '</think>', '<\\/think>', '\\u003c/think>'],
  // Truncated sequences, half a surrogate pair, and invalid first bytes.
  ...['\xff', '\xc3', '\xe2\x82', '\xf0\x9f\x98', '\xed\xa0\xbd'],
);
const text = fc.array(piece, { maxLength: 4 }).map((pieces) => `"${pieces.join('')}"`);

/** A name, sometimes with an escape. */
function nameOf(...names: readonly string[]): fc.Arbitrary<string> {
  const name = fc.constantFrom(...names);
  const escaped = name.map(
    (text) => `\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}${text.slice(1)}`,
  );
  return fc
    .oneof({ weight: 15, arbitrary: name }, { weight: 1, arbitrary: escaped })
    .map((text) => `"${text}"`);
}

type Member = readonly [name: string, value: string];

function memberOf(name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<Member> {
  return fc.tuple(name, value);
}

/** Values that the reader skips. Some are too long for one read to reach the text after them. */
const passedOver = fc.constantFrom(
  ...['1', '-0.5e3', 'null', 'true', '{}', '[]', '[1,{"from":"x","value":"y"}]', '{"value":"no","a":[{}]}'],
  ...['NaN', 'Infinity', '-Infinity', '[NaN,{"a":-Infinity}]'],
  ...['"s\\u0041"', '"from"', `"${'y'.repeat(4090)}"`, `"${'y'.repeat(5000)}"`],
);

/** Members in either order, with white space wherever JSON allows it. */
function objectOf(...members: readonly fc.Arbitrary<readonly Member[]>[]): fc.Arbitrary<string> {
  const space = fc.constantFrom('', '', '', ' ', '\t', '  ');
  return fc.tuple(fc.tuple(...members), fc.boolean(), space).map(([lists, isReversed, space]) => {
    const all = isReversed ? lists.flat().reverse() : lists.flat();
    const spelled = all.map(([name, value]) => `${space}${name}${space}:${space}${value}${space}`);
    return `{${spelled.join(',')}}`;
  });
}

/** A member that the given percentage of objects has. */
function sometimes(percent: number, member: fc.Arbitrary<Member>): fc.Arbitrary<readonly Member[]> {
  return fc.oneof(
    { weight: percent, arbitrary: member.map((each) => [each]) },
    { weight: 100 - percent, arbitrary: fc.constant([]) },
  );
}

/** Every name of a role that the kernel knows, and names that nearly are one. */
const KNOWN_ROLES = [
  ...[
    'human',
    'input',
    'prompter',
    'HumanMessage',
    'humanmessagechunk',
    'systemmessage',
    'function',
    'ipython',
  ],
  ...[
    'toolmessage',
    'functionmessage',
    'tool_response',
    'humam',
    'inpus',
    'prompted',
    'systems',
    'tool_respons',
  ],
];

const role = fc.constantFrom(
  ...KNOWN_ROLES.map((name) => JSON.stringify(name)),
  ...['"human"', '"gpt"', '"user"', '"system"', '"assistant"', '""', '"a very, very long role"'],
  ...['"function_call"', '" Function_Call "', '"\\u0066unction_call"'],
  ...[
    '"tool"',
    '" USER "',
    '"\\u0020us\\u0065r"',
    '"Developer"',
    '"observation "',
    '"\\u0000user"',
    '"user\xff"',
  ],
  `"${'\\u0020'.repeat(30)}Human"`,
);
const calls = fc.constantFrom(
  ...['null', '0', '[]', '{"name":"f","arguments":"{}"}'],
  '[{"id":"c","function":{"name":"f","arguments":"{}"}}]',
  '[{"id":"c","name":"f","arguments":{"a":NaN}}]',
);
const called = '"{\\"name\\": \\"f\\", \\"arguments\\": {}}"';

const nothing = fc.constantFrom('null', 'NaN', '-Infinity');

function listOf(element: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> {
  return fc.array(element, { maxLength }).map((elements) => `[${elements.join(' , ')}]`);
}

/** A part that has a text, or whose content has one, or that has none. */
function partOf(text: fc.Arbitrary<string>, content: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const type = fc.constantFrom(
    ...['"text"', '"input_text"', '"output_text"', '"tool_result"', '"tool_use"', '"tool_call"', '"image"'],
    ...['"te\\u0078t"', '"tool_resul"', '"input_tex\\u0074"', 'null', '5', 'NaN'],
  );
  const object = objectOf(
    sometimes(80, memberOf(nameOf('type'), type)),
    sometimes(80, memberOf(nameOf('text', 'value'), fc.oneof({ weight: 8, arbitrary: text }, nothing))),
    sometimes(20, memberOf(nameOf('text', 'value', 'type', 'x'), fc.oneof(text, nothing, fc.constant('5')))),
    sometimes(50, memberOf(nameOf('content', 'contens'), fc.oneof(text, content, nothing))),
    sometimes(20, memberOf(nameOf('name', 'input', 'id'), fc.constantFrom('"f"', '{"a":1}', 'NaN'))),
  );
  return fc.oneof({ weight: 12, arbitrary: object }, text, fc.constantFrom('5', 'null', '[]', '["x"]'));
}

function partsOf(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const none = fc.constantFrom('[]', '{}');
  return listOf(partOf(text, listOf(partOf(text, listOf(partOf(text, none), 2)), 3)), 3);
}

/** The value of a text's member: usually one of those texts. */
function valueFrom(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const others = fc.constantFrom('null', '""', '[]', '5', 'NaN', '{"text":"x"}');
  return fc.oneof({ weight: 16, arbitrary: text }, { weight: 3, arbitrary: partsOf(text) }, others);
}

function turnOf(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return objectOf(
    sometimes(99, memberOf(nameOf('from', 'role'), role)),
    sometimes(
      10,
      memberOf(nameOf('x', 'name', 'values', 'fro', 'text', '__proto__', 'toString'), passedOver),
    ),
    sometimes(
      95,
      memberOf(nameOf('value', 'content', 'value', 'content', 'parts', 'refusal'), valueFrom(text)),
    ),
    sometimes(
      20,
      memberOf(
        nameOf('from', 'role', 'value', 'content', 'parts', 'refusal'),
        fc.oneof(text, nothing, fc.constant('5')),
      ),
    ),
    sometimes(10, memberOf(nameOf('tool_calls', 'function_call'), calls)),
    sometimes(10, memberOf(nameOf('x', 'tool_call_id', 'contents', 'valuf', 'role2'), passedOver)),
  );
}

const id = fc.constantFrom(
  ...['"id1"', '"id2"', '"\\u0069d"', '7', ...LONG_IDS, '""', 'null', '[1]', 'NaN', '-Infinity'],
  ...[`"${bytesOf('é')} %"`, '"\xff"', '"\\ud83d"', `"${'i'.repeat(300)}"`, `"${'i'.repeat(5000)}"`],
);

/** Elements of a list that aren't turns. */
const noTurn = fc.constantFrom(
  ...[
    '5',
    'null',
    'NaN',
    '"x"',
    '[]',
    '{}',
    '{"value":"x"}',
    '{"from":"x","value":5}',
    '{"from":5,"value":"x"}',
  ],
);

function recordOf(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const listName = nameOf('conversations', 'conversation', 'messages', 'items');
  const turns = listOf(fc.oneof({ weight: 20, arbitrary: turnOf(text) }, noTurn), 6);
  const list = memberOf(listName, turns);
  const other = fc.oneof(
    fc.constantFrom('[]', '"x"', 'null', 'NaN', '[5]', '{}'),
    listOf(turnOf(text), 2),
    listOf(noTurn, 2),
  );
  return objectOf(
    sometimes(20, memberOf(listName, other)),
    sometimes(80, memberOf(nameOf('id', 'conversation_id', 'conversation_hash'), id)),
    sometimes(40, memberOf(nameOf('x', 'id2'), passedOver)),
    list.map((each) => [each]),
    sometimes(10, memberOf(listName, other)),
    sometimes(10, memberOf(nameOf('id', 'y'), passedOver)),
  );
}

/** Few texts in many turns, so that turns are often equal. */
export const oddDataset: fc.Arbitrary<OddDataset> = fc
  .array(text, { minLength: 2, maxLength: 6 })
  .chain((texts) => {
    const record = recordOf(fc.constantFrom(...texts, called));
    const end = fc.constantFrom(']', ',]', ' ,\n]\n', undefined);
    return fc.tuple(fc.constant(texts), fc.array(record, { minLength: 1, maxLength: 10 }), end);
  })
  .map(([texts, records, end]) => ({
    content: Buffer.from(
      end === undefined ? records.join('\r\n') : `[${records.join(',\n')}${end}`,
      'latin1',
    ),
    records: records.map(parsedRecord),
    texts: texts.map((each) => parsed(each) as string),
  }));
