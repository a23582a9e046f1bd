import { hash } from 'node:crypto';

// Runs in a browser, or in the web view of a client that knows no way to log in by itself.
const script = `const form = document.querySelector('form');
const problem = document.querySelector('[role=alert]');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  problem.textContent = '';
  const wishes = Object.fromEntries(new URLSearchParams(location.search));
  const { user, password } = Object.fromEntries(new FormData(form));
  const body = { ...wishes, type: 'm.login.password', identifier: { type: 'm.id.user', user }, password };
  if ('refresh_token' in wishes) body.refresh_token = wishes.refresh_token === 'true';
  try {
    const answer = await fetch('/_matrix/client/v3/login', { method: 'POST', body: JSON.stringify(body) });
    const response = await answer.json();
    if (!answer.ok) problem.textContent = response.error ?? 'This did not work.';
    else if (window.matrixLogin?.onLogin) window.matrixLogin.onLogin(response);
    else problem.textContent = 'You are logged in, but no client has opened this page: nobody takes the session.';
  } catch {
    problem.textContent = 'The server cannot be reached.';
  }
});`;

const style = `body{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}
label{display:block;margin:1rem 0}input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}
button{font:inherit;padding:.4rem 1.2rem}[role=alert]{color:#b00020}`;

const sha256 = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`;

/**
 * The page on which a person logs in whose client knows none of the server's ways. What the client wants beside (`device_id`, …) stands
 * in the page's query. https://spec.matrix.org/v1.19/client-server-api/#login-fallback
 */
export const loginPage = {
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': [
      "default-src 'none'",
      `script-src ${sha256(script)}`,
      `style-src ${sha256(style)}`,
      "connect-src 'self'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'referrer-policy': 'no-referrer',
  },
  html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in</title><style>${style}</style></head>
<body><h1>Log in</h1><form>
<label>Name<input name="user" autocomplete="username" required></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button></form><p role="alert"></p><script>${script}</script></body></html>`,
};
