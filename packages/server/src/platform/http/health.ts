import { endpoint } from '@myelin/protocol/api';

import { answer, route } from './types.ts';

const getHealth = endpoint({ id: 'getHealth', method: 'GET', path: '/health', auth: 'none' });

/** `GET /health` answers `OK` for as long as the process takes requests; Synapse's probes ask here. */
export const healthRoute = route(getHealth, () =>
  answer({ headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'OK' }),
);
