/**
 * Conversations that branch: each path from a root to a leaf is one. Paths share their beginnings, so that all of them together could be as
 * long as the square of the tree's size. Each is complete until the sum reaches a multiple of the size; from there on, a branch begins
 * with the turn before it.
 */

import type { Turn } from '../../core/conversation.js';
import { isObject, type JsonObject } from './record.js';

/** A message of a tree. Its parent may be unknown. */
export interface TreeNode {
  readonly parent: string | undefined;
  readonly turns: readonly Turn[];
  /** Children of a parent are in the order of their ranks, then in that of the map. */
  readonly rank: number;
}

export type Tree = ReadonlyMap<string, TreeNode>;

/** A path through a tree: the id of its root, and the turns. */
export interface TreePath {
  readonly root: string;
  readonly turns: readonly Turn[];
}

/** How many times each node may be repeated, on average. */
const REPEATED_MAX = 8;

/** How many repeated nodes any tree may have. */
const REPEATED_MIN = 1024;

/**
 * The paths of all leaves. Nodes in a circle have no leaf, and end a path that reaches them again.
 *
 * @param preferred the leaf whose path comes first
 */
export function* pathsOf(tree: Tree, preferred?: string): Generator<TreePath, void> {
  const covered = new Set<string>();
  let repeatable = REPEATED_MAX * tree.size + REPEATED_MIN;
  for (const leaf of leavesOf(tree, preferred)) {
    const path: string[] = [];
    const seen = new Set<string>();
    let isNew = false;
    let at: string | undefined = leaf;
    for (
      let node = tree.get(leaf);
      node !== undefined && at !== undefined && !seen.has(at);
      node = tree.get(at)
    ) {
      const isSpoken = node.turns.length > 0;
      const isRepeated = covered.has(at);
      // What ends where another path went isn't a conversation of its own.
      if (isRepeated && !isNew) break;
      seen.add(at);
      path.push(at);
      if (isSpoken) isNew ||= !isRepeated;
      if (isRepeated && --repeatable < 0 && isSpoken) break;
      at = node.parent;
      if (at === undefined) break;
    }
    for (const id of path) covered.add(id);
    if (!isNew) continue;
    path.reverse();
    yield { root: path[0] ?? leaf, turns: path.flatMap((id) => tree.get(id)?.turns ?? []) };
  }
}

/** The preferred leaf, and then all leaves, from the first root's first one on. */
function* leavesOf(tree: Tree, preferred: string | undefined): Generator<string, void> {
  if (preferred !== undefined && tree.has(preferred)) yield preferred;
  const children = childrenOf(tree);
  const roots = [...tree].filter(([, { parent }]) => parent === undefined || !tree.has(parent));
  const waiting = roots.map(([id]) => id).reverse();
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const below = children.get(id);
    if (below === undefined) yield id;
    else for (let i = below.length - 1; i >= 0; i--) waiting.push(below[i] as string);
  }
}

function childrenOf(tree: Tree): ReadonlyMap<string, readonly string[]> {
  const children = new Map<string, string[]>();
  for (const [id, { parent }] of tree) {
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [id]);
    else siblings.push(id);
  }
  const rankOf = (id: string) => tree.get(id)?.rank ?? 0;
  for (const siblings of children.values()) siblings.sort((a, b) => rankOf(a) - rankOf(b));
  return children;
}

/**
 * The tree of messages that contain their replies.
 *
 * @param key of the list of replies
 */
export function nestedTree(
  roots: readonly unknown[],
  key: string,
  nodeOf: (message: JsonObject) => Omit<TreeNode, 'parent'>,
): Tree {
  const tree = new Map<string, TreeNode>();
  const waiting = roots.map((message) => ({ message, parent: undefined as string | undefined })).reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { message, parent } = next;
    if (!isObject(message)) continue;
    const id = String(tree.size);
    tree.set(id, { ...nodeOf(message), parent });
    const replies = message[key];
    if (!Array.isArray(replies)) continue;
    for (let i = replies.length - 1; i >= 0; i--) waiting.push({ message: replies[i], parent: id });
  }
  return tree;
}

/** The tree of messages that name their parents. */
export function linkedTree(
  messages: Iterable<readonly [id: unknown, parent: unknown, node: Omit<TreeNode, 'parent'>]>,
): Tree {
  const tree = new Map<string, TreeNode>();
  for (const [id, parent, node] of messages) {
    if (isId(id)) tree.set(String(id), { ...node, parent: isId(parent) ? String(parent) : undefined });
  }
  return tree;
}

function isId(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}
