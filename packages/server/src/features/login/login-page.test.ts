import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { createContext, runInContext } from 'node:vm';

import { forEachHomeserver, type TestHomeserver } from '@myelin/testing/homeserver';

/** The little of a browser that the page needs, with `typed` in its form. */
async function openedPage(homeserver: TestHomeserver, query: string, typed: Record<string, string>) {
  const { status, headers, body } = await homeserver.request('GET', `/_matrix/static/client/login/${query}`);
  assert.equal(status, 200);
  const script = /<script>([\s\S]*)<\/script>/.exec(String(body))?.[1] ?? '';
  assert.ok(
    String(headers['content-security-policy']).includes(hash('sha256', script, 'base64')),
    'the browser would not run it',
  );
  let submit: (event: { preventDefault(): void }) => Promise<void> = () => Promise.reject(new Error('there is no form'));
  const form = { addEventListener: (_: string, listener: typeof submit) => (submit = listener) };
  const problem = { textContent: '' };
  const told: { user_id: string; device_id: string }[] = [];
  runInContext(
    script,
    createContext({
      document: { querySelector: (selector: string) => (selector === 'form' ? form : problem) },
      location: { search: query },
      window: { matrixLogin: { onLogin: (response: (typeof told)[0]) => told.push(response) } },
      FormData: class {
        *[Symbol.iterator]() {
          yield* Object.entries(typed);
        }
      },
      URLSearchParams,
      fetch: async (path: string, { method, body: sent }: { method: string; body: string }) => {
        const answer = await homeserver.request(method, path, { body: sent });
        return { ok: answer.status === 200, json: async () => answer.body };
      },
    }),
  );
  return { submits: () => submit({ preventDefault: () => undefined }), problem, told };
}

forEachHomeserver('the login page', ({ test }) => {
  test('a client that knows no way to log in lets Alice do it on a page', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { localpart: user, password } = alice;
    const page = await openedPage(homeserver, '?device_id=TV', { user, password });
    await page.submits();
    assert.deepEqual(
      page.told.map(({ user_id, device_id }) => ({ user_id, device_id })),
      [{ user_id: alice.userId, device_id: 'TV' }],
    );
    const mistyped = await openedPage(homeserver, '', { user, password: 'a guess' });
    await mistyped.submits();
    assert.equal(mistyped.problem.textContent, 'Invalid username or password');
    assert.deepEqual(mistyped.told, []);
  });
});
