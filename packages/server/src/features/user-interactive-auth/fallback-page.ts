import { hash } from 'node:crypto';

import { type Answer, answer } from '../../platform/http/index.ts';
import type { StageForm } from './stage.ts';

// As https://spec.matrix.org/v1.19/client-server-api/#fallback has it.
const doneScript = `if (window.onAuthDone) {
  window.onAuthDone();
} else if (window.opener && window.opener.postMessage) {
  window.opener.postMessage("authDone", "*");
}`;

const style = `body{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}
label{display:block;margin:1rem 0}input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}
button{font:inherit;padding:.4rem 1.2rem}[role=alert]{color:#b00020}`;

const csp = [
  "default-src 'none'",
  `script-src 'sha256-${hash('sha256', doneScript, 'base64')}'`,
  `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** The page on which a person does a stage that the client does not know. */
export function formPage(form: StageForm, problem?: string): Answer {
  const links = (form.links ?? []).map(
    ({ name, url }) => `<p><a href="${escaped(url)}" target="_blank" rel="noopener noreferrer">${escaped(name)}</a></p>`,
  );
  const fields = form.fields.map(
    ({ name, label, type, autocomplete }) =>
      `<label>${escaped(label)}<input name="${escaped(name)}" type="${type}" autocomplete="${escaped(autocomplete)}" required></label>`,
  );
  const complaint = problem === undefined ? '' : `<p role="alert">${escaped(problem)}</p>`;
  return page(
    problem === undefined ? 200 : 401,
    form.title,
    `<p>${escaped(form.text)}</p>${links.join('')}${complaint}
<form method="post">${fields.join('')}<button>${escaped(form.button)}</button></form>`,
  );
}

/** Tells the client, and the person, that the stage is done. */
export function donePage(): Answer {
  return page(
    200,
    'Done',
    `<p>Thank you. You may close this window and return to your client.</p><script>${doneScript}</script>`,
  );
}

/** Nothing can be done here. */
export function problemPage(status: number, problem: string): Answer {
  return page(status, 'This does not work', `<p role="alert">${escaped(problem)}</p>`);
}

function page(status: number, title: string, content: string): Answer {
  return answer({
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': csp,
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
    },
    body: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head>
<body><h1>${escaped(title)}</h1>${content}</body></html>`,
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
