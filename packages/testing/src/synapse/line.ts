import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { freePort } from '../homeserver/index.ts';

/** A port of the loopback address that leads to another one, until it is cut: whoever comes then is refused. */
export class Line {
  readonly port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(port: number, target: number) {
    this.port = port;
    this.#target = target;
  }

  /** `target` need not be listened to yet. */
  static async to(target: number): Promise<Line> {
    const line = new Line(await freePort(), target);
    await line.mend();
    return line;
  }

  /** Breaks what goes through it, and lets nothing through any more. */
  async cut(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    if (this.#server) return;
    this.#server = createServer((from) => this.#join(from, connect(this.#target, '127.0.0.1')));
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  #join(from: Socket, to: Socket): void {
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#sockets.add(one);
      // Which end breaks off, and how, is seen by the other end.
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
