import { createHmac } from 'node:crypto';

import type { HttpLoad } from './http-load.ts';

/** A user with an access token, who talks to the server as a client does. */
export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly token: string;
}

export const password = 'correct horse battery staple';

let transactions = 0;

/** Registers by the shared secret where there is one, as `register_new_matrix_user` does; else as on a server open to everybody. */
export async function register(http: HttpLoad, name: string, sharedSecret: string | undefined): Promise<Person> {
  const { user_id: userId, access_token: token } = await http.json<{ user_id: string; access_token: string }>(
    sharedSecret === undefined
      ? {
          method: 'POST',
          path: '/_matrix/client/v3/register',
          body: { username: name, password, auth: { type: 'm.login.dummy' } },
        }
      : await registrationByAdmin(http, name, sharedSecret),
  );
  return { userId, name, token };
}

async function registrationByAdmin(http: HttpLoad, username: string, sharedSecret: string) {
  const path = '/_synapse/admin/v1/register';
  const { nonce } = await http.json<{ nonce: string }>({ method: 'GET', path });
  const mac = createHmac('sha1', sharedSecret).update([nonce, username, password, 'notadmin'].join('\0')).digest('hex');
  return { method: 'POST', path, body: { nonce, username, password, admin: false, mac } } as const;
}

/** A new device of somebody who has an account. */
export async function logIn(http: HttpLoad, name: string): Promise<Person> {
  const { user_id: userId, access_token: token } = await http.json<{ user_id: string; access_token: string }>({
    method: 'POST',
    path: '/_matrix/client/v3/login',
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: name }, password },
  });
  return { userId, name, token };
}

/** A public room; gives its id. */
export async function createRoom(http: HttpLoad, { token }: Person, name: string): Promise<string> {
  const body = { preset: 'public_chat', name, topic: `The talk of ${name}` };
  const path = '/_matrix/client/v3/createRoom';
  return (await http.json<{ room_id: string }>({ method: 'POST', path, token, body })).room_id;
}

export async function join(http: HttpLoad, { token }: Person, roomId: string): Promise<void> {
  await http.get({ method: 'POST', path: `/_matrix/client/v3/join/${encodeURIComponent(roomId)}`, token, body: {} });
}

export async function say(http: HttpLoad, { token }: Person, roomId: string, body: string): Promise<void> {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/bench${process.pid}.${transactions++}`;
  await http.get({ method: 'PUT', path, token, body: { msgtype: 'm.text', body } });
}

export async function setTopic(http: HttpLoad, { token }: Person, roomId: string, topic: string): Promise<void> {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic/`;
  await http.get({ method: 'PUT', path, token, body: { topic } });
}
