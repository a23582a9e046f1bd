import { request } from 'undici';

/** A server and who lives there. */
export interface Home {
  readonly baseUrl: string;
  readonly serverName: string;
  readonly people: readonly string[];
}

/** Somebody who can be logged in as. */
export interface Seeded {
  readonly userId: string;
  readonly password: string;
}

const talk: readonly (readonly [speaker: string, text: string])[] = [
  ['alice', 'Good morning! Who feeds the cat today?'],
  ['bob', 'I did yesterday.'],
  ['carol', 'And I did on Sunday, all the way from my own server. It is your turn, Alice.'],
  ['alice', 'So it is. She sits in front of the fridge already.'],
];

/** Makes a server's people, through the client API; those who are there already stay as they are. */
export async function register({ baseUrl, serverName, people }: Home): Promise<Seeded[]> {
  for (const name of people) {
    const body = { username: name, password: passwordOf(name), auth: { type: 'm.login.dummy' } };
    await call(baseUrl, 'POST', '/register', body, { tolerated: 'M_USER_IN_USE' });
  }
  return people.map((name) => ({ userId: `@${name}:${serverName}`, password: passwordOf(name) }));
}

/** The first server's first person makes a room, all others join it by its alias, and they talk; once. Gives the alias. */
export async function talkInARoom(homes: readonly Home[]): Promise<string> {
  const [first] = homes;
  if (!first) throw new Error('there is no server');
  const alias = `#kitchen:${first.serverName}`;
  const tokens = new Map<string, { baseUrl: string; token: string }>();
  for (const { baseUrl, people } of homes) {
    for (const name of people) tokens.set(name, { baseUrl, token: await logIn(baseUrl, name) });
  }
  const as = (name: string): { baseUrl: string; token: string } => {
    const found = tokens.get(name);
    if (!found) throw new Error(`there is no ${name}`);
    return found;
  };
  const maker = as(first.people[0] ?? '');
  const wish = { name: 'Kitchen', topic: 'Who feeds the cat', room_alias_name: 'kitchen', preset: 'public_chat' };
  const made = await call(maker.baseUrl, 'POST', '/createRoom', wish, { token: maker.token, tolerated: 'M_ROOM_IN_USE' });
  const roomId = made['room_id'];
  if (typeof roomId !== 'string') return alias;
  for (const { baseUrl, token } of tokens.values())
    await call(baseUrl, 'POST', `/join/${encodeURIComponent(alias)}`, {}, { token });
  for (const [index, [speaker, body]] of talk.entries()) {
    const { baseUrl, token } = as(speaker);
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${index}`;
    await call(baseUrl, 'PUT', path, { msgtype: 'm.text', body }, { token });
  }
  return alias;
}

async function logIn(baseUrl: string, name: string): Promise<string> {
  const identifier = { type: 'm.id.user', user: name };
  const answer = await call(baseUrl, 'POST', '/login', { type: 'm.login.password', identifier, password: passwordOf(name) });
  return String(answer['access_token']);
}

function passwordOf(name: string): string {
  return `${name}-opensesame`;
}

async function call(
  baseUrl: string,
  method: 'POST' | 'PUT',
  path: string,
  body: unknown,
  options: { readonly token?: string; readonly tolerated?: string } = {},
): Promise<Record<string, unknown>> {
  const answer = await request(`${baseUrl}/_matrix/client/v3${path}`, {
    method,
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
    },
  });
  const json = (await answer.body.json()) as Record<string, unknown>;
  if (answer.statusCode !== 200 && json['errcode'] !== options.tolerated) {
    throw new Error(`${method} ${path}: ${answer.statusCode} ${JSON.stringify(json)}`);
  }
  return json;
}
