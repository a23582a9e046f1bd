import { migration } from '../platform/database/index.ts';

/** What users made of their push rules (`features/push`). */
export default migration({
  id: 40,
  name: 'push-rules',
  up: (dialect) => [
    // rules is JSON: rules of the user's own and changes to the server's. Who never touched theirs has no row.
    `CREATE TABLE push_rules (
      user_nid ${dialect.bigKey},
      position ${dialect.integer} NOT NULL,
      rules ${dialect.text} NOT NULL
    )`,
    `CREATE INDEX push_rules_by_position ON push_rules (position)`,
  ],
});
