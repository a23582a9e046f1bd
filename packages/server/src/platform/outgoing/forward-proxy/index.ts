export { chooseProxy, direct, type ProxyAddress, type ProxyChoice, type ProxySettings } from './choose-proxy.ts';
export { connectToProxy, openTunnel, proxyAuthorization, readyEvent } from './tunnel.ts';
