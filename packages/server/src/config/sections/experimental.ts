import { bool, group, isMapping, option, section, spelt } from '../schema/index.ts';

const experiments = {
  msc3814_enabled: option(bool, 'Dehydrated devices: they receive the keys of messages while their user is logged in nowhere.', {
    default: true,
  }),
  msc4263_limit_key_queries_to_users_who_share_rooms: option(
    bool,
    'Users are told the keys of those only with whom they are in a room, so that nobody finds accounts by asking for keys (MSC4263).',
    { default: false },
  ),
  msc4370_enabled: option(bool, 'Servers in a room are told which of its events nothing follows here yet (MSC4370).', {
    default: false,
  }),
};

/** Whether this server has the experiment that an option of `experimental_features` switches. */
export function isSupportedExperiment(name: string): boolean {
  return Object.hasOwn(experiments, name);
}

export const experimental = section('Experimental features', {
  experimental_features: option(
    // Of all others `noteUnsupported` tells.
    spelt(group(experiments), (found) =>
      isMapping(found)
        ? Object.fromEntries(Object.entries(found).filter(([name, value]) => isSupportedExperiment(name) && value !== null))
        : found,
    ),
    'Features that are not in the specification yet, by the number of their proposal.',
    { default: {} },
  ),
});
