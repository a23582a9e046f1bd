import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { proxiesFrom, readProxyAddress } from './proxy-address.ts';

suite('forward proxies', () => {
  const silent = { http_proxy: null, https_proxy: null, no_proxy_hosts: null };

  test('the environment stands in for what the file does not say, in letters of any size', () => {
    const environment = { http_proxy: 'plain:1', Https_Proxy: 'secure:2', NO_PROXY: ' near.example, 10.0.0.0/8 ,', other: 'x' };
    assert.deepEqual(proxiesFrom(silent, environment), {
      http_proxy: 'plain:1',
      https_proxy: 'secure:2',
      no_proxy_hosts: ['near.example', '10.0.0.0/8'],
    });
    const written = { http_proxy: null, https_proxy: 'mine:3', no_proxy_hosts: [] };
    assert.deepEqual(proxiesFrom(written, environment), { http_proxy: 'plain:1', https_proxy: 'mine:3', no_proxy_hosts: [] });
    assert.deepEqual(proxiesFrom(silent, { http_proxy: ' ' }), { http_proxy: null, https_proxy: null, no_proxy_hosts: [] });
  });

  test('addresses have the scheme http, the port 1080 and no credentials unless they say so', () => {
    const plain = { secure: false, host: '10.0.1.1', port: 1080, credentials: undefined };
    assert.deepEqual(readProxyAddress('10.0.1.1'), plain);
    assert.deepEqual(readProxyAddress('http://10.0.1.1:80'), { ...plain, port: 80 });
    assert.deepEqual(readProxyAddress('https://U%40:p%@proxy.example:443/'), {
      secure: true,
      host: 'proxy.example',
      port: 443,
      credentials: 'U@:p%',
    });
    for (const wrong of ['', 'socks5://proxy', 'http://', 'http://proxy/path', 'http://proxy?x']) {
      assert.equal(readProxyAddress(wrong), undefined, wrong);
    }
  });
});
