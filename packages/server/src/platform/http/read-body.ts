import type { IncomingMessage } from 'node:http';
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip, createInflate, gunzip, inflate, type InputType, type ZlibOptions } from 'node:zlib';

import { MatrixError, badJson, notJson, tooLarge } from '@myelin/protocol/errors';

export interface BodyLimits {
  /** Largest body in bytes, as it comes and as it is once inflated. */
  readonly maxBytes: number;
  /** How deep arrays and objects may nest. */
  readonly maxDepth: number;
}

type Inflate = (input: InputType, options: ZlibOptions, done: (error: Error | null, result: Buffer) => void) => void;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Reads the whole body as JSON, whatever its `Content-Type` says: many clients say nothing, or something else.
 * With the text, for what is signed or hashed as it was written. Undefined for an empty body. Throws M_NOT_JSON, M_TOO_LARGE, or M_BAD_JSON when it nests too deep.
 */
export async function readJsonText(
  message: IncomingMessage,
  limits: BodyLimits,
): Promise<{ readonly value: unknown; readonly text: string } | undefined> {
  const bytes = await readInflated(message, limits.maxBytes);
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch (cause) {
    if (cause instanceof TypeError) throw notJson('The request body is not valid UTF-8');
    throw cause;
  }
  checkDepth(text, limits.maxDepth);
  try {
    // A member named `__proto__` becomes an ordinary member here; of members with the same name the last counts.
    return { value: JSON.parse(text) as unknown, text };
  } catch (cause) {
    if (cause instanceof SyntaxError) throw notJson(`The request body is not valid JSON: ${cause.message}`);
    throw cause;
  }
}

/** The body as a stream of bytes, inflated if it came compressed. The stream fails with M_TOO_LARGE beyond `maxBytes`. */
export function openBody(message: IncomingMessage, maxBytes: number): Readable {
  refuseByLength(message, maxBytes);
  const encoding = encodingOf(message);
  if (encoding === 'identity' && message.headers['content-length'] !== undefined) return message;
  const counted = countBytes(maxBytes);
  // The handler may not read yet: the error stays with the stream until it does, and must not end the process meanwhile.
  counted.on('error', () => undefined);
  const inflater = encoding === 'gzip' ? createGunzip() : encoding === 'deflate' ? createInflate() : undefined;
  // Not `pipeline`: it would destroy the message, and with it the connection on which the error is to be told.
  message.once('error', (error) => counted.destroy(error));
  if (!inflater) return message.pipe(counted);
  inflater.once('error', (cause) => counted.destroy(badEncoding(cause)));
  return message.pipe(inflater).pipe(counted);
}

async function readInflated(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  refuseByLength(message, maxBytes);
  const encoding = encodingOf(message);
  const bytes = await readAll(message, maxBytes);
  if (encoding === 'identity' || bytes.length === 0) return bytes;
  return inflateAll(encoding === 'gzip' ? gunzip : inflate, bytes, maxBytes);
}

function inflateAll(using: Inflate, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    using(bytes, { maxOutputLength: maxBytes }, (error, result) => {
      if (!error) resolve(result);
      else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') reject(bodyTooLarge(maxBytes));
      else reject(badEncoding(error));
    });
  });
}

function readAll(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (error?: Error): void => {
      message.off('data', take).off('end', end).off('error', finish).off('close', closed);
      if (error) {
        message.pause();
        reject(error);
      } else {
        resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size));
      }
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) finish(bodyTooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const end = (): void => finish();
    const closed = (): void => finish(new MatrixError('M_UNKNOWN', 'The request ended before its body', { status: 400 }));
    message.on('data', take).on('end', end).on('error', finish).on('close', closed);
  });
}

function refuseByLength(message: IncomingMessage, maxBytes: number): void {
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
}

function bodyTooLarge(maxBytes: number): MatrixError {
  return tooLarge(`The request body is larger than ${maxBytes} bytes`);
}

function badEncoding(cause: unknown): MatrixError {
  return new MatrixError('M_NOT_JSON', 'The request body cannot be decompressed', { cause });
}

function encodingOf(message: IncomingMessage): 'identity' | 'gzip' | 'deflate' {
  const encoding = (message.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return 'identity';
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip';
  if (encoding === 'deflate') return 'deflate';
  throw new MatrixError('M_UNKNOWN', 'The server understands the content encodings gzip and deflate', { status: 415 });
}

function countBytes(maxBytes: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      size += chunk.length;
      if (size > maxBytes) done(bodyTooLarge(maxBytes));
      else done(null, chunk);
    },
  });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

// Before parsing: code that walks a value by recursion, ours or a library's, must never meet one that exhausts the stack.
function checkDepth(text: string, maxDepth: number): void {
  if (text.length <= maxDepth) return;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) index = endOfString(text, index);
    else if (OPENING.has(code) && ++depth > maxDepth) throw badJson(`The request body nests deeper than ${maxDepth} levels`);
    else if (CLOSING.has(code)) depth--;
  }
}

function endOfString(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
}
