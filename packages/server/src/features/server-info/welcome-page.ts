const clients: readonly (readonly [name: string, url: string, where: string])[] = [
  ['Element', 'https://element.io/download', 'web, desktop, Android, iOS'],
  ['FluffyChat', 'https://fluffychat.im', 'web, desktop, Android, iOS'],
  ['Cinny', 'https://cinny.in', 'web, desktop'],
  ['Nheko', 'https://nheko-reborn.github.io', 'desktop'],
  ['Fractal', 'https://gitlab.gnome.org/World/fractal', 'GNOME desktop'],
];

const style = `
  :root { color-scheme: light dark; --ink: #1d2330; --soft: #5d6575; --paper: #f7f6f3; --card: #fff; --line: #e2dfd8; --accent: #0b6e5f; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #ece9e2; --soft: #a5a9b3; --paper: #14171d; --card: #1c2028; --line: #2d323d; --accent: #58c7b0; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 2rem 1rem; background: var(--paper); color: var(--ink);
    font: 16px/1.55 system-ui, sans-serif; }
  main { width: min(34rem, 100%); background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 2.25rem; }
  h1 { margin: 0 0 .25rem; font-size: 1.5rem; letter-spacing: -.01em; }
  p { margin: .75rem 0; } .soft, td:last-child { color: var(--soft); }
  .state { display: inline-flex; align-items: center; gap: .5rem; color: var(--accent); font-weight: 600; }
  .state::before { content: ""; width: .6rem; height: .6rem; border-radius: 50%; background: currentColor; }
  code { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: .1rem .4rem; overflow-wrap: anywhere; }
  table { width: 100%; border-collapse: collapse; margin-top: .5rem; } td { padding: .45rem 0; border-top: 1px solid var(--line); }
  td:last-child { text-align: right; } a { color: var(--accent); }
`;

/** The page at `/`: tells a person with a browser that the server runs, and which clients to use. Nothing on it is loaded from elsewhere. */
export function welcomePage(serverName: string, baseUrl: string): { html: string; headers: Record<string, string> } {
  const rows = clients.map(
    ([name, url, where]) => `<tr><td><a href="${url}" rel="noreferrer">${name}</a></td><td>${where}</td></tr>`,
  );
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(serverName)}: a Matrix homeserver</title>
<style>${style}</style>
</head>
<body>
<main>
<p class="state">Running</p>
<h1>${escapeHtml(serverName)}</h1>
<p class="soft">This is a Matrix homeserver. People here have addresses like <code>@name:${escapeHtml(serverName)}</code>.</p>
<p>To talk, open a Matrix client and give it this homeserver: <code>${escapeHtml(baseUrl.replace(/\/$/, ''))}</code></p>
<table>${rows.join('')}</table>
<p class="soft">More clients: <a href="https://matrix.org/ecosystem/clients/" rel="noreferrer">matrix.org/ecosystem/clients</a></p>
</main>
</body>
</html>
`;
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    },
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
