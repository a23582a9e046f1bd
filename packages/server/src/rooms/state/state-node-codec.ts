import { ByteReader, type ByteWriter } from '../../platform/binary/index.ts';
import {
  type Branch,
  emptyLeaf,
  fanOut,
  leaf,
  type NodeId,
  noNode,
  type RootNode,
  type StateNode,
  strideAt,
} from './state-node.ts';

/**
 * Bytes of a node's name. Ten make a chance collision among 10^10 nodes one in 20,000; the key keeps strangers from making one.
 * A state change in a room of 50,000 members takes 530, 620 or 720 bytes on disk with names of 8, 10 or 12.
 */
export const nodeIdBytes = 10;

/**
 * Writes a node's body. A leaf: its size and depth; for each type its number, how many entries and their state keys as steps; then
 * the smallest event and each one's distance to it. A branch: its size, a bit for each child, their names.
 */
export function encodeNode(writer: ByteWriter, node: StateNode, depth: number): void {
  if (node.kind === 'branch') return encodeBranch(writer, node);
  const { entries, count } = node;
  // Depth counts up to ten, so it shares a number with the size; the lowest bit tells leaf from branch.
  writer.varint((count * 16 + depth) * 2);
  if (count === 0) return;
  const stride = strideAt(depth);
  let type = 0;
  for (let start = 0; start < entries.length;) {
    let end = start;
    while (end < entries.length && entries[end] === entries[start]) end += 3;
    writer.varint((entries[start] as number) - type);
    type = entries[start] as number;
    writer.varint((end - start) / 3);
    writer.varint(entries[start + 1] as number);
    for (let at = start + 3; at < end; at += 3)
      writer.varint(((entries[at + 1] as number) - (entries[at - 2] as number)) / stride);
    start = end;
  }
  let smallest = entries[2] as number;
  for (let at = 5; at < entries.length; at += 3) if ((entries[at] as number) < smallest) smallest = entries[at] as number;
  writer.signed(smallest);
  for (let at = 2; at < entries.length; at += 3) writer.varint((entries[at] as number) - smallest);
}

function encodeBranch(writer: ByteWriter, node: Branch): void {
  writer.varint(node.count * 2 + 1);
  let present = 0;
  for (let digit = 0; digit < fanOut; digit++) if (node.children[digit] !== noNode) present |= 1 << digit;
  writer.byte(present);
  for (const child of node.children) if (child !== noNode) writer.latin1(child);
}

/** Writes a root: the tops of both tries, one after the other. */
export function encodeRoot(writer: ByteWriter, root: RootNode): void {
  encodeNode(writer, root.others, 0);
  encodeNode(writer, root.members, 0);
}

/** Reads a node's body. Throws `RangeError` where it is damaged. */
export function decodeNode(body: Uint8Array): StateNode {
  return atItsEnd(new ByteReader(body), readNode);
}

/** Reads a root's body. Throws `RangeError` where it is damaged. */
export function decodeRoot(body: Uint8Array): RootNode {
  return atItsEnd(new ByteReader(body), (reader) => {
    const others = readNode(reader);
    return { kind: 'root', others, members: readNode(reader) };
  });
}

function atItsEnd<Node>(reader: ByteReader, read: (reader: ByteReader) => Node): Node {
  const node = read(reader);
  if (!reader.atEnd) throw new RangeError('a state node is longer than what it says');
  return node;
}

function readNode(reader: ByteReader): StateNode {
  const head = reader.varint();
  if (head % 2 === 1) {
    const present = reader.byte();
    const children: NodeId[] = [];
    for (let digit = 0; digit < fanOut; digit++) {
      children.push((present & (1 << digit)) === 0 ? noNode : (reader.latin1(nodeIdBytes) as NodeId));
    }
    return { kind: 'branch', count: (head - 1) / 2, children };
  }
  const count = Math.floor(head / 32);
  if (count === 0) return emptyLeaf;
  const stride = strideAt((head / 2) % 16);
  const entries: number[] = [];
  let type = 0;
  while (entries.length < count * 3) {
    type += reader.varint();
    const inType = reader.varint();
    if (inType === 0 || entries.length + inType * 3 > count * 3)
      throw new RangeError('a state node has a wrong number of entries');
    let stateKey = reader.varint();
    entries.push(type, stateKey, 0);
    for (let index = 1; index < inType; index++) {
      stateKey += reader.varint() * stride;
      entries.push(type, stateKey, 0);
    }
  }
  const smallest = reader.signed();
  for (let at = 2; at < entries.length; at += 3) entries[at] = smallest + reader.varint();
  return leaf(entries);
}
