import { request } from 'undici';

/** Somebody who can be logged in as. */
export interface Seeded {
  readonly userId: string;
  readonly password: string;
}

const names = ['alice', 'bob', 'carol'] as const;
const talk: readonly (readonly [speaker: number, text: string])[] = [
  [0, 'Good morning! Who feeds the cat today?'],
  [1, 'I did yesterday.'],
  [2, 'And I did on Sunday. It is your turn, Alice.'],
  [0, 'So it is. She sits in front of the fridge already.'],
];

/** Makes alice, bob and carol and a room in which they talk, through the client API; people who are there already stay as they are. */
export async function seed(baseUrl: string, serverName: string): Promise<Seeded[]> {
  const tokens: string[] = [];
  for (const name of names) {
    const answer = await call(baseUrl, 'POST', '/register', {
      username: name,
      password: passwordOf(name),
      auth: { type: 'm.login.dummy' },
    });
    if (typeof answer['access_token'] === 'string') tokens.push(answer['access_token']);
  }
  const people = names.map((name) => ({ userId: `@${name}:${serverName}`, password: passwordOf(name) }));
  if (tokens.length === names.length) await makeRoom(baseUrl, people, tokens);
  return people;
}

async function makeRoom(baseUrl: string, people: readonly Seeded[], tokens: readonly string[]): Promise<void> {
  const invite = people.slice(1).map(({ userId }) => userId);
  const room = await call(
    baseUrl,
    'POST',
    '/createRoom',
    { name: 'Kitchen', topic: 'Who feeds the cat', room_alias_name: 'kitchen', invite },
    tokens[0],
  );
  const roomId = encodeURIComponent(String(room['room_id']));
  for (const token of tokens.slice(1)) await call(baseUrl, 'POST', `/rooms/${roomId}/join`, {}, token);
  for (const [index, [speaker, body]] of talk.entries()) {
    await call(baseUrl, 'PUT', `/rooms/${roomId}/send/m.room.message/${index}`, { msgtype: 'm.text', body }, tokens[speaker]);
  }
}

function passwordOf(name: string): string {
  return `${name}-opensesame`;
}

async function call(
  baseUrl: string,
  method: 'POST' | 'PUT',
  path: string,
  body: unknown,
  token?: string,
): Promise<Record<string, unknown>> {
  const answer = await request(`${baseUrl}/_matrix/client/v3${path}`, {
    method,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  });
  const json = (await answer.body.json()) as Record<string, unknown>;
  const isThere = json['errcode'] === 'M_USER_IN_USE';
  if (answer.statusCode !== 200 && !isThere) throw new Error(`${method} ${path}: ${answer.statusCode} ${JSON.stringify(json)}`);
  return json;
}
