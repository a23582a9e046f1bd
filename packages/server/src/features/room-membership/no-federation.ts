import { forbidden, notFound } from '@myelin/protocol/errors';

import type { RemoteMembership } from './neighbours.ts';

const unreachable = 'This server does not talk to other servers';

/** For a server that stands alone: rooms it is not in do not exist, and users of other servers cannot be reached. */
export const noFederation: RemoteMembership = {
  join: () => Promise.reject(notFound("Can't join: no server that is in the room is known")),
  knock: () => Promise.reject(notFound("Can't knock: no server that is in the room is known")),
  leave: () => Promise.reject(notFound('Not a known room')),
  checkReachable(users) {
    if (users.length > 0) throw forbidden(`${unreachable}: ${users[0]} cannot be invited`);
  },
  invite: () => Promise.reject(forbidden(unreachable)),
};
