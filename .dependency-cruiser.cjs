/** Which imports are allowed, types included. `test/rooms.json` has the rooms; `test/tidy.test.ts` compares it with ARCHITECTURE.md. */

const rooms = require('./test/rooms.json');

/** The paths of some rooms: `index.ts` is a file, all others are folders. */
const pathOf = (names) =>
  `^src/(?:${names.map((name) => (name.endsWith('.ts') ? `${name}$` : `${name}/`)).join('|')})`;

const oneWay = Object.entries(rooms).map(([room, others]) => ({
  name: `${room}-imports`,
  severity: 'error',
  comment: `src/${room} may import from ${others.join(', ') || 'no other room'}.`,
  from: { path: pathOf([room]) },
  to: { path: '^src/', pathNot: pathOf([room, ...others]) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...oneWay,
    {
      name: 'unknown-room',
      severity: 'error',
      comment: 'A file below src belongs to a room of test/rooms.json.',
      from: { path: '^src/', pathNot: pathOf(Object.keys(rooms)) },
      to: {},
    },
    {
      name: 'no-circle',
      severity: 'error',
      comment: 'Files that import each other, by types too, can only be understood together.',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    // dependency-cruiser parses TypeScript by a compiler's JavaScript API, which TypeScript 7 doesn't have, or by swc.
    parser: 'swc',
    tsPreCompilationDeps: true,
    // swc rejects declaration files, and is called without its option for JSX: test/tidy.test.ts checks the page. The kernel is AssemblyScript.
    exclude: { path: '[.](?:d[.]ts|tsx)$|^src/kernel/assembly/' },
    doNotFollow: { path: 'node_modules' },
  },
};
