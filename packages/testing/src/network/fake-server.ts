import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ServerName } from '@myelin/protocol/identifiers';
import { generateSigningKey, signJson, signText, type SigningKey } from '@myelin/protocol/signatures';
import { requestText } from '@myelin/server/remote-servers';

import type { CertificateAuthority } from './certificate-authority.ts';
import type { TestResolver } from './test-resolver.ts';
import { startTlsSite, type TlsSite } from './tls-site.ts';

export interface FakeServerPlace {
  readonly resolver: TestResolver;
  readonly authority: CertificateAuthority;
  /** Where it listens; any free port unless given. */
  readonly port?: number;
}

type Answer = (request: IncomingMessage, body: any) => unknown;

/** A homeserver of which only what a test says is there: keys that it signs with, and answers by path. */
export class FakeServer {
  readonly name: ServerName;
  signingKey: SigningKey;
  /** When the keys that it publishes are to be asked for again, in milliseconds since 1970. */
  validUntil = Date.now() + 86_400_000;
  oldKeys: Record<string, { key: string; expired_ts: number }> = {};
  /** By path, without the query. An answer `{ status, ...body }` is an error. */
  readonly answers = new Map<string, Answer>();
  /** By how a path begins, where no whole path fits. */
  readonly answersUnder = new Map<string, Answer>();
  #site: TlsSite | undefined;

  private constructor(name: string) {
    this.name = name as ServerName;
    this.signingKey = generateSigningKey(hash('sha256', name, 'buffer'));
    this.answers.set('/_matrix/key/v2/server', () => this.publishedKeys());
  }

  /** Starts it, and tells DNS where it is. A name with a port has the certificate of the host before it. */
  static async start(name: string, { resolver, authority, port = 0 }: FakeServerPlace): Promise<FakeServer> {
    const fake = new FakeServer(name);
    const certificate = authority.issue([name.replace(/:\d+$/, '')]);
    fake.#site = await startTlsSite(certificate, (request, response) => void fake.#answer(request, response), { port });
    resolver.host(name, '127.0.0.1').service(`_matrix-fed._tcp.${name}`, { name, port: fake.#site.port });
    return fake;
  }

  get site(): TlsSite {
    if (!this.#site) throw new Error('the server was not started');
    return this.#site;
  }

  /** How often a path was asked for. */
  asked(path: string): number {
    return this.site.requests.filter(({ url }) => url.split('?')[0] === path).length;
  }

  /** What it says of its keys, signed. */
  publishedKeys(): object {
    const { keyId, publicKey } = this.signingKey;
    const unsigned = {
      server_name: this.name,
      verify_keys: { [keyId]: { key: publicKey } },
      old_verify_keys: this.oldKeys,
      valid_until_ts: this.validUntil,
    };
    return signJson(unsigned, this.name, this.signingKey);
  }

  /** The key gives way to another, and is published as an old one. */
  rotatesItsKey(version: string, expiredTs: number): void {
    this.oldKeys = { ...this.oldKeys, [this.signingKey.keyId]: { key: this.signingKey.publicKey, expired_ts: expiredTs } };
    this.signingKey = generateSigningKey(hash('sha256', `${this.name} ${version}`, 'buffer'), version);
  }

  /** The `Authorization` header with which it proves a request. */
  authorization(request: {
    readonly method: string;
    readonly uri: string;
    readonly destination: string;
    readonly content?: unknown;
  }): string {
    const { method, uri, content } = request;
    const destination = request.destination as ServerName;
    const signature = signText(requestText({ method, uri, origin: this.name, destination, content }), this.signingKey);
    return `X-Matrix origin="${this.name}",destination="${destination}",key="${this.signingKey.keyId}",sig="${signature}"`;
  }

  async stop(): Promise<void> {
    await this.site.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const path = (request.url ?? '').split('?')[0] ?? '';
    const answer = this.answers.get(path) ?? [...this.answersUnder].find(([begin]) => path.startsWith(begin))?.[1];
    const text = Buffer.concat(chunks).toString();
    const body = (await answer?.(request, text === '' ? undefined : JSON.parse(text))) ?? {
      status: 404,
      errcode: 'M_UNRECOGNIZED',
      error: '',
    };
    const { status = 200, ...rest } = body as { status?: number };
    const json = JSON.stringify(Array.isArray(body) ? body : rest);
    response.writeHead(status, { 'content-type': 'application/json' }).end(json);
  }
}
