import type { Server } from './server.ts';

/** A server that runs already, wherever. `pid`: its process, when it is on this machine. */
export function remoteServer(url: string, registrationSharedSecret: string | undefined, pid: number | undefined): Server {
  return {
    name: new URL(url).host,
    url: url.replace(/\/$/, ''),
    registrationSharedSecret,
    processes: () => (pid === undefined ? [] : [pid]),
    databaseProcesses: () => [],
    close: async () => undefined,
  };
}
