import { migration } from '../platform/database/index.ts';

/** Profiles of this server's users (`features/profiles`). */
export default migration({
  id: 32,
  name: 'profiles',
  up: (dialect) => [
    // fields: a JSON object of all fields beside name and avatar.
    `CREATE TABLE profiles (
      user_nid ${dialect.bigKey},
      displayname ${dialect.text},
      avatar_url ${dialect.text},
      fields ${dialect.text} NOT NULL
    )`,

    // Whose rooms do not all show the profile yet. version tells a change that came while the earlier one was being told.
    `CREATE TABLE profile_propagations (
      user_nid ${dialect.bigKey},
      version ${dialect.integer} NOT NULL
    )`,
  ],
});
