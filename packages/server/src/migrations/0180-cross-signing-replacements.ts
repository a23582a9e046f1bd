import { migration } from '../platform/database/index.ts';

/** Until when an operator lets users replace their cross-signing keys without proving who they are. */
export default migration({
  id: 180,
  name: 'cross-signing-replacements',
  up: (dialect) => [
    `CREATE TABLE cross_signing_replacements (
      user_nid ${dialect.bigKey},
      allowed_before_ts ${dialect.integer} NOT NULL
    )`,
  ],
});
